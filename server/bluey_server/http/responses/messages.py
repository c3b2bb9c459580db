"""From the items of `/v1/responses` to the messages that chat completions would have.

A turn of the assistant's is several items here (what it thought, said and called), and one message
there. So a conversation gives the same prompt, however it was sent.
"""

from collections.abc import Sequence
from typing import Any

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.conversation import read_messages
from bluey_server.http.responses.items import Item

Message = dict[str, Any]

_JOINABLE = {"role", "content"}


def messages_of(items: Sequence[Item], instructions: str | None) -> list[Message]:
    """Messages for a template; `instructions` come before all that the items say as system."""
    messages: list[Message] = []
    if instructions:
        messages.append({"role": "system", "content": instructions})
    turn: Message | None = None  # the assistant's, to which the next item may belong
    for item in items:
        match item["type"]:
            case "reasoning":
                turn = {"role": "assistant", "reasoning_content": _thoughts(item) or None}
            case "message" if item["role"] == "assistant":
                turn = _joined(messages, turn, "content", _text(item["content"]))
            case "function_call":
                calls = turn.get("tool_calls", []) if turn else []
                turn = _joined(messages, turn, "tool_calls", [*calls, _call(item)])
            case "message":
                messages.append({"role": item["role"], "content": _text(item["content"])})
                turn = None
            case _:
                answer = {"role": "tool", "tool_call_id": item["call_id"]}
                messages.append({**answer, "content": _text(item["output"])})
                turn = None
    return read_messages(messages)


def neighbours_joined(messages: Sequence[Message]) -> list[Message]:
    """The same with what one role says in a row in one message: clients send a question and what
    belongs to it as two items, and many templates want the roles to take turns."""
    joined: list[list[Message]] = []
    for message in messages:
        before = joined[-1][-1] if joined else None
        if before is not None and {*before, *message} <= _JOINABLE and _same_role(before, message):
            joined[-1].append(message)
        else:
            joined.append([message])
    return [
        {**several[0], "content": "\n\n".join(str(one["content"]) for one in several)}
        if len(several) > 1
        else several[0]
        for several in joined
    ]


def check_calls(items: Sequence[Item]) -> None:
    """Raise BadRequest for the output of a call that nobody has made: the request has left out
    the turn that made it."""
    made = set()
    for item in items:
        if item["type"] == "function_call":
            made.add(item["call_id"])
        elif item["type"] == "function_call_output" and item["call_id"] not in made:
            raise BadRequest(
                f"No tool call found for function call output with call_id {item['call_id']}. "
                "Send the function_call item before it, or the previous_response_id of the "
                "response that made the call.",
                code="invalid_value",
                param="input",
            )


def _same_role(one: Message, other: Message) -> bool:
    return one["role"] == other["role"] and one["role"] in ("user", "assistant")


def _joined(messages: list[Message], turn: Message | None, key: str, value: Any) -> Message:
    """The turn with another item in it, or the next one, where it has said its words already."""
    if turn is None or (key == "content" and ("content" in turn or "tool_calls" in turn)):
        turn = {"role": "assistant"}
    if not messages or messages[-1] is not turn:
        messages.append(turn)
    turn[key] = value
    return turn


def _call(item: Item) -> Message:
    function = {"name": item["name"], "arguments": item["arguments"]}
    return {"id": item["call_id"], "type": "function", "function": function}


def _thoughts(item: Item) -> str:
    """What was thought; of other servers' models, whose thoughts are sealed, the summary."""
    return _text(item.get("content") or item["summary"])


def _text(content: str | list[Item]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or part.get("refusal", "") for part in content)
