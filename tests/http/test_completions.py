"""Completions: bare prompts of every shape, echoed and scored."""

import math
from pathlib import Path
from typing import Any

import openai
import pytest

from bluey_adapters.home import Home
from bluey_server.http.answer.logprobs import completion_logprobs
from bluey_server.http.answer.told_tokens import ToldToken
from bluey_server.messages import TokenLogprobs
from tests.fakes.scripted_engine import Fail, Say
from tests.http.rig import Launch, Rig, add_base
from tests.http.test_stream import events


def post(rig: Rig, prompt: Any = "Once upon", **fields: Any) -> Any:
    """A completion of the base `it`, raw."""
    return rig.http.post("/v1/completions", json={"model": "it", "prompt": prompt, **fields})


def test_a_text_is_encoded_as_the_tokenizer_does_by_itself(shared: Rig) -> None:
    shared.engine.enqueue(Say(" a time"))
    answer = shared.openai().completions.create(model="it", prompt="Once upon")
    asked = shared.engine.asked[-1]
    assert asked.request.prompt == asked.base.tokenizer.encode("Once upon", special=True)
    assert asked.base.tokenizer.token_id("<bos>") == asked.request.prompt[0]
    assert asked.request.max_tokens == 16
    assert asked.request.logprobs is None
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    [choice] = answer.choices
    assert (choice.text, choice.index, choice.logprobs, choice.finish_reason) == (
        " a time",
        0,
        None,
        "stop",
    )
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(asked.request.prompt)


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ([20, 30, 40], [[20, 30, 40]]),
        ([[20], [30, 40]], [[20], [30, 40]]),
        ([7.0], [[7]]),
        (["a", "a"], None),
        ("", [[2]]),
    ],
)
def test_every_shape_of_prompt(shared: Rig, prompt: Any, prompts: list[list[int]] | None) -> None:
    before = len(shared.engine.asked)
    response = post(shared, prompt)
    assert response.status_code == 200
    asked = [one.request.prompt for one in shared.engine.asked[before:]]
    if prompts is None:
        prompts = [shared.engine.asked[-1].base.tokenizer.encode("a")] * 2
    assert asked == prompts
    assert response.json()["usage"]["prompt_tokens"] == sum(map(len, prompts))


def test_the_index_is_the_prompt_s_times_n_plus_the_answer_s(shared: Rig) -> None:
    before = len(shared.engine.asked)
    response = post(shared, ["a", "b b", "c c c"], n=2, seed=1, echo=True, max_tokens=3)
    choices = response.json()["choices"]
    assert [choice["index"] for choice in choices] == list(range(6))
    assert [choice["text"][:1] for choice in choices] == list("aabbcc")
    lengths = [len(one.request.prompt) for one in shared.engine.asked[before:]]
    assert response.json()["usage"]["prompt_tokens"] == sum(lengths) // 2
    assert len({one.request.sampling.seed for one in shared.engine.asked[before:]}) == 2


def test_a_stream_says_the_same(shared: Rig) -> None:
    for text in (" one", " two"):
        shared.engine.enqueue(Say(text, apart=True))
    response = post(
        shared, ["a", "b"], stream=True, stream_options={"include_usage": True}, logprobs=1
    )
    *chunks, usage, done = events(response.text)
    assert done == "[DONE]"
    texts, reasons = {0: "", 1: ""}, {}
    for chunk in chunks:
        assert chunk["object"] == "text_completion"
        assert chunk["usage"] is None
        [choice] = chunk["choices"]
        if choice["text"]:
            told = choice["logprobs"]
            assert "".join(told["tokens"]) == choice["text"]
            assert told["text_offset"][0] == len(texts[choice["index"]])
        texts[choice["index"]] += choice["text"]
        if choice["finish_reason"]:
            reasons[choice["index"]] = choice["finish_reason"]
    assert texts == {0: " one", 1: " two"}
    assert reasons == {0: "stop", 1: "stop"}
    assert usage["usage"]["completion_tokens"] == 8


def test_the_client_s_stream(shared: Rig) -> None:
    shared.engine.enqueue(Say(" one two"))
    parts = shared.openai().completions.create(model="it", prompt="a", stream=True, echo=True)
    assert "".join(part.choices[0].text for part in parts) == "a one two"


def test_a_stop_string(shared: Rig) -> None:
    shared.engine.enqueue(Say(" one. two", apart=True))
    choice = post(shared, "The end.", stop=".", echo=True).json()["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == ("The end. one", "stop")
    shared.engine.cancelled.get(timeout=10)


def test_echo_alone_asks_no_engine(shared: Rig) -> None:
    before = len(shared.engine.asked), len(shared.engine.scored)
    tokenizer = shared.engine.asked[-1].base.tokenizer
    ids = tokenizer.encode("Ärger 🐶", special=True)
    for prompt in ("Ärger 🐶", ids):
        answer = post(shared, prompt, echo=True, max_tokens=0).json()
        [choice] = answer["choices"]
        assert (choice["text"], choice["finish_reason"]) == ("Ärger 🐶", "length")
        assert answer["usage"]["completion_tokens"] == 0
    assert (len(shared.engine.asked), len(shared.engine.scored)) == before


@pytest.mark.parametrize("max_tokens", [0, 1])
@pytest.mark.parametrize("as_ids", [False, True])
def test_what_an_evaluation_harness_asks_for(shared: Rig, max_tokens: int, as_ids: bool) -> None:
    text = "Ärger, 🐶 said she."
    post(shared, text)
    tokenizer = shared.engine.asked[-1].base.tokenizer
    ids = tokenizer.encode(text, special=not as_ids)
    shared.engine.enqueue(Say("!"))
    answer = post(
        shared,
        ids if as_ids else text,
        max_tokens=max_tokens,
        echo=True,
        logprobs=1,
        temperature=0,
    ).json()
    [choice] = answer["choices"]
    told = choice["logprobs"]
    assert shared.engine.scored[-1].prompt == ids
    assert choice["text"] == text + "!" * max_tokens
    lengths = {key: len(value) for key, value in told.items()}
    assert set(lengths) == {"tokens", "token_logprobs", "top_logprobs", "text_offset"}
    assert set(lengths.values()) == {len(ids) + max_tokens}
    assert (told["token_logprobs"][0], told["top_logprobs"][0]) == (None, None)
    assert set(told["token_logprobs"][1:]) == {-0.25}
    for name, top in zip(told["tokens"][1:], told["top_logprobs"][1:], strict=True):
        assert top == {name: -0.25}
    assert told["text_offset"] == sorted(told["text_offset"])
    for name, offset in zip(told["tokens"], told["text_offset"], strict=True):
        if not name.startswith(("\\x", "<")):
            assert choice["text"][offset:].startswith(name)
    assert answer["usage"]["completion_tokens"] == max_tokens


def test_answers_to_one_prompt_share_its_score(shared: Rig) -> None:
    before = len(shared.engine.scored)
    choices = post(shared, "One two", n=3, echo=True, logprobs=0, max_tokens=2).json()["choices"]
    assert len(shared.engine.scored) == before + 1
    first = choices[0]["logprobs"]
    assert first["top_logprobs"][1] == {first["tokens"][1]: -0.25}
    assert [choice["logprobs"]["tokens"][:3] for choice in choices] == [first["tokens"][:3]] * 3


def test_tokens_written_alike_and_impossible_ones(shared: Rig) -> None:
    post(shared)
    vocabulary = shared.engine.asked[-1].base.vocabulary
    told = TokenLogprobs(-math.inf, [300, 300, 400], [-0.5, -1.0, -math.inf])
    (top,) = completion_logprobs([ToldToken(301, told, 0)], vocabulary).top_logprobs
    names = [vocabulary.bytes_of(token).decode() for token in (300, 400, 301)]
    assert top == dict(zip(names, (-0.5, -9999.0, -9999.0), strict=True))


def test_min_tokens_raise_the_limit_that_nobody_gave(shared: Rig) -> None:
    assert post(shared, min_tokens=20).status_code == 200
    assert shared.engine.asked[-1].request.max_tokens == 20


def test_too_many_answers_in_one_request(shared: Rig) -> None:
    error = post(shared, ["a"] * 1025, n=2).json()["error"]
    assert (error["param"], error["code"]) == ("n", "integer_above_max_value")


def test_more_answers_than_decode_together(shared: Rig) -> None:
    answer = post(shared, ["a"] * 100, max_tokens=1).json()
    assert [choice["index"] for choice in answer["choices"]] == list(range(100))


def test_a_whole_context_can_be_scored(shared: Rig) -> None:
    ids = [20] * 8192
    answer = post(shared, ids, echo=True, logprobs=0, max_tokens=0).json()
    assert len(answer["choices"][0]["logprobs"]["tokens"]) == 8192


def test_a_base_without_a_template_completes(launch: Launch, home: Home, tmp_path: Path) -> None:
    add_base(home, "plain", tmp_path / "plain", template=False)
    rig = launch()
    rig.engine.enqueue(Say(" on"))
    body = {"model": "plain", "prompt": "Go"}
    assert rig.http.post("/v1/completions", json=body).json()["choices"][0]["text"] == " on"


def test_a_failure_names_the_prompt(shared: Rig) -> None:
    shared.engine.enqueue(Fail("no_memory", "Why.", retryable=False))
    error = post(shared).json()["error"]
    assert (error["code"], error["param"]) == ("context_length_exceeded", "prompt")


def test_an_unknown_model(shared: Rig) -> None:
    with pytest.raises(openai.NotFoundError):
        shared.openai().completions.create(model="nobody", prompt="a")
