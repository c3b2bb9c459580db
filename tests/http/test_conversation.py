"""Messages: every shape that clients send, made what templates know."""

from typing import Any

import pytest

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.conversation import read_messages

USER = {"role": "user", "content": "Hi"}


def test_plain_messages_stay_as_they_are() -> None:
    assert read_messages([USER, {"role": "assistant", "content": "Ho"}]) == [
        USER,
        {"role": "assistant", "content": "Ho"},
    ]


def test_instructions_are_merged_and_come_first() -> None:
    given = [
        {"role": "system", "content": "A"},
        USER,
        {"role": "developer", "content": [{"type": "text", "text": "B"}]},
    ]
    assert read_messages(given) == [{"role": "system", "content": "A\n\nB"}, USER]


def test_instructions_alone_are_what_the_user_says() -> None:
    assert read_messages([{"role": "system", "content": "A"}]) == [{"role": "user", "content": "A"}]


def test_empty_instructions_vanish() -> None:
    assert read_messages([{"role": "system", "content": ""}, USER]) == [USER]


@pytest.mark.parametrize(
    "echoed",
    [
        {"content": None},
        {"content": ""},
        {"content": []},
        {},
        {"content": None, "tool_calls": None, "refusal": None, "audio": None},
        {"content": "", "tool_calls": [], "annotations": [], "parsed": None},
    ],
)
def test_what_clients_echo_of_an_assistant(echoed: dict[str, Any]) -> None:
    assert read_messages([USER, {"role": "assistant", **echoed}])[1] == {
        "role": "assistant",
        "content": "",
    }


def test_a_refusal_is_what_was_said() -> None:
    parts = [{"type": "refusal", "refusal": "No."}]
    for given in ({"content": parts}, {"content": None, "refusal": "No."}):
        assert read_messages([USER, {"role": "assistant", **given}])[1]["content"] == "No."


def test_calls_have_their_arguments_as_objects() -> None:
    function = {"name": "f", "arguments": '{"x": 1}'}
    given = [
        USER,
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "2"},
    ]
    messages = read_messages(given)
    assert messages[1]["tool_calls"] == [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    ]
    assert messages[2] == {"role": "tool", "tool_call_id": "1", "content": "2"}


def test_arguments_that_are_no_json_stay_as_they_were() -> None:
    call = {"function": {"name": "f", "arguments": "{broken"}}
    messages = read_messages([USER, {"role": "assistant", "tool_calls": [call]}])
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == "{broken"


def test_functions_of_old_are_tools() -> None:
    given = [
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "2"},
    ]
    messages = read_messages(given)
    assert messages[1]["tool_calls"][0]["function"] == {"name": "f", "arguments": {}}
    assert messages[2] == {"role": "tool", "content": "2", "name": "f"}


@pytest.mark.parametrize(
    ("message", "param", "code"),
    [
        ("Hi", "messages[0]", "invalid_type"),
        ({"content": "Hi"}, "messages[0].role", "missing_required_parameter"),
        ({"role": "pirate", "content": "Hi"}, "messages[0].role", "invalid_value"),
        ({"role": 5, "content": "Hi"}, "messages[0].role", "invalid_type"),
        ({"role": "user"}, "messages[0].content", "missing_required_parameter"),
        ({"role": "user", "content": None}, "messages[0].content", "missing_required_parameter"),
        ({"role": "user", "content": 5}, "messages[0].content", "invalid_type"),
        ({"role": "user", "content": []}, "messages[0].content", "empty_array"),
        ({"role": "user", "content": ["Hi"]}, "messages[0].content[0]", "invalid_type"),
        (
            {"role": "user", "content": [{}]},
            "messages[0].content[0].type",
            "missing_required_parameter",
        ),
        (
            {"role": "user", "content": [{"type": "text"}]},
            "messages[0].content[0].text",
            "missing_required_parameter",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "messages[0].content[0].type",
            "unsupported_value",
        ),
        (
            {"role": "tool", "content": "x"},
            "messages[0].tool_call_id",
            "missing_required_parameter",
        ),
        ({"role": "function", "content": "x"}, "messages[0].name", "missing_required_parameter"),
        ({"role": "assistant", "tool_calls": 5}, "messages[0].tool_calls", "invalid_type"),
        (
            {"role": "assistant", "tool_calls": [{"type": "function"}]},
            "messages[0].tool_calls[0].function",
            "missing_required_parameter",
        ),
    ],
)
def test_bad_messages(message: Any, param: str, code: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_messages([message])
    assert (caught.value.param, caught.value.code) == (param, code)
