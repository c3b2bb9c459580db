"""Responses that are refused, fail or are hung up on; counting them, and the rest."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from openai.types.responses import Response

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_server.http.service import Timings
from tests.fakes.scripted_engine import Alive, Fail, Say, Wait
from tests.http.responding import HELLO, kept, post, refused, said, streamed
from tests.http.rig import Launch, Rig
from tests.openai_types import strict_response


def test_counting_without_answering(shared: Rig) -> None:
    first = said(shared)
    body = {**HELLO, "previous_response_id": first["id"], "instructions": "Be short."}
    before = len(shared.engine.asked)
    counted = shared.http.post("/v1/responses/input_tokens", json=body)
    assert counted.status_code == 200
    assert len(shared.engine.asked) == before
    assert counted.json()["object"] == "response.input_tokens"
    assert said(shared, **body)["usage"]["input_tokens"] == counted.json()["input_tokens"]


# What goes wrong


def test_a_failure_before_the_first_word_is_a_status(shared: Rig) -> None:
    for stream in (False, True):
        shared.engine.enqueue(Alive(3), Fail())
        response = post(shared, stream=stream)
        assert (response.status_code, response.headers["x-should-retry"]) == (500, "true")
        assert response.json()["error"]["message"] == "The engine died."


def test_a_failure_in_the_middle_ends_without_an_end(shared: Rig) -> None:
    shared.engine.enqueue(Say("One "), Fail())
    *before, last = streamed(shared)
    assert {key: last[key] for key in ("type", "code", "message", "param", "error")} == {
        "type": "error",
        "code": "server_error",
        "message": "The engine died.",
        "param": None,
        "error": {
            "message": "The engine died.",
            "type": "server_error",
            "param": None,
            "code": "server_error",
        },
    }
    assert before[-1]["type"] == "response.output_text.delta"
    # What was not finished is not there to go on from.
    assert shared.get(f"/v1/responses/{before[0]['response']['id']}").status_code == 404


def test_the_client_raises_on_it(shared: Rig) -> None:
    client = shared.openai()
    shared.engine.enqueue(Say("One "), Fail())
    with pytest.raises(openai.APIError, match="The engine died"):
        list(client.responses.create(model="it", input="Hello", stream=True))
    shared.engine.enqueue(Say("One "), Fail())
    with (
        pytest.raises(openai.APIError, match="The engine died"),
        client.responses.stream(model="it", input="Hello") as stream,
    ):
        stream.get_final_response()


def test_what_can_t_be_kept_has_failed(launch: Launch) -> None:
    """A client that is told `completed` may go on from it."""
    rig = launch()

    def break_it(registry: Registry) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise OSError("disk full")

        registry.responses.add = broken  # type: ignore[method-assign]

    rig.service.registry.call_blocking(break_it)
    *_, last = streamed(rig)
    assert last["type"] == "error"
    assert "disk full" not in last["message"]
    assert post(rig).status_code == 500
    assert post(rig, store=False).status_code == 200


def test_silence_is_filled_with_events(launch: Launch) -> None:
    rig = launch(timings=Timings(patience=0, keepalive=0))
    script = Alive(4), Say("a"), Alive(3), Say("b")
    rig.engine.enqueue(*script)
    kinds = [
        (event["type"].removeprefix("response."), event.get("delta")) for event in streamed(rig)
    ]
    begun = kinds.index(("output_item.added", None))
    assert kinds[:2] == [("created", None), ("in_progress", None)]
    assert set(kinds[2:begun]) == {("in_progress", None)}
    assert len(kinds[2:begun]) >= 4
    # From there on an object without output would not be what clients have seen.
    assert ("in_progress", None) not in kinds[begun:]
    assert kinds.count(("output_text.delta", "")) >= 3
    rig.engine.enqueue(*script)
    with rig.openai().responses.stream(model="it", input="Hello") as watched:
        assert watched.get_final_response().output_text == "ab"


@pytest.mark.parametrize("stream", [False, True])
def test_hanging_up_cancels_and_keeps_nothing(launch: Launch, home: Home, stream: bool) -> None:
    rig = launch()
    rig.engine.enqueue(Say("One"), Wait())
    connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=20)
    body = json.dumps({**HELLO, "stream": stream})
    connection.request("POST", "/v1/responses", body, {"content-type": "application/json"})
    asked = rig.engine.arrived.get(timeout=10)
    if stream:
        response = connection.getresponse()
        assert response.readline() == b"event: response.created\n"
        response.close()
    connection.close()
    assert rig.engine.cancelled.get(timeout=10) == asked
    rig.serving.stop()
    rig.thread.join(20)
    assert kept(home) == 0


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"model": ""}, "missing_required_parameter", "model"),
        ({"input": None}, "missing_required_parameter", "input"),
        ({"input": []}, "empty_array", "input"),
        ({"input": 5}, "invalid_type", "input"),
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "max_output_tokens"),
        ({"max_output_tokens": 9000}, "context_length_exceeded", "input"),
        ({"max_output_tokens": 3, "min_tokens": 4}, "integer_above_max_value", "min_tokens"),
        ({"top_logprobs": 21}, "integer_above_max_value", "top_logprobs"),
        ({"include": ["nope"]}, "invalid_value", "include[0]"),
        ({"truncation": "auto"}, "unsupported_value", "truncation"),
        ({"background": True}, "unsupported_value", "background"),
        ({"conversation": "conv_1"}, "unsupported_value", "conversation"),
        ({"conversation": {"id": "conv_1"}}, "unsupported_value", "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "unsupported_value", "prompt"),
        ({"max_tool_calls": 3}, "unsupported_value", "max_tool_calls"),
        ({"moderation": {"model": "m"}}, "unsupported_value", "moderation"),
        (
            {"context_management": [{"type": "compaction"}]},
            "unsupported_value",
            "context_management",
        ),
        ({"n": 2}, "unsupported_value", "n"),
        ({"max_tokens": 5}, "unsupported_parameter", "max_tokens"),
        ({"messages": [{}]}, "unsupported_parameter", "messages"),
        ({"metadata": {"a": 1}}, "invalid_type", "metadata.a"),
        ({"metadata": {"a": "x" * 513}}, "string_above_max_length", "metadata.a"),
        ({"metadata": {"a" * 65: "x"}}, "property_name_above_max_length", "metadata"),
        (
            {"metadata": {str(n): "" for n in range(17)}},
            "object_above_max_properties",
            "metadata",
        ),
        ({"reasoning": {"effort": "huge"}}, "invalid_value", "reasoning.effort"),
        ({"reasoning": {"mode": "pro"}}, "unsupported_value", "reasoning.mode"),
        ({"text": {"verbosity": "loud"}}, "invalid_value", "text.verbosity"),
        ({"previous_response_id": 5}, "invalid_type", "previous_response_id"),
        ({"store": "yes"}, "invalid_type", "store"),
    ],
)
def test_a_wrong_field_is_named(shared: Rig, wrong: dict[str, Any], code: str, param: str) -> None:
    error = refused(shared, **wrong)
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]


@pytest.mark.parametrize(
    "harmless",
    [
        {"truncation": "disabled", "background": False, "context_management": []},
        {"service_tier": "auto", "safety_identifier": "s", "prompt_cache_key": "k"},
        {"prompt_cache_retention": "24h", "prompt_cache_options": {"mode": "implicit"}},
        {"stream_options": {"include_obfuscation": False}, "parallel_tool_calls": False},
        {"reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low"}},
        {"include": ["reasoning.encrypted_content"], "text": {"format": {"type": "text"}}},
        {"tools": [], "tool_choice": "auto", "metadata": {}, "n": 1},
        dict.fromkeys(("temperature", "tools", "text", "reasoning", "conversation")),
    ],
)
def test_what_asks_for_nothing_more_is_taken(shared: Rig, harmless: dict[str, Any]) -> None:
    response = post(shared, harmless)
    assert response.status_code == 200, response.text
    assert "x-bluey-ignored" not in response.headers
    strict_response(response.json())
    tier = "default" if "service_tier" in harmless else None
    assert response.json()["service_tier"] == tier


def test_keys_that_nobody_knows_are_named(shared: Rig) -> None:
    response = post(shared, wishes=1, text={"colour": 1}, reasoning={"depth": 2})
    assert response.headers["x-bluey-ignored"] == "wishes, text.colour, reasoning.depth"


def test_other_errors_are_as_elsewhere(shared: Rig) -> None:
    assert post(shared, model="nope").json()["error"]["code"] == "model_not_found"
    assert shared.http.post("/v1/responses", content=b"{").status_code == 400
    assert shared.get("/v1/responses/resp_nope").status_code == 404
    assert shared.get("/v1/responses").status_code == 405


def test_the_client_s_own_methods(shared: Rig) -> None:
    client = shared.openai()
    response = client.responses.create(model="it", input="Hello", metadata={"a": "b"})
    assert isinstance(response, Response)
    assert client.responses.retrieve(response.id) == response
    items = list(client.responses.input_items.list(response.id, limit=1))
    assert [item.type for item in items] == ["message"]
    with pytest.raises(openai.BadRequestError, match="synchronous"):
        client.responses.cancel(response.id)
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)
    counted = client.responses.input_tokens.count(model="it", input="Hello")
    assert response.usage is not None
    assert counted.input_tokens == response.usage.input_tokens


def test_it_is_counted_and_logged_as_any_answer(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rig = launch()
    first = said(rig)
    rig.get(f"/v1/responses/{first['id']}")
    figures = rig.get("/metrics").text
    assert 'bluey_requests_total{model="it",outcome="stop"} 1.0' in figures
    lines = [record for record in caplog.records if record.name == "bluey_server.requests"]
    fields = [line.fields for line in lines]  # type: ignore[attr-defined]
    assert fields[0]["completion_tokens"] == first["usage"]["output_tokens"]
