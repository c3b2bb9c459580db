"""What the fields that bend the choice of tokens do to a real model's answers."""

from bluey_adapters.tokenizer import Tokenizer
from bluey_data.catalog import embedded_model
from tests.contract.asking import Asker, Choice

WILD = {"temperature": 2, "seed": 5}
LONG = {"max_tokens": 60, "ignore_eos": True}  # enough to repeat oneself


def token_id(text: str) -> int:
    """The token that a text is."""
    [token] = Tokenizer.load(embedded_model("tiny-it")).encode(text, special=False)
    return token


def repeated(answer: Choice) -> int:
    """How many of its tokens were there before."""
    return len(answer.tokens) - len(set(answer.tokens))


def is_rarer_again(answer: Choice, usual: Choice) -> bool:
    """Whether the first token that comes again in `usual` is less likely to, or doesn't."""
    tokens = usual.tokens
    again = next(place for place, token in enumerate(tokens) if token in tokens[:place])
    assert answer.tokens[:again] == tokens[:again]
    return answer.tokens[again] != tokens[again] or answer.logprobs[again] < usual.logprobs[again]


def is_likelier_again(answer: Choice, usual: Choice) -> bool:
    """Whether the first token that comes again in `usual` is likelier to, or another one does."""
    theirs, ours = usual.tokens, answer.tokens
    again = next(place for place, token in enumerate(theirs) if token in theirs[:place])
    for place, (one, other) in enumerate(zip(ours[: again + 1], theirs, strict=False)):
        if one != other:
            return one in ours[:place]
    return answer.logprobs[again] > usual.logprobs[again]


def test_temperature(ask: Asker) -> None:
    assert len({ask(temperature=0, seed=seed).text for seed in range(3)}) == 1
    assert len({ask(temperature=2, seed=seed).text for seed in range(3)}) == 3
    for cold in (1e-3, 1e-44, 5e-324):
        assert ask(temperature=cold, seed=5).text == ask(temperature=0).text


def test_seed(ask: Asker) -> None:
    texts = [ask(temperature=1, seed=seed).text for seed in (1, 1, -1, -1, 2**63 - 1)]
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]
    assert len(set(texts)) == 3
    assert len({ask(temperature=2).text for _ in range(2)}) == 2  # without one, another each time


def test_top_p(ask: Asker) -> None:
    assert ask(**WILD, top_p=0).text == ask().text
    assert ask(**WILD, top_p=1).text == ask(**WILD).text != ask().text


def test_top_k(ask: Asker) -> None:
    assert ask(**WILD, top_k=1).text == ask().text
    assert ask(**WILD, top_k=0).text == ask(**WILD, top_k=-1).text == ask(**WILD).text


def test_min_p(ask: Asker) -> None:
    assert ask(**WILD, min_p=1).text == ask().text
    assert ask(**WILD, min_p=0).text == ask(**WILD).text


def test_logit_bias(ask: Asker) -> None:
    [first] = ask.told(max_tokens=1).tokens
    banned = {str(token_id(first)): -100}
    assert ask.told(max_tokens=1, logit_bias=banned).tokens != [first]
    wanted = {str(token_id("x")): 100}
    assert ask(max_tokens=6, logit_bias=wanted).text == "xxxxxx"
    assert ask(max_tokens=6, logit_bias=wanted, temperature=2).text == "xxxxxx"


def test_presence_penalty(ask: Asker) -> None:
    usual = ask.told(**LONG)
    assert ask.told(**LONG, presence_penalty=0) == usual
    assert is_rarer_again(ask.told(**LONG, presence_penalty=2), usual)
    assert is_likelier_again(ask.told(**LONG, presence_penalty=-2), usual)


def test_frequency_penalty(ask: Asker) -> None:
    usual = ask.told(**LONG)
    assert ask.told(**LONG, frequency_penalty=0) == usual
    assert is_rarer_again(ask.told(**LONG, frequency_penalty=2), usual)
    assert is_likelier_again(ask.told(**LONG, frequency_penalty=-2), usual)


def test_repetition_penalty(ask: Asker) -> None:
    usual = ask.told(**LONG)
    assert ask.told(**LONG, repetition_penalty=1) == usual
    assert repeated(ask.told(**LONG, repetition_penalty=5)) < repeated(usual)
    assert ask(repetition_penalty=0.01, max_tokens=5).count == 5
    assert ask(repetition_penalty=10, max_tokens=5, min_tokens=5).count == 5
    assert repeated(ask.told(**LONG, repetition_penalty=0.5)) > repeated(usual)
