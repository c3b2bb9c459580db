"""/v1/responses over HTTP: its objects and events, what is kept of them, and what is refused."""

import contextlib
import http.client
import json
import sqlite3
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from openai.types.responses import Response
from openai.types.responses.response_item_list import ResponseItemList

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_server.http.service import Timings
from tests.fakes.scripted_engine import Alive, Fail, Say, Wait
from tests.http.rig import Launch, Rig, add_adapter, running
from tests.openai_types import strict_event, strict_response, strictly

HELLO = {"model": "it", "input": "Hello"}


def post(rig: Rig, body: Any = None, **fields: Any) -> httpx.Response:
    """A response, raw."""
    return rig.http.post("/v1/responses", json={**HELLO, **(body or {}), **fields})


def said(rig: Rig, **fields: Any) -> Any:
    """A response that is there, strictly checked, as JSON."""
    response = post(rig, **fields)
    assert response.status_code == 200, response.text
    strict_response(response.json())
    return response.json()


def refused(rig: Rig, **fields: Any) -> dict[str, Any]:
    """The error of a request that is wrong in itself."""
    response = post(rig, **fields)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def events(body: str) -> list[Any]:
    """The events of a stream, each an `event:` and a `data:` line, strictly checked."""
    assert "\r" not in body
    assert body.endswith("\n\n")
    found = []
    for block in body.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        payload = json.loads(data.removeprefix("data: "))
        assert name == f"event: {payload['type']}"
        strict_event(payload)
        found.append(payload)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def streamed(rig: Rig, **fields: Any) -> list[Any]:
    """The events of a response."""
    response = post(rig, stream=True, **fields)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/event-stream"
    return events(response.text)


def prompt(rig: Rig) -> list[int]:
    """The prompt that the engine got last."""
    return rig.engine.asked[-1].request.prompt


def words(rig: Rig) -> str:
    """The same, in words."""
    return rig.engine.asked[-1].base.tokenizer.decode(prompt(rig))


def kept(home: Home) -> int:
    """How many responses the registry holds, be they visible or not."""
    with contextlib.closing(sqlite3.connect(home.registry)) as database:
        count: int = database.execute("SELECT COUNT(*) FROM responses").fetchone()[0]
    return count


def text_of(response: Any) -> str:
    """All that a response says."""
    parts = [part for item in response["output"] for part in item.get("content", [])]
    return "".join(part["text"] for part in parts)


# Objects and events


def test_a_response(shared: Rig) -> None:
    shared.engine.enqueue(Say("Hi there"))
    response = said(shared, metadata={"a": "b"}, instructions="Be short.", user="u")
    [message] = response["output"]
    assert (response["object"], response["status"], response["model"]) == (
        "response",
        "completed",
        "it",
    )
    assert (message["type"], message["role"], message["status"]) == (
        "message",
        "assistant",
        "completed",
    )
    assert message["content"] == [
        {"type": "output_text", "text": "Hi there", "annotations": [], "logprobs": []}
    ]
    assert response["usage"] == {
        "input_tokens": len(prompt(shared)),
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": len(Say("Hi there").ids(shared.engine.asked[-1].base)),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": response["usage"]["input_tokens"] + response["usage"]["output_tokens"],
    }
    given_back = ("metadata", "instructions", "user", "store", "previous_response_id")
    assert [response[key] for key in given_back] == [{"a": "b"}, "Be short.", "u", True, None]
    assert response["id"].startswith("resp_")
    assert message["id"].startswith("msg_")


def test_the_events_of_one(shared: Rig) -> None:
    shared.engine.enqueue(Say("ab", apart=True))
    stream = streamed(shared)
    assert [event["type"] for event in stream] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    created, _, added, part, a, b, text, _, done, completed = stream
    assert (a["delta"], b["delta"], text["text"]) == ("a", "b", "ab")
    assert {event["item_id"] for event in (part, a, b, text)} == {added["item"]["id"]}
    assert done["item"] == completed["response"]["output"][0]
    assert len({event["response"]["id"] for event in stream if "response" in event}) == 1
    assert (created["response"]["status"], created["response"]["usage"]) == ("in_progress", None)
    assert completed["response"]["status"] == "completed"


def test_a_stream_and_a_whole_say_the_same(shared: Rig) -> None:
    fields = {"top_logprobs": 2, "temperature": 0.5, "metadata": {"a": "b"}, "store": False}
    shared.engine.enqueue(Say("One two"))
    whole = said(shared, **fields)
    shared.engine.enqueue(Say("One two"))
    last = streamed(shared, **fields)[-1]["response"]
    own = {"id", "created_at", "completed_at", "output"}
    assert {key: whole[key] for key in whole if key not in own} == {
        key: last[key] for key in last if key not in own
    }
    assert whole["output"][0]["content"] == last["output"][0]["content"]


def test_an_answer_without_a_word_is_an_empty_message(shared: Rig) -> None:
    shared.engine.enqueue(Say(""))
    assert text_of(said(shared)) == ""
    shared.engine.enqueue(Say(""))
    kinds = [event["type"] for event in streamed(shared)]
    assert "response.output_text.delta" not in kinds
    assert kinds[2:4] == ["response.output_item.added", "response.content_part.added"]
    assert kinds[-2:] == ["response.output_item.done", "response.completed"]


def test_one_that_is_cut_off_is_incomplete(shared: Rig) -> None:
    shared.engine.enqueue(Say("One two three four"))
    response = said(shared, max_output_tokens=2)
    assert (response["status"], response["incomplete_details"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    assert response["output"][0]["status"] == "incomplete"
    assert (response["usage"]["output_tokens"], response["max_output_tokens"]) == (2, 2)
    shared.engine.enqueue(Say("One two three four"))
    *_, done, last = streamed(shared, max_output_tokens=2)
    assert last["type"] == "response.incomplete"
    assert done["item"]["status"] == "incomplete"


def test_log_probabilities_by_include_or_by_number(shared: Rig) -> None:
    for fields, alternatives in (
        ({"include": ["message.output_text.logprobs"]}, 0),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 3}, 3),
        ({"top_logprobs": 3}, 3),
    ):
        shared.engine.enqueue(Say("One two"))
        response = said(shared, **fields)
        told = response["output"][0]["content"][0]["logprobs"]
        assert "".join(entry["token"] for entry in told) == "One two"
        assert {len(entry["top_logprobs"]) for entry in told} == {alternatives}
        shared.engine.enqueue(Say("One two"))
        deltas = [event for event in streamed(shared, **fields) if "delta" in event]
        assert [entry for event in deltas for entry in event["logprobs"]] == told
    assert (
        said(shared, include=["reasoning.encrypted_content"])["output"][0]["content"][0]["logprobs"]
        == []
    )


def test_sampling_reaches_the_engine(shared: Rig) -> None:
    response = said(
        shared, temperature=0.25, top_p=0.5, top_k=7, min_p=0.1, seed=3, min_tokens=2, stop="x"
    )
    request = shared.engine.asked[-1].request
    assert (request.sampling.temperature, request.sampling.top_p) == (0.25, 0.5)
    assert (request.sampling.top_k, request.sampling.min_p, request.sampling.seed) == (7, 0.1, 3)
    assert request.min_tokens == 2
    assert (response["temperature"], response["top_p"]) == (0.25, 0.5)


def test_a_stop_string_ends_it_well(shared: Rig) -> None:
    shared.engine.enqueue(Say("One END two"))
    response = said(shared, stop=["END"])
    assert (text_of(response), response["status"]) == ("One ", "completed")


# What goes on


def test_three_turns_are_the_prompt_of_the_whole(shared: Rig) -> None:
    previous: str | None = None
    for question, answer in (("Hello", "I am one."), ("And now?", "Two."), ("Now?", "Three.")):
        shared.engine.enqueue(Say(answer))
        previous = said(shared, input=question, previous_response_id=previous)["id"]
    in_parts = prompt(shared)
    talk = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "I am one."},
        {"role": "user", "content": "And now?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Now?"},
    ]
    said(shared, input=talk, store=False)
    assert prompt(shared) == in_parts
    shared.post({"model": "it", "messages": talk})
    assert prompt(shared) == in_parts


def test_instructions_are_of_their_turn_alone(shared: Rig) -> None:
    first = said(shared, instructions="Speak like a pirate.")
    assert "pirate" in words(shared)
    said(shared, previous_response_id=first["id"], instructions="Speak like a robot.")
    assert "robot" in words(shared)
    assert "pirate" not in words(shared)


def test_a_developer_s_items_stay(shared: Rig) -> None:
    items = [
        {"role": "developer", "content": "Speak like a pirate."},
        {"role": "user", "content": "Hi"},
    ]
    first = said(shared, input=items)
    said(shared, previous_response_id=first["id"])
    assert "pirate" in words(shared)


def test_one_may_go_on_from_a_stream_and_without_being_kept(shared: Rig) -> None:
    shared.engine.enqueue(Say("Streamed."))
    first = streamed(shared)[-1]["response"]["id"]
    second = said(shared, previous_response_id=first, store=False)
    assert "Streamed" in words(shared)
    assert (second["store"], second["previous_response_id"]) == (False, first)
    assert shared.get(f"/v1/responses/{second['id']}").status_code == 404
    error = refused(shared, previous_response_id=second["id"])
    assert (error["code"], error["param"]) == (
        "previous_response_not_found",
        "previous_response_id",
    )
    assert second["id"] in error["message"]


def test_two_items_in_a_row_are_one_turn_where_a_template_wants_turns(shared: Rig) -> None:
    said(shared, input=[{"role": "user", "content": text} for text in ("It rains.", "Go out?")])
    in_two = prompt(shared)
    said(shared, input="It rains.\n\nGo out?")
    assert prompt(shared) == in_two
    error = refused(shared, input=[{"role": "assistant", "content": "a"}])
    assert (error["code"], error["param"]) == ("invalid_messages", "input")


def test_an_item_by_reference(shared: Rig) -> None:
    shared.engine.enqueue(Say("I am one."))
    first = said(shared)
    by_reference = [
        {"role": "user", "content": "Hello"},
        {"type": "item_reference", "id": first["output"][0]["id"]},
        {"role": "user", "content": "And now?"},
    ]
    second = said(shared, input=by_reference)
    by_id = prompt(shared)
    said(shared, input="And now?", previous_response_id=first["id"])
    assert prompt(shared) == by_id
    kept = shared.get(f"/v1/responses/{second['id']}/input_items?order=asc").json()["data"]
    assert kept[1] == first["output"][0]
    error = refused(shared, input=[{"type": "item_reference", "id": "msg_nope"}])
    assert (error["code"], error["param"]) == ("item_not_found", "input[0].id")


def test_it_outlasts_the_server(home: Home) -> None:
    with running(home) as rig:
        rig.engine.enqueue(Say("I am one."))
        first = said(rig, metadata={"a": "b"})
    with running(home) as rig:
        assert rig.get(f"/v1/responses/{first['id']}").json() == first
        said(rig, input="And now?", previous_response_id=first["id"])
        in_parts = prompt(rig)
        said(
            rig,
            input=[
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "I am one."},
                {"role": "user", "content": "And now?"},
            ],
        )
        assert prompt(rig) == in_parts


def test_a_template_is_handed_effort_and_thoughts(launch: Launch, home: Home) -> None:
    template = (
        "{{ reasoning_effort }} {{ wish }}|{% for message in messages %}"
        "{{ message.reasoning_content }}>{{ message.content }}|{% endfor %}"
    )
    add_adapter(home, "thinker", template=template)
    rig = launch()
    thought = {"type": "reasoning", "summary": [], "content": [{"text": "Hm."}]}
    fields = {"reasoning": {"effort": "low"}, "chat_template_kwargs": {"wish": "long"}}
    items = [{"role": "user", "content": "a"}, thought, {"role": "assistant", "content": "b"}]
    first = said(rig, model="thinker", input=items, **fields)
    assert words(rig) == "low long|>a|Hm.>b|"
    assert first["reasoning"] == {"effort": "low", "summary": None}
    said(rig, model="thinker", previous_response_id=first["id"], **fields)
    assert words(rig).startswith("low long|>a|Hm.>b|>I am")


def test_another_server_of_the_home_goes_on_with_it(home: Home) -> None:
    with running(home) as one, running(home) as other:
        one.engine.enqueue(Say("I am one."))
        first = said(one)
        second = said(other, input="And now?", previous_response_id=first["id"])
        assert "I am one." in words(other)
        said(one, input="Now?", previous_response_id=second["id"])
        assert "And now?" in words(one)
        assert other.http.delete(f"/v1/responses/{first['id']}").status_code == 200
        refused(one, previous_response_id=second["id"])


# What is kept


def test_it_comes_back_as_it_was(shared: Rig) -> None:
    for first in (said(shared, top_logprobs=1), streamed(shared)[-1]["response"]):
        again = shared.get(f"/v1/responses/{first['id']}", params={"include[]": "x"})
        assert again.status_code == 200
        assert strict_response(again.json()).id == first["id"]
        assert again.json() == first


def test_replaying_its_stream_is_refused(shared: Rig) -> None:
    first = said(shared)
    response = shared.get(f"/v1/responses/{first['id']}?stream=true")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "stream"
    assert shared.get(f"/v1/responses/{first['id']}?stream=false").json() == first


def test_deleting_one_in_the_middle(shared: Rig) -> None:
    first = said(shared)
    second = said(shared, previous_response_id=first["id"])
    third = said(shared, previous_response_id=second["id"])
    gone = shared.http.delete(f"/v1/responses/{second['id']}")
    assert gone.json() == {"id": second["id"], "object": "response", "deleted": True}
    for again in (shared.http.delete, shared.http.get):
        error = again(f"/v1/responses/{second['id']}")
        assert error.status_code == 404
        assert second["id"] in error.json()["error"]["message"]
    error = refused(shared, previous_response_id=third["id"])
    assert error["code"] == "previous_response_not_found"
    assert "deleted or has expired" in error["message"]
    assert second["id"] in error["message"]
    said(shared, previous_response_id=first["id"])


def test_after_its_time_it_is_gone(launch: Launch, home: Home) -> None:
    rig = launch(timings=Timings(responses=0, sweep=0.02))
    first = said(rig)
    assert rig.get(f"/v1/responses/{first['id']}").status_code == 404
    assert refused(rig, previous_response_id=first["id"])["code"] == "previous_response_not_found"
    error = refused(rig, input=[{"type": "item_reference", "id": first["output"][0]["id"]}])
    assert error["code"] == "item_not_found"
    for _ in range(1000):  # the server sweeps by itself
        if kept(home) == 0:
            return
        rig.thread.join(0.02)
    pytest.fail("nothing was swept")


def test_one_key_s_responses_are_not_another_s(launch: Launch, home: Home) -> None:
    with Registry(home) as registry:
        marie, paul = registry.keys.add("marie"), registry.keys.add("paul")
    rig = launch()

    def with_key(key: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"api-key": key}
        return rig.http.request(method, f"/v1/responses{path}", json=body, headers=headers)

    first = with_key(marie, "POST", "", HELLO).json()["id"]
    for method, path in (
        ("GET", ""),
        ("GET", "/input_items"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        assert with_key(paul, method, f"/{first}{path}").status_code == 404
    stolen = with_key(paul, "POST", "", {**HELLO, "previous_response_id": first})
    assert stolen.json()["error"]["code"] == "previous_response_not_found"
    assert with_key(marie, "GET", f"/{first}").status_code == 200
    with Registry(home) as registry:
        registry.keys.remove("marie")
        another = registry.keys.add("marie")
    assert with_key(another, "GET", f"/{first}").status_code == 404
    with Registry(home) as registry:
        registry.keys.remove("marie")
        registry.keys.remove("paul")
    assert with_key("", "GET", f"/{first}").status_code == 404


def test_its_input_items_in_pages(shared: Rig) -> None:
    items: list[Any] = [{"role": "user", "content": f"Item {number}"} for number in range(7)]
    first = said(shared, input=items)
    said(shared, previous_response_id=first["id"])

    def page(**params: Any) -> Any:
        found = shared.get(f"/v1/responses/{first['id']}/input_items", params=params)
        assert found.status_code == 200
        strictly(ResponseItemList, found.json())
        return found.json()

    def texts(found: Any) -> list[str]:
        return [item["content"][0]["text"] for item in found["data"]]

    newest_first = [f"Item {number}" for number in reversed(range(7))]
    assert texts(page()) == newest_first
    assert texts(page(order="asc")) == newest_first[::-1]
    one = page(limit=3)
    assert (one["has_more"], one["first_id"]) == (True, one["data"][0]["id"])
    two = page(limit=4, after=one["last_id"])
    assert (two["has_more"], texts(one) + texts(two)) == (False, newest_first)
    for params, param in (
        ({"limit": 0}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": 101}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "msg_nope"}, "after"),
    ):
        found = shared.get(f"/v1/responses/{first['id']}/input_items", params=params)
        assert (found.status_code, found.json()["error"]["param"]) == (400, param)


def test_only_its_own_input_is_listed(shared: Rig) -> None:
    first = said(shared)
    second = said(shared, input="And now?", previous_response_id=first["id"])
    [item] = shared.get(f"/v1/responses/{second['id']}/input_items").json()["data"]
    assert item["content"] == [{"type": "input_text", "text": "And now?"}]


def test_nothing_is_to_be_cancelled(shared: Rig) -> None:
    first = said(shared)
    response = shared.http.post(f"/v1/responses/{first['id']}/cancel")
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "Cannot cancel a synchronous response."
    assert shared.http.post("/v1/responses/resp_nope/cancel").status_code == 404


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
