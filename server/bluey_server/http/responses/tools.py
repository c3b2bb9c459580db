"""The tools of a request for a response: functions, in their flat shape, and those that others
host.

What only OpenAI runs (web search, a code interpreter, …), and tools whose input is not JSON, are
left out where a function remains, and named: agents offer all they have and do without some. Where
nothing would remain the request is refused.
"""

from dataclasses import dataclass
from typing import Any

from bluey_server.http.chat.tools import MODES
from bluey_server.http.errors import BadRequest
from bluey_server.http.request.kinds import Array, Object, Text, empty, invalid_choice, missing
from bluey_server.http.tools.functions import (
    Tool,
    ToolUse,
    choice_without_tools,
    read_chosen,
    read_tool,
    tool_use,
)

_SHOWN = ("name", "description", "parameters", "strict")


@dataclass(frozen=True)
class ResponseTools:
    """What a request offers, and wishes to have called."""

    use: ToolUse | None  # None: there is nothing to call
    shown: tuple[dict[str, Any], ...]  # the functions, as the response gives them back
    choice: str | dict[str, Any]  # likewise
    left_out: tuple[str, ...]  # names of the others


def read_response_tools(fields: dict[str, Any]) -> ResponseTools:
    """From the fields tools, tool_choice and parallel_tool_calls. Raises BadRequest."""
    tools: list[Tool] = []
    shown: list[dict[str, Any]] = []
    left_out: list[str] = []
    for place, given in enumerate(fields.get("tools", [])):
        where = f"tools[{place}]"
        if _type(where, given) == "function":
            tools.append(read_tool(where, given))
            shown.append({"type": "function", **{key: given.get(key) for key in _SHOWN}})
        else:
            left_out.append(_name(given))
    if left_out and not tools:
        raise BadRequest(
            f"Unsupported value: 'tools' holds nothing but {', '.join(left_out)}, which this "
            "server does not run. It takes tools of type 'function'.",
            code="unsupported_value",
            param="tools",
        )
    choice = fields.get("tool_choice", "auto")
    mode, allowed = _read_choice(choice)
    if not tools and (mode == "required" or allowed is not None):
        raise choice_without_tools("tool_choice", "tools")
    named = isinstance(choice, dict) and choice["type"] == "function"
    # Who names a function wants it called; once, as at OpenAI.
    parallel = fields.get("parallel_tool_calls", True) and not named
    use = tool_use(tools, mode=mode, allowed=allowed, parallel=parallel)
    return ResponseTools(use, tuple(shown), choice, tuple(left_out))


def _read_choice(given: str | dict[str, Any]) -> tuple[str, list[str] | None]:
    """A mode, and the names that may be called; None is all."""
    if isinstance(given, str):
        return Text(MODES).check("tool_choice", given), None
    kind = _type("tool_choice", given)
    if kind == "function":
        return "required", [read_chosen("tool_choice", given, "")]
    if kind != "allowed_tools":
        raise invalid_choice("tool_choice.type", kind, ("function", "allowed_tools"))
    mode = Text(MODES[1:]).check("tool_choice.mode", given.get("mode") or "auto")
    where = "tool_choice.tools"
    places = enumerate(Array().check(where, given.get("tools")))
    # Those that are left out can't be called, whether they are allowed or not.
    allowed = [
        read_chosen(f"{where}[{place}]", one, "")
        for place, one in places
        if _type(f"{where}[{place}]", one) == "function"
    ]
    if not allowed:
        raise empty(where, "array")
    return mode, allowed


def _type(where: str, given: Any) -> str:
    kind = Object().check(where, given).get("type")
    if kind is None:
        raise missing(f"{where}.type")
    return Text().check(f"{where}.type", kind)


def _name(given: dict[str, Any]) -> str:
    """What is left out, by its type, and its own name where it has one."""
    names = (given.get(key) for key in ("name", "server_label"))
    own = next((f".{name}" for name in names if isinstance(name, str)), "")
    return f"tools.{given['type']}{own}"
