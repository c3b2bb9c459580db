"""Tools in the conversations of models that were taught none."""

from typing import Any

from bluey_adapters.chat_template import render_chat
from bluey_data.catalog import gemma_chat_template
from bluey_server.http.request.conversation import read_messages
from bluey_server.http.tools.functions import Tool, ToolUse
from bluey_server.http.tools.turns import describe, without_tool_turns

USE = ToolUse(
    tools=(
        Tool(
            name="weather",
            description="How it is outside",
            parameters={"type": "object", "properties": {"city": {"type": "string"}}},
            param="tools[0]",
        ),
    ),
    allowed=("weather",),
    must_call=False,
    parallel=True,
)


def call(city: str, id: str = "call_1") -> dict[str, Any]:
    function = {"name": "weather", "arguments": f'{{"city": "{city}"}}'}
    return {"id": id, "type": "function", "function": function}


TWO_CALLS: list[dict[str, Any]] = [
    {"role": "user", "content": "Warm in Rome and Oslo?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("Rome", "call_1"), call("Oslo", "call_2")],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "31"},
    {"role": "tool", "tool_call_id": "call_2", "content": "12"},
    {"role": "user", "content": "And?"},
]


def test_what_was_called_and_what_came_of_it() -> None:
    user, model, told = without_tool_turns(read_messages(TWO_CALLS))
    assert user["content"] == "Warm in Rome and Oslo?"
    assert model == {
        "role": "assistant",
        "content": '<tool_call>{"name":"weather","arguments":{"city":"Rome"}}</tool_call>\n'
        '<tool_call>{"name":"weather","arguments":{"city":"Oslo"}}</tool_call>',
    }
    assert told["role"] == "user"
    assert told["content"] == "weather returned: 31\nweather returned: 12\nAnd?"


def test_gemmas_template_takes_it() -> None:
    """Which insists on turns of user and model."""
    messages = describe(without_tool_turns(read_messages(TWO_CALLS)), USE)
    text = render_chat(gemma_chat_template(), messages, special_tokens={"bos_token": ""})
    assert '{"name":"weather","description":"How it is outside","parameters":' in text
    assert "weather returned: 12" in text


def test_a_result_nobody_asked_for_and_one_of_old() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "tool", "tool_call_id": "call_9", "content": "7"},
        {"role": "assistant", "content": "Seven.", "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "8"},
    ]
    first, second, third = without_tool_turns(read_messages(messages))
    assert first["content"] == "Hi\nfunction returned: 7"
    assert second["content"] == 'Seven.\n<tool_call>{"name":"f","arguments":{}}</tool_call>'
    assert third == {"role": "user", "content": "f returned: 8"}


def test_a_conversation_without_tools_stays_as_it_is() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    assert without_tool_turns(messages) == messages


def test_instructions_come_after_those_there_are() -> None:
    told = describe([{"role": "system", "content": "Be kind."}, *TWO_CALLS[:1]], USE)
    assert told[0]["content"].startswith("Be kind.\n\nYou can call these functions:\n")
    alone = describe(TWO_CALLS[:1], USE)
    assert [message["role"] for message in alone] == ["system", "user"]
