"""Tools in conversations of models whose templates know none.

What is available, and how it is called, goes into the instructions; calls of the past are written
as the model is asked to write them, and their results are what the user says next.
"""

import json
from collections.abc import Sequence
from typing import Any

from bluey_server.http.tools.call_styles import PLAIN
from bluey_server.http.tools.functions import ToolUse

Message = dict[str, Any]


def for_template(tools: ToolUse) -> list[dict[str, Any]]:
    """Tools as templates want them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description or "",
                "parameters": tool.parameters,
            },
        }
        for tool in tools.tools
    ]


def describe(messages: Sequence[Message], tools: ToolUse) -> list[Message]:
    """The conversation with instructions about tools, after those that it has."""
    told = [*_INTRODUCTION, *(_shown(tool) for tool in for_template(tools)), "", *_HOW]
    told.append(_several(tools))
    instructions = "\n".join(told)
    first = messages[0] if messages else None
    if first is not None and first["role"] == "system":
        return [
            {**first, "content": f"{first['content']}\n\n{instructions}"},
            *messages[1:],
        ]
    return [{"role": "system", "content": instructions}, *messages]


def without_tool_turns(messages: Sequence[Message]) -> list[Message]:
    """The conversation in turns of user and model alone."""
    if not any(message["role"] == "tool" or "tool_calls" in message for message in messages):
        return list(messages)
    names: dict[str, str] = {}
    turns: list[Message] = []
    for message in messages:
        calls = message.get("tool_calls", ())
        names.update((call["id"], call["function"]["name"]) for call in calls if "id" in call)
        turn = _written(message, names)
        if turns and turns[-1]["role"] == turn["role"] != "system":
            joined = f"{turns[-1]['content']}\n{turn['content']}".strip("\n")
            turns[-1] = {**turns[-1], "content": joined}
        else:
            turns.append(turn)
    return turns


_INTRODUCTION = ("You can call these functions:",)

_HOW = (
    "To call one, write nothing but",
    f"{PLAIN.begin[0]}{PLAIN.begin[1]}NAME{PLAIN.middle[0]}{{…}}{''.join(PLAIN.end)}",
    "with its name and arguments. You will be given what it returns.",
)


def _several(tools: ToolUse) -> str:
    if tools.must_call:
        names = " or ".join(tools.allowed)
        return f"Now call {names}."
    if tools.parallel:
        return "Several calls may follow each other. Without need of one, just answer."
    return "One call at a time. Without need of one, just answer."


def _shown(tool: dict[str, Any]) -> str:
    function = {key: value for key, value in tool["function"].items() if value}
    return _compact(function)


def _written(message: Message, names: dict[str, str]) -> Message:
    if message["role"] == "tool":
        name = message.get("name") or names.get(message.get("tool_call_id", ""), "function")
        return {"role": "user", "content": f"{name} returned: {message['content']}"}
    if "tool_calls" not in message:
        return message
    calls = [_call(call["function"]) for call in message["tool_calls"]]
    lines = [message["content"], *calls] if message["content"] else calls
    rest = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**rest, "content": "\n".join(lines)}


def _call(function: dict[str, Any]) -> str:
    arguments = function["arguments"]
    text = arguments if isinstance(arguments, str) else _compact(arguments)
    head = "".join((*PLAIN.begin, function["name"], *PLAIN.middle))
    return head + text + "".join(PLAIN.end)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
