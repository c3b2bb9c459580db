"""Tools and JSON in /v1/responses: its own shapes, with the effect that chat completions' have."""

from typing import Any

import pytest

from bluey_server.http.service import Timings
from bluey_server.messages import Sampling
from tests.fakes.scripted_engine import Alive, Fail, Finish, Say
from tests.http.responding import post, prompt, refused, said, streamed
from tests.http.rig import Launch, Rig

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ONE = {"name": "weather", "description": "How it is outside.", "parameters": SCHEMA, "strict": True}
TWO = {"name": "time", "description": None, "parameters": None, "strict": False}
FLAT = [{"type": "function", **tool} for tool in (ONE, TWO)]
NESTED = [{"type": "function", "function": tool} for tool in (ONE, TWO)]
CALL = '<tool_call>{"name":"weather","arguments":{"city":"Rome"}}</tool_call>'
WEB = {"type": "web_search"}


def test_a_call(shared: Rig) -> None:
    shared.engine.enqueue(Say(CALL))
    response = said(shared, tools=FLAT)
    [call] = response["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "weather", "completed")
    assert call["arguments"] == '{"city":"Rome"}'
    assert (call["id"][:3], call["call_id"][:5]) == ("fc_", "call_")
    assert (response["status"], response["tools"]) == ("completed", FLAT)
    assert (response["tool_choice"], response["parallel_tool_calls"]) == ("auto", True)


def test_the_events_of_a_call(shared: Rig) -> None:
    shared.engine.enqueue(Say(CALL))
    stream = streamed(shared, tools=FLAT)
    kinds = [event["type"] for event in stream]
    deltas = [event for event in stream if "delta" in event]
    assert kinds[2:-3] == [
        "response.output_item.added",
        *["response.function_call_arguments.delta"] * len(deltas),
    ]
    assert kinds[-3:] == [
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    added, arguments, done, completed = stream[2], *stream[-3:]
    assert added["item"]["arguments"] == ""
    assert "".join(event["delta"] for event in deltas) == arguments["arguments"]
    assert {event["item_id"] for event in (*deltas, arguments)} == {added["item"]["id"]}
    assert done["item"] == {**added["item"], "arguments": '{"city":"Rome"}', "status": "completed"}
    assert completed["response"]["output"] == [done["item"]]


def test_silence_within_a_call(launch: Launch) -> None:
    rig = launch(timings=Timings(patience=0, keepalive=0))
    half = CALL.index("Rome")
    rig.engine.enqueue(Say(CALL[:half]), Alive(3), Say(CALL[half:]), Alive(3))
    with rig.openai().responses.stream(model="it", input="Hello", tools=FLAT) as stream:
        deltas = [event.delta for event in stream if hasattr(event, "delta")]
        [call] = stream.get_final_response().output
    assert deltas.count("") >= 3
    assert "".join(deltas) == call.arguments == '{"city":"Rome"}'


def test_words_and_two_calls_are_three_items(shared: Rig) -> None:
    answer = f"Let me see. {CALL}\n{CALL.replace('Rome', 'Oslo')}"
    shared.engine.enqueue(Say(answer))
    whole = said(shared, tools=FLAT)["output"]
    shared.engine.enqueue(Say(answer))
    stream = streamed(shared, tools=FLAT)
    for output in (whole, stream[-1]["response"]["output"]):
        message, rome, oslo = output
        assert message["content"][0]["text"] == "Let me see. "
        assert (rome["arguments"], oslo["arguments"]) == ('{"city":"Rome"}', '{"city":"Oslo"}')
        assert len({item["id"] for item in output}) == 3
        assert rome["call_id"] != oslo["call_id"]
        assert {item["status"] for item in output} == {"completed"}
    places = [
        (event["type"].rsplit(".", 1)[1], event["output_index"])
        for event in stream
        if event["type"].startswith("response.output_item")
    ]
    assert places == [(what, index) for index in range(3) for what in ("added", "done")]


def test_a_call_that_is_cut_off(shared: Rig) -> None:
    beginning = CALL[: CALL.index("Rome")]
    for stream in (False, True):
        shared.engine.enqueue(Say(beginning), Finish("length"))
        response = (
            streamed(shared, tools=FLAT)[-1]["response"] if stream else said(shared, tools=FLAT)
        )
        assert response["status"] == "incomplete"
        assert response["incomplete_details"] == {"reason": "max_output_tokens"}
        [call] = response["output"]
        assert (call["status"], call["arguments"]) == ("incomplete", '{"city":"')


@pytest.mark.parametrize(
    ("fields", "chat"),
    [
        ({}, {}),
        ({"tool_choice": "none"}, {"tool_choice": "none"}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        (
            {"tool_choice": {"type": "function", "name": "time"}},
            {"tool_choice": {"type": "function", "function": {"name": "time"}}},
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "weather"}, WEB],
                }
            },
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [{"type": "function", "function": {"name": "weather"}}],
                    },
                }
            },
        ),
        (
            {"tools": None, "text": {"format": {"type": "json_object"}}},
            {"tools": None, "response_format": {"type": "json_object"}},
        ),
        (
            {
                "tools": [],
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "place",
                        "schema": SCHEMA,
                        "strict": True,
                    }
                },
            },
            {
                "tools": [],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
                },
            },
        ),
    ],
)
def test_the_engine_is_asked_what_a_chat_asks(
    shared: Rig, fields: dict[str, Any], chat: dict[str, Any]
) -> None:
    response = said(shared, **{"tools": FLAT, "seed": 1, **fields})
    ours = shared.engine.asked[-1].request
    answer = shared.chat("Hello", **{"tools": NESTED, "seed": 1, **chat})
    assert answer.status_code == 200, answer.text
    theirs = shared.engine.asked[-1].request
    assert (ours.prompt, ours.grammar, ours.sampling) == (
        theirs.prompt,
        theirs.grammar,
        theirs.sampling,
    )
    assert ours.sampling == Sampling(seed=1)
    for key in ("tool_choice", "parallel_tool_calls"):
        if key in fields:
            assert response[key] == fields[key]
    if "text" in fields:
        assert response["text"] == fields["text"]


def test_what_came_of_a_call_is_the_next_turn(shared: Rig) -> None:
    shared.engine.enqueue(Say(f"Let me see. {CALL}"))
    first = said(shared, tools=FLAT)
    call = first["output"][1]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    said(shared, input=[result], previous_response_id=first["id"], tools=FLAT)
    by_id = prompt(shared)
    hello: list[Any] = [{"role": "user", "content": "Hello"}]
    said(shared, input=[*hello, *first["output"], result], tools=FLAT)
    assert prompt(shared) == by_id
    called = {"name": "weather", "arguments": '{"city":"Rome"}'}
    messages = [
        *hello,
        {
            "role": "assistant",
            "content": "Let me see. ",
            "tool_calls": [{"id": call["call_id"], "type": "function", "function": called}],
        },
        {"role": "tool", "tool_call_id": call["call_id"], "content": "sunny"},
    ]
    shared.post({"model": "it", "messages": messages, "tools": NESTED})
    assert prompt(shared) == by_id
    error = refused(shared, input=[result])
    assert (error["param"], call["call_id"] in error["message"]) == ("input", True)


def test_tools_that_others_host_are_left_out_and_named(shared: Rig) -> None:
    hosted = [
        WEB,
        {"type": "custom", "name": "apply_patch", "format": {"type": "text"}},
        {"type": "mcp", "server_label": "wiki", "server_url": "https://example.org"},
    ]
    response = post(shared, tools=[hosted[0], FLAT[0], *hosted[1:]], unheard_of=1)
    assert response.status_code == 200
    assert response.headers["x-bluey-ignored"] == (
        "unheard_of, tools.web_search, tools.custom.apply_patch, tools.mcp.wiki"
    )
    assert response.json()["tools"] == FLAT[:1]
    for alone in ([WEB], hosted):
        error = refused(shared, tools=alone)
        assert (error["code"], error["param"]) == ("unsupported_value", "tools")
        assert "web_search" in error["message"]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": 5}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": NESTED}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name"),
        ({"tools": [WEB, {**FLAT[0], "parameters": []}]}, "tools[1].parameters"),
        ({"tools": [{**FLAT[0], "parameters": {"type": "strin"}}]}, "tools[0].parameters"),
        ({"tools": FLAT[:1] * 2}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": FLAT, "tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"tools": FLAT, "tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tools": FLAT, "tool_choice": {"type": "function", "name": "x"}}, "tool_choice"),
        (
            {"tools": FLAT, "tool_choice": {"type": "allowed_tools", "tools": [WEB]}},
            "tool_choice.tools",
        ),
        (
            {"tools": FLAT, "tool_choice": {"type": "allowed_tools", "mode": "none", "tools": []}},
            "tool_choice.mode",
        ),
        ({"text": {"format": {}}}, "text.format.type"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        (
            {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "x"}}}},
            "text.format.schema",
        ),
    ],
)
def test_a_wrong_tool_or_form_is_named(shared: Rig, wrong: dict[str, Any], param: str) -> None:
    assert refused(shared, **wrong)["param"] == param


def test_what_only_the_engine_finds_impossible_is_told_of_the_field_s_name_here(
    shared: Rig,
) -> None:
    shared.engine.enqueue(Fail("grammar", "Too large.", retryable=False))
    error = refused(shared, text={"format": {"type": "json_object"}})
    assert (error["message"], error["param"]) == ("Too large.", "text.format")
