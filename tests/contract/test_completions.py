"""Completions, log probabilities and several answers, through OpenAI's own client: only things
that hold for any server, wherever it runs."""

from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import CompletionChoice
from openai.types.chat import ChatCompletionUserMessageParam

HELLO: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello, who are you?"}]
BEGINNING = "Once upon a time there was"
NEAR = 1e-3


def one(client: OpenAI, prompt: Any = BEGINNING, **fields: Any) -> CompletionChoice:
    """The only choice of a greedy completion of the pre-trained base."""
    given = {"model": "pt", "temperature": 0, **fields}
    [choice] = client.completions.create(prompt=prompt, **given).choices
    return choice


def test_a_completion_goes_on_and_may_echo(client: OpenAI) -> None:
    alone, echoed = one(client), one(client, echo=True)
    assert alone.text
    assert echoed.text == BEGINNING + alone.text
    assert alone.finish_reason in ("stop", "length")
    assert alone.logprobs is None


def test_a_stream_of_completions_says_the_same(client: OpenAI) -> None:
    prompts = [BEGINNING, "The sea is"]
    whole = client.completions.create(model="pt", prompt=prompts, temperature=0)
    texts, reasons = ["", ""], ["", ""]
    parts = client.completions.create(
        model="pt",
        prompt=prompts,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    for part in parts:
        for choice in part.choices:
            texts[choice.index] += choice.text
            reasons[choice.index] = choice.finish_reason or reasons[choice.index]
    assert [choice.text for choice in whole.choices] == texts
    assert [choice.finish_reason for choice in whole.choices] == reasons
    assert part.choices == []
    assert part.usage is not None and whole.usage is not None
    assert part.usage.completion_tokens == whole.usage.completion_tokens


def test_a_text_is_scored_as_it_was_generated(client: OpenAI) -> None:
    """What was said of tokens as they came is what is said of them in a prompt."""
    came = one(client, max_tokens=12, logprobs=5, echo=True, seed=1, temperature=1)
    assert came.logprobs is not None and came.logprobs.token_logprobs is not None
    scored = one(client, came.text, max_tokens=0, logprobs=5, echo=True)
    assert scored.logprobs is not None
    assert scored.text == came.text
    if scored.logprobs.tokens != came.logprobs.tokens:
        pytest.skip("the generated tokens are not those that their text is cut into")
    assert scored.logprobs.text_offset == came.logprobs.text_offset
    assert scored.logprobs.token_logprobs is not None
    assert scored.logprobs.token_logprobs[0] is None
    assert scored.logprobs.token_logprobs[1:] == pytest.approx(
        came.logprobs.token_logprobs[1:], abs=NEAR
    )


@pytest.mark.parametrize("max_tokens", [0, 1])
def test_a_greedy_text_scores_as_the_likeliest(client: OpenAI, max_tokens: int) -> None:
    """As evaluation harnesses ask: echo, one alternative, temperature 0."""
    said = one(client, max_tokens=8, logprobs=0)
    assert said.logprobs is not None and said.logprobs.token_logprobs is not None
    choice = one(
        client, BEGINNING + said.text, max_tokens=max_tokens, echo=True, logprobs=1, seed=1234
    )
    told = choice.logprobs
    assert told is not None and told.tokens is not None
    assert told.token_logprobs is not None and told.top_logprobs is not None
    count = len(said.logprobs.token_logprobs)
    context = len(told.tokens) - max_tokens - count
    places = slice(context, context + count)
    if told.tokens[places] != said.logprobs.tokens:
        pytest.skip("the generated tokens are not those that their text is cut into")
    assert told.token_logprobs[places] == pytest.approx(said.logprobs.token_logprobs, abs=NEAR)
    for logprob, top in zip(told.token_logprobs[places], told.top_logprobs[places], strict=True):
        assert logprob == pytest.approx(max(top.values()), abs=NEAR)


def test_one_token_is_told_after_a_scored_prompt(client: OpenAI) -> None:
    """Even where the model would end: lm-eval drops the last log probability, whatever it is of."""
    ends = {"max_tokens": 1, "logit_bias": {"1": 100}}  # <eos> of the embedded pair, as of Gemma
    assert one(client, **ends).finish_reason == "stop"
    asked = one(client, **ends, echo=True, logprobs=1)
    scored = one(client, max_tokens=0, echo=True, logprobs=1)
    assert asked.logprobs is not None and scored.logprobs is not None
    assert asked.logprobs.tokens is not None and scored.logprobs.tokens is not None
    assert asked.logprobs.tokens[:-1] == scored.logprobs.tokens
    assert asked.text == scored.text == BEGINNING


def test_prompts_of_ids(client: OpenAI) -> None:
    answer = client.completions.create(
        model="pt", prompt=[[20, 30, 40], [50, 60]], max_tokens=1, echo=True, logprobs=1, n=2
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    lengths = [len(choice.logprobs.tokens or []) for choice in answer.choices if choice.logprobs]
    assert lengths == [4, 4, 3, 3]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 4)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [10**9]}, "prompt"),
        ({"prompt": [20] * 100_000}, "prompt"),
        ({"best_of": 3}, "best_of"),
        ({"suffix": "the end"}, "suffix"),
        ({"logprobs": 6}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_a_bad_completion_names_the_field(client: OpenAI, wrong: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="it", prompt="a", extra_body=wrong)
    assert caught.value.param == param


def test_log_probabilities_of_a_chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it", messages=HELLO, max_tokens=12, temperature=0, logprobs=True, top_logprobs=3
    )
    [choice] = answer.choices
    assert choice.logprobs is not None and choice.logprobs.content is not None
    assert answer.usage is not None
    assert len(choice.logprobs.content) == answer.usage.completion_tokens
    data = bytes(byte for entry in choice.logprobs.content for byte in entry.bytes or [])
    assert data.decode(errors="replace") == choice.message.content
    for entry in choice.logprobs.content:
        assert len(entry.top_logprobs) == 3
        assert entry.logprob == pytest.approx(entry.top_logprobs[0].logprob, abs=NEAR)
    text, told = "", []
    for chunk in client.chat.completions.create(
        model="it",
        messages=HELLO,
        max_tokens=12,
        temperature=0,
        logprobs=True,
        top_logprobs=3,
        stream=True,
    ):
        text += chunk.choices[0].delta.content or ""
        if chunk.choices[0].logprobs is not None:
            told += chunk.choices[0].logprobs.content or []
    assert text == choice.message.content
    assert [entry.bytes for entry in told] == [entry.bytes for entry in choice.logprobs.content]


def test_several_answers_by_one_seed(client: OpenAI) -> None:
    def ask(n: int, seed: int) -> list[str | None]:
        answer = client.chat.completions.create(
            model="it", messages=HELLO, max_tokens=20, temperature=1, seed=seed, n=n
        )
        assert [choice.index for choice in answer.choices] == list(range(n))
        return [choice.message.content for choice in answer.choices]

    four = ask(4, 7)
    assert ask(4, 7) == four
    assert ask(1, 7) == four[:1]
    assert ask(2, 7) == four[:2]
    assert len(set(four)) > 1
    streamed = [""] * 4
    for chunk in client.chat.completions.create(
        model="it", messages=HELLO, max_tokens=20, temperature=1, seed=7, n=4, stream=True
    ):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == four
