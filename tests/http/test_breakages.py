"""The twelve ways in which other servers broke clients, each with a test that would catch it here.

 1. the role in every delta
 2. ids, names and indexes in the deltas of tool calls
 3. a choice whose first chunk comes out of order
 4. an event without data
 5. usage where none was asked for, or not last
 6. finish reasons that nobody knows; `stop` beside tool calls
 7. fields and roles refused or dropped
 8. tools that are `[]`, arguments that are no string
 9. errors whose text says nothing to LiteLLM, which goes by it
10. no headers on a long call
11. a stream that only comments keep awake
12. a path for a name, an unknown tier, half a character, a preflight refused, `//models`

The tests of 2 and 8, and of what 6 and 7 say of tools, are in test_tool_streams.py,
test_structured.py and contract/test_structured.py; that of 11 is in test_response_ends.py.
"""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from bluey_server.http.access import Access
from bluey_server.http.service import Timings
from tests.fakes.scripted_engine import Alive, Fail, Finish, Say, Wait
from tests.http.rig import Launch, Rig
from tests.http.test_stream import events

HELLO = [{"role": "user", "content": "Hello"}]


def chunks_of(rig: Rig, **fields: Any) -> list[Any]:
    """The chunks of a streamed chat completion, without the mark at their end."""
    *chunks, done = events(rig.chat(stream=True, **fields).text)
    assert done == "[DONE]"
    return chunks


def test_1_the_role_stands_in_the_first_delta_only(shared: Rig) -> None:
    shared.engine.enqueue(Say("One two three", apart=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks_of(shared)]
    assert deltas[0]["role"] == "assistant"
    assert not [delta for delta in deltas[1:] if "role" in delta]


def test_1_the_client_s_own_accumulation_of_a_stream(shared: Rig) -> None:
    shared.engine.enqueue(Say("One two three"))
    with shared.openai().chat.completions.stream(model="it", messages=HELLO) as stream:
        message = stream.get_final_completion().choices[0].message
    assert (message.role, message.content) == ("assistant", "One two three")


def test_3_the_client_s_own_accumulation_of_choices(shared: Rig) -> None:
    for text in ("one", "two", "three"):
        shared.engine.enqueue(Say(text, apart=True))
    with shared.openai().chat.completions.stream(model="it", messages=HELLO, n=3) as stream:
        choices = stream.get_final_completion().choices
    assert {choice.message.content for choice in choices} == {"one", "two", "three"}


def test_3_choices_are_opened_in_their_order(shared: Rig) -> None:
    parts = [chunk["choices"][0] for chunk in chunks_of(shared, n=4)]
    assert [part["index"] for part in parts[:4]] == [0, 1, 2, 3]
    assert all(part["delta"]["role"] == "assistant" for part in parts[:4])


def test_4_heartbeats_are_comments_and_events_have_data(launch: Launch) -> None:
    rig = launch(timings=Timings(patience=0, keepalive=0))
    rig.engine.enqueue(Alive(5), Say("a"), Alive(3))
    body = rig.chat(stream=True).text
    assert body.count(": keepalive\n\n") >= 7
    blocks = set(body.removesuffix("\n\n").split("\n\n")) - {": keepalive"}
    assert not [block for block in blocks if not block.startswith("data: ") or "\n" in block]


def test_4_comments_do_not_disturb_the_client(launch: Launch) -> None:
    rig = launch(timings=Timings(patience=0, keepalive=0))
    rig.engine.enqueue(Alive(5), Say("a"), Alive(3), Say("b"))
    chunks = rig.openai().chat.completions.create(model="it", messages=HELLO, stream=True)  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "ab"


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": None}])
def test_5_no_usage_and_no_empty_choices_unless_asked_for(shared: Rig, options: Any) -> None:
    chunks = chunks_of(shared, stream_options=options)
    assert not [chunk for chunk in chunks if "usage" in chunk or not chunk["choices"]]


def test_5_usage_is_null_until_it_is_last(shared: Rig) -> None:
    *chunks, last = chunks_of(shared, stream_options={"include_usage": True}, n=2)
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_6_finish_reasons_are_those_that_clients_know(shared: Rig, reason: str) -> None:
    for _ in range(2):
        shared.engine.enqueue(Say("Hi"), Finish(reason))
    assert shared.chat().json()["choices"][0]["finish_reason"] == reason
    told = [chunk["choices"][0]["finish_reason"] for chunk in chunks_of(shared)]
    assert told == [None] * (len(told) - 1) + [reason]


def test_7_nothing_that_clients_rely_on_is_refused_or_dropped(shared: Rig) -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    messages = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": parts}]
    response = shared.post(
        {
            "model": "it",
            "messages": messages,
            "max_completion_tokens": 5,
            "stream": True,
            "stream_options": {"include_usage": True, "include_obfuscation": True},
        }
    )
    assert response.status_code == 200
    assert "x-bluey-ignored" not in response.headers
    asked = shared.engine.asked[-1]
    written = [{"role": "system", "content": "Be kind."}, *HELLO]
    assert asked.request.prompt == asked.base.encode_chat(written)
    assert asked.request.max_tokens == 5


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("chat/completions", {"messages": [{"role": "user", "content": "word " * 9000}]}),
        ("chat/completions", {"messages": HELLO, "max_tokens": 8192}),
        ("completions", {"prompt": "word " * 9000}),
    ],
)
def test_9_too_long_a_context_is_told_in_the_words_looked_for(
    shared: Rig, path: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        shared.openai().post(f"/{path}", body={"model": "it", **asked}, cast_to=object)
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.param in asked
    # Neither LiteLLM nor LangChain goes by the code: each looks for words of its own.
    assert "This model's maximum context length is 8192 tokens. However, " in caught.value.message
    assert "prompt is too long" in caught.value.message


def test_10_headers_and_blanks_come_before_a_slow_answer(launch: Launch) -> None:
    rig = launch(timings=Timings(headers=0))
    gate = Wait()
    rig.engine.enqueue(Alive(3), gate, Say("At last."))
    connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=20)
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({"model": "it", "messages": HELLO})
    )
    response = connection.getresponse()  # while the engine still waits
    assert response.status == 200
    assert response.read(2) == b"  "
    gate.event.set()
    assert json.loads(response.read())["choices"][0]["message"]["content"] == "At last."
    connection.close()


def test_10_the_client_reads_over_the_blanks(launch: Launch) -> None:
    rig = launch(timings=Timings(headers=0))
    rig.engine.enqueue(Alive(3), Say("Hi"), Alive(3))
    answer = rig.openai().chat.completions.create(model="it", messages=HELLO)  # type: ignore[call-overload]
    assert answer.choices[0].message.content == "Hi"


def test_10_a_failure_after_the_headers_is_no_answer(launch: Launch) -> None:
    rig = launch(timings=Timings(headers=0))
    rig.engine.enqueue(Alive(3), Fail())
    with pytest.raises(httpx.RemoteProtocolError):
        rig.chat()
    rig.engine.enqueue(Alive(3), Fail())
    with pytest.raises(openai.APIConnectionError):
        rig.openai().chat.completions.create(model="it", messages=HELLO)  # type: ignore[call-overload]
    assert rig.chat().status_code == 200


@pytest.mark.parametrize("model", ["it", "tiny-it", "pt"])
def test_12_the_name_that_was_asked_for_is_answered_with(shared: Rig, model: str) -> None:
    body = {"model": model, "messages": HELLO}
    assert shared.post(body).json()["model"] == model
    chunks = events(shared.post({**body, "stream": True}).text)[:-1]
    assert {chunk["model"] for chunk in chunks} == {model}


def test_12_the_tier_is_the_one_that_clients_know(shared: Rig) -> None:
    assert shared.chat(service_tier="flex").json()["service_tier"] == "default"
    assert {chunk["service_tier"] for chunk in chunks_of(shared, service_tier="mine")} == {
        "default"
    }
    assert "service_tier" not in shared.chat().json()


def test_12_a_character_is_never_split(shared: Rig) -> None:
    shared.engine.enqueue(Say("🐶é漢"))
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks_of(shared)]
    assert "".join(texts) == "🐶é漢"
    assert not any("\ufffd" in text for text in texts)


def test_12_a_preflight_is_answered_before_the_key_is_asked_for(launch: Launch) -> None:
    rig = launch(access=Access(api_key="sesame"))
    response = rig.http.options(
        "/v1/chat/completions",
        headers={
            "origin": "http://localhost:3000",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-stainless-os",
        },
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert response.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert "POST" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize("path", ["/v1/models/", "//v1/models", "/v1//models", "/v1/models//"])
def test_12_slashes_too_many_of_the_list(shared: Rig, path: str) -> None:
    assert shared.get(path).json()["object"] == "list"


@pytest.mark.parametrize("path", ["/v1//chat/completions", "//v1/chat/completions/"])
def test_12_slashes_too_many_of_a_chat(shared: Rig, path: str) -> None:
    body = {"model": "it", "messages": HELLO}
    assert shared.http.post(shared.url + path, json=body).status_code == 200
