"""The messages of a request, as chat templates want them.

OpenAI's clients send more shapes than templates know: content in parts, null content beside tool
calls, `developer` for `system`, instructions in the middle, arguments as JSON in a string. What
comes out has a string for content, at most one system message, and that one first.
"""

import contextlib
import json
from typing import Any

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.kinds import empty, invalid_choice, missing, wrong_type

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def read_messages(given: list[Any]) -> list[dict[str, Any]]:
    """Messages for a template. Raises BadRequest naming the place that is wrong."""
    if not given:
        raise empty("messages", "array")
    messages = [_message(f"messages[{place}]", item) for place, item in enumerate(given)]
    instructions = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    system = "\n\n".join(text for text in instructions if text)
    if not system:
        return others or [{"role": "user", "content": ""}]
    # Most templates have nowhere to put instructions without a turn to put them in.
    return [{"role": "system" if others else "user", "content": system}, *others]


def _message(where: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise wrong_type(where, "an object", given)
    given = {key: value for key, value in given.items() if value is not None}
    role = _string(where, given, "role")
    if role is None:
        raise missing(f"{where}.role")
    match role:
        case "system" | "developer":
            message = {"role": "system", "content": _content(where, given)}
        case "user":
            message = {"role": "user", "content": _content(where, given)}
        case "assistant":
            message = _assistant(where, given)
        case "tool":
            message = {"role": "tool", "content": _content(where, given)}
            if _string(where, given, "tool_call_id") is None:
                raise missing(f"{where}.tool_call_id")
            message["tool_call_id"] = given["tool_call_id"]
        case "function":
            if _string(where, given, "name") is None:
                raise missing(f"{where}.name")
            message = {"role": "tool", "content": _content(where, given, may_lack=True)}
        case _:
            raise invalid_choice(f"{where}.role", role, ROLES)
    name = _string(where, given, "name")
    if name is not None:
        message["name"] = name
    return message


def _assistant(where: str, given: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": _content(where, given, may_lack=True) or _string(where, given, "refusal") or "",
    }
    reasoning = _string(where, given, "reasoning_content")
    if reasoning is not None:
        message["reasoning_content"] = reasoning
    calls = given.get("tool_calls", [])
    if not isinstance(calls, list):
        raise wrong_type(f"{where}.tool_calls", "an array", calls)
    tool_calls = [_call(f"{where}.tool_calls[{place}]", call) for place, call in enumerate(calls)]
    if "function_call" in given:
        function = given["function_call"]
        tool_calls.append(_call(f"{where}.function_call", {"function": function}))
    if tool_calls:
        message["tool_calls"] = tool_calls
    return message


def _call(where: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise wrong_type(where, "an object", given)
    function = given.get("function")
    if function is None:
        raise missing(f"{where}.function")
    if not isinstance(function, dict):
        raise wrong_type(f"{where}.function", "an object", function)
    name = _string(f"{where}.function", function, "name")
    if name is None:
        raise missing(f"{where}.function.name")
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        # What a model once wrote need not be JSON; the template then gets it as it was.
        with contextlib.suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {"id": given["id"], **call} if isinstance(given.get("id"), str) else call


def _content(where: str, given: dict[str, Any], *, may_lack: bool = False) -> str:
    content = given.get("content")
    place = f"{where}.content"
    if isinstance(content, str):
        return content
    if content is None:  # or was null
        if may_lack:
            return ""
        raise missing(place)
    if not isinstance(content, list):
        raise wrong_type(place, "a string or an array of parts", content)
    if not content and not may_lack:
        raise empty(place, "array")
    return "".join(_part(f"{place}[{index}]", part) for index, part in enumerate(content))


def _part(where: str, given: Any) -> str:
    if not isinstance(given, dict):
        raise wrong_type(where, "an object", given)
    kind = given.get("type")
    if kind is None:
        raise missing(f"{where}.type")
    if kind not in ("text", "refusal"):
        raise BadRequest(
            f"Unsupported value: '{where}.type' does not support {str(kind)[:40]!r} on this "
            "server, whose models read text only.",
            code="unsupported_value",
            param=f"{where}.type",
        )
    text = _string(where, given, kind)
    if text is None:
        raise missing(f"{where}.{kind}")
    return text


def _string(where: str, given: dict[str, Any], key: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise wrong_type(f"{where}.{key}", "a string", value)
    return value
