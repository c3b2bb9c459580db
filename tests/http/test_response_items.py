"""Items as clients send them, and the messages that they come to."""

from typing import Any

import pytest
from openai.types.responses import ResponseItem

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.conversation import read_messages
from bluey_server.http.responses.items import read_items
from bluey_server.http.responses.messages import check_calls, messages_of, neighbours_joined
from tests.openai_types import strictly

CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a": 1}'}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}


def said(role: str, text: str) -> dict[str, Any]:
    """A message in its short form, which is a chat completion's too."""
    return {"role": role, "content": text}


@pytest.mark.parametrize(
    "item",
    [
        said("user", "Hello"),
        said("assistant", "Hello"),
        said("developer", "Be short."),
        {"type": "message", **said("system", "Be short.")},
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"id": "msg_1", "status": "incomplete", **said("assistant", "Hel")},
        CALL,
        {**CALL, "id": "fc_1", "status": "completed"},
        {**CALL, "arguments": ""},
        RESULT,
        {**RESULT, "output": [{"type": "input_text", "text": "sunny"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "content": [{"type": "reasoning_text", "text": "Hm, hm."}],
            "encrypted_content": "gAAA",
        },
    ],
)
def test_what_is_read_is_an_item_of_openai_s(item: dict[str, Any]) -> None:
    [read] = read_items([{**item, "unheard_of": None}])
    strictly(ResponseItem, read)
    assert read["id"]
    given = item.get("id"), item.get("status", "completed")
    assert given in ((read["id"], read["status"]), (None, read["status"]))
    assert read_items([read]) == [read]  # as clients send it again


def test_a_string_is_a_user_s_message() -> None:
    [read] = read_items("Hello")
    strictly(ResponseItem, read)
    assert (read["role"], read["content"]) == ("user", [{"type": "input_text", "text": "Hello"}])


@pytest.mark.parametrize(
    ("items", "messages"),
    [
        ([said("user", "a"), said("assistant", "b"), said("user", "c")],) * 2,
        ([said("developer", "a"), said("user", "b"), said("system", "c")],) * 2,
        (
            [said("user", "a"), {**said("assistant", "b")}, said("assistant", "c")],
            [said("user", "a"), said("assistant", "b"), said("assistant", "c")],
        ),
        (
            [said("user", "a"), CALL, {**CALL, "call_id": "call_2"}, RESULT],
            [
                said("user", "a"),
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": i,
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"a": 1}'},
                        }
                        for i in ("call_1", "call_2")
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            ],
        ),
        (
            [
                said("user", "a"),
                {"type": "reasoning", "summary": [], "content": [{"text": "Hm."}]},
                said("assistant", "Let me see."),
                CALL,
                RESULT,
                said("assistant", "It is sunny."),
            ],
            [
                said("user", "a"),
                {
                    **said("assistant", "Let me see."),
                    "reasoning_content": "Hm.",
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"a": 1}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
                said("assistant", "It is sunny."),
            ],
        ),
        (
            [
                said("user", "a"),
                {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
                said("assistant", "b"),
            ],
            [said("user", "a"), said("assistant", "b")],
        ),
        (
            [said("user", "a"), {"type": "reasoning", "summary": []}, said("user", "b")],
            [said("user", "a"), said("user", "b")],
        ),
    ],
)
def test_items_come_to_the_messages_of_a_chat(items: list[Any], messages: list[Any]) -> None:
    assert messages_of(read_items(items), None) == read_messages(messages)


def test_what_one_role_says_in_a_row_may_be_joined() -> None:
    call = {"role": "assistant", "content": "", "tool_calls": [{}]}
    messages = [said("system", "s"), said("user", "a"), said("user", "b"), said("assistant", "c")]
    messages += [said("assistant", "d"), call, {"role": "tool", "content": "e"}, said("user", "f")]
    assert neighbours_joined(messages) == [
        said("system", "s"),
        said("user", "a\n\nb"),
        said("assistant", "c\n\nd"),
        *messages[5:],
    ]


def test_instructions_come_first() -> None:
    items = read_items([said("user", "a"), said("developer", "b")])
    assert messages_of(items, "c")[0] == {"role": "system", "content": "c\n\nb"}


def test_an_output_needs_its_call() -> None:
    check_calls(read_items([CALL, said("user", "a"), RESULT]))
    for items in ([RESULT], [RESULT, CALL]):
        with pytest.raises(BadRequest, match="call_1") as caught:
            check_calls(read_items(items))
        assert caught.value.param == "input"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ("Hello", "input[0]"),
        ({}, "input[0].id"),
        ({"role": "user"}, "input[0].content"),
        ({"role": "user", "content": 5}, "input[0].content"),
        ({"role": "user", "content": []}, "input[0].content"),
        ({"role": "tool", "content": "a"}, "input[0].role"),
        ({"role": "user", "content": ["a"]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"text": "a"}]}, "input[0].content[0].type"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "a"}]},
            "input[0].content[0].type",
        ),
        ({"role": "user", "content": "a", "status": "done"}, "input[0].status"),
        ({"role": "user", "content": "a", "id": 5}, "input[0].id"),
        ({**CALL, "call_id": None}, "input[0].call_id"),
        ({**CALL, "name": ""}, "input[0].name"),
        ({**CALL, "arguments": {}}, "input[0].arguments"),
        ({**RESULT, "output": None}, "input[0].output"),
        ({**RESULT, "output": [{"type": "input_file"}]}, "input[0].output[0].type"),
        ({"type": "reasoning", "summary": "a"}, "input[0].summary"),
        ({"type": "item_reference"}, "input[0].id"),
        ({"type": "web_search_call", "id": "ws_1"}, "input[0].type"),
    ],
)
def test_a_wrong_item_is_named(item: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_items([item])
    assert caught.value.param == param
