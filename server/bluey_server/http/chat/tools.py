"""The tools of a chat completion, as its JSON has them: `tools` and `tool_choice`, or the older
`functions` and `function_call`."""

from typing import Any

from bluey_server.http.errors import BadRequest
from bluey_server.http.grammar.response_format import check_name
from bluey_server.http.request.kinds import invalid_choice, missing, wrong_type
from bluey_server.http.tools.functions import (
    Tool,
    ToolUse,
    check_type,
    choice_without_tools,
    read_allowed,
    read_chosen,
    read_tool,
    tool_use,
)

MODES = ("none", "auto", "required")


def read_tools(fields: dict[str, Any]) -> tuple[ToolUse | None, bool]:
    """The functions that may be called, and whether they were given the older way. Raises
    BadRequest."""
    older = [name for name in ("functions", "function_call") if fields.get(name) not in _NOTHING]
    newer = [name for name in ("tools", "tool_choice") if fields.get(name) not in _NOTHING]
    if older and newer:
        raise BadRequest(
            f"Invalid '{older[0]}': it is the older form of tools, and not allowed together with "
            f"'{newer[0]}'.",
            code="invalid_value",
            param=older[0],
        )
    return (_read_functions(fields), True) if older else (_read_tools(fields), False)


_NOTHING: tuple[Any, ...] = (None, [], "none", "auto")
"""Values that ask for nothing more where there is nothing to call."""


def _read_tools(fields: dict[str, Any]) -> ToolUse | None:
    given, choice = fields.get("tools", []), fields.get("tool_choice")
    tools = [_chat_tool(f"tools[{place}]", one) for place, one in enumerate(given)]
    mode, allowed = _read_choice(choice)
    if not tools and (mode == "required" or allowed is not None):
        raise choice_without_tools("tool_choice", "tools")
    # Who names a function wants it called; once, as at OpenAI.
    named = isinstance(choice, dict) and choice.get("type") == "function"
    parallel = fields.get("parallel_tool_calls", True) and not named
    return tool_use(tools, mode=mode, allowed=allowed, parallel=parallel)


def _read_functions(fields: dict[str, Any]) -> ToolUse | None:
    """One call at most: the older answers have room for one."""
    given, choice = fields.get("functions", []), fields.get("function_call")
    tools = [read_tool(f"functions[{place}]", one) for place, one in enumerate(given)]
    mode, allowed = "auto", None
    if isinstance(choice, dict):
        check_name("function_call.name", choice.get("name"))
        mode, allowed = "required", [choice["name"]]
    elif choice is not None:
        if choice not in ("none", "auto"):
            raise invalid_choice("function_call", choice, ("none", "auto"))
        mode = choice
    if not tools and allowed is not None:
        raise choice_without_tools("function_call", "functions")
    return tool_use(
        tools,
        mode=mode,
        allowed=allowed,
        parallel=False,
        param="functions",
        choice="function_call",
    )


def _chat_tool(where: str, given: Any) -> Tool:
    if not isinstance(given, dict):
        raise wrong_type(where, "an object", given)
    check_type(where, given, "function")
    if given.get("function") is None:
        raise missing(f"{where}.function")
    return read_tool(where, given["function"], within="function")


def _read_choice(choice: Any) -> tuple[str, list[str] | None]:
    """A mode, and the names that may be called."""
    if choice is None:
        return "auto", None
    if isinstance(choice, str):
        if choice not in MODES:
            raise invalid_choice("tool_choice", choice, MODES)
        return choice, None
    if choice.get("type") != "allowed_tools":
        return "required", [read_chosen("tool_choice", choice, "function")]
    where = "tool_choice.allowed_tools"
    inner = choice.get("allowed_tools")
    if inner is None:
        raise missing(where)
    if not isinstance(inner, dict):
        raise wrong_type(where, "an object", inner)
    mode = inner.get("mode", "auto")
    if mode not in ("auto", "required"):
        raise invalid_choice(f"{where}.mode", str(mode), ("auto", "required"))
    if inner.get("tools") is None:
        raise missing(f"{where}.tools")
    return mode, read_allowed(f"{where}.tools", inner["tools"])
