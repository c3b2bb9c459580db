"""Streams, byte by byte: their shape, their heartbeat, and how they fail."""

import json
from typing import Any

import openai
import pytest

from bluey_server.http.service import Timings
from tests.fakes.scripted_engine import Alive, Fail, Say, Silence
from tests.http.rig import Launch, Rig

HELLO = [{"role": "user", "content": "Hello"}]


def events(body: str) -> list[Any]:
    """The events of a stream, each exactly one `data:` line; comments are left out."""
    assert "\r" not in body
    assert body.endswith("\n\n")
    blocks = body.removesuffix("\n\n").split("\n\n")
    lines = [block for block in blocks if block != ": keepalive"]
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    payloads = [line.removeprefix("data: ") for line in lines]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


def test_the_shape_without_usage(shared: Rig) -> None:
    shared.engine.enqueue(Say("ab", apart=True))
    response = shared.chat(stream=True)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    first, a, b, last, done = events(response.text)
    assert first["choices"] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert (a["choices"][0]["delta"], b["choices"][0]["delta"]) == (
        {"content": "a"},
        {"content": "b"},
    )
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert done == "[DONE]"
    assert first["object"] == "chat.completion.chunk"
    assert all("usage" not in chunk for chunk in (first, a, b, last))


def test_the_shape_with_usage(shared: Rig) -> None:
    shared.engine.enqueue(Say("ab", apart=True))
    *chunks, usage, done = events(
        shared.chat(stream=True, stream_options={"include_usage": True}).text
    )
    assert all(chunk["usage"] is None for chunk in chunks)
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 2
    assert done == "[DONE]"


def test_stream_options_without_a_stream_are_left_out(shared: Rig) -> None:
    assert shared.chat(stream_options={"include_usage": True}).json()["object"] == "chat.completion"


def test_an_answer_without_a_word(shared: Rig) -> None:
    shared.engine.enqueue(Say(""))
    first, last, done = events(shared.chat(stream=True).text)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"][0]["finish_reason"] == "stop"
    assert done == "[DONE]"


def test_a_failure_before_the_first_token_is_a_status(shared: Rig) -> None:
    for stream in (False, True):
        shared.engine.enqueue(Alive(3), Fail("engine_died", "The engine died.", retryable=True))
        response = shared.chat(stream=stream)
        assert response.status_code == 500
        assert response.headers["x-should-retry"] == "true"
        assert response.json()["error"] == {
            "message": "The engine died.",
            "type": "server_error",
            "param": None,
            "code": "server_error",
        }


@pytest.mark.parametrize(
    ("kind", "status", "code", "should_retry"),
    [
        ("engine_loading", 503, "model_loading", None),
        ("adapter_damaged", 500, "adapter_damaged", "false"),
        ("adapter_missing", 500, "adapter_missing", "false"),
        ("base_unusable", 500, "base_unusable", "false"),
        ("wrong_base", 400, "wrong_base", None),
        ("no_memory", 400, "context_length_exceeded", None),
    ],
)
def test_an_engine_s_reasons(
    shared: Rig, kind: str, status: int, code: str, should_retry: str | None
) -> None:
    shared.engine.enqueue(Fail(kind, "Why.", retryable=False))
    response = shared.chat()
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["message"] == "Why."
    assert response.headers.get("x-should-retry") == should_retry
    if kind == "engine_loading":
        assert 0 < int(response.headers["retry-after"]) < 60


def test_a_failure_in_the_middle_is_an_event_without_done(shared: Rig) -> None:
    shared.engine.enqueue(Say("One "), Fail(message="The engine died."))
    response = shared.chat(stream=True)
    assert response.status_code == 200
    *_, last = events(response.text)
    assert last == {
        "error": {
            "message": "The engine died.",
            "type": "server_error",
            "param": None,
            "code": "server_error",
        }
    }
    assert "[DONE]" not in response.text


def test_the_client_raises_on_a_failure_in_the_middle(shared: Rig) -> None:
    shared.engine.enqueue(Say("One "), Fail(message="The engine died."))
    stream = shared.openai().chat.completions.create(model="it", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="The engine died"):
        list(stream)


def test_a_silent_engine_fails(launch: Launch) -> None:
    rig = launch(timings=Timings(silence=0.05))
    rig.engine.enqueue(Silence())
    assert rig.chat().status_code == 500
    rig.engine.enqueue(Silence())
    assert rig.chat(stream=True).status_code == 500
    rig.engine.enqueue(Say("One"), Silence())
    *_, last = events(rig.chat(stream=True).text)
    assert "no sign of life" in last["error"]["message"]
    for _ in range(3):  # and was told that nobody waits any more
        rig.engine.cancelled.get(timeout=10)
