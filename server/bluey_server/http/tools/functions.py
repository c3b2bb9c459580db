"""The functions that a model may call, and whether it must.

Each endpoint has its own JSON for that (chat completions' is read by chat/tools.py); what is in it
is checked here.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from bluey_server.http.errors import BadRequest
from bluey_server.http.grammar.response_format import check_name
from bluey_server.http.grammar.schema import check_schema
from bluey_server.http.request.kinds import empty, invalid_choice, missing, wrong_type

_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One function."""

    name: str
    description: str | None = None
    parameters: dict[str, Any]
    param: str  # what a defect of its parameters is told of

    def check(self) -> None:
        """Raise BadRequest when its parameters can't be enforced. Takes a while."""
        check_schema(
            self.parameters,
            what=f"function '{self.name}'",
            param=self.param,
            code="invalid_function_parameters",
        )


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """The functions of one request."""

    tools: tuple[Tool, ...]  # shown to the model, at least one
    allowed: tuple[str, ...]  # names of those that may be called, at least one
    must_call: bool
    parallel: bool  # several calls in one answer

    @property
    def callable(self) -> tuple[Tool, ...]:
        """Those that may be called."""
        allowed = frozenset(self.allowed)
        return tuple(tool for tool in self.tools if tool.name in allowed)


def read_tool(where: str, given: Any, *, within: str = "") -> Tool:
    """A function's name, description, parameters and strict; `strict` changes nothing, since
    calls always follow the schema.

    `where` names the tool; `within` the key in it that holds these, where they aren't its own.
    Raises BadRequest.
    """
    place = f"{where}.{within}" if within else where
    if not isinstance(given, dict):
        raise wrong_type(place, "an object", given)
    check_name(f"{place}.name", given.get("name"))
    description, parameters = given.get("description"), given.get("parameters")
    if description is not None and not isinstance(description, str):
        raise wrong_type(f"{place}.description", "a string", description)
    if given.get("strict") is not None and not isinstance(given["strict"], bool):
        raise wrong_type(f"{place}.strict", "a boolean", given["strict"])
    param = f"{place}.parameters"
    if parameters is not None and not isinstance(parameters, dict):
        raise wrong_type(param, "an object", parameters)
    name = given["name"]
    if parameters and parameters.get("type") != "object":
        told = parameters.get("type")
        raise BadRequest(
            f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: "
            f"\"object\"', got 'type: {str(told)[:100]!r}'.",
            code="invalid_function_parameters",
            param=param,
        )
    return Tool(
        name=name, description=description, parameters=parameters or _NO_ARGUMENTS, param=param
    )


def tool_use(
    tools: Sequence[Tool],
    *,
    mode: str = "auto",
    allowed: Sequence[str] | None = None,
    parallel: bool = True,
    param: str = "tools",
    choice: str = "tool_choice",
) -> ToolUse | None:
    """What is made of tools and choice; None: there is nothing to call. `allowed` None is all.

    Raises BadRequest, of `param` and `choice`.
    """
    names: dict[str, None] = {}
    for name in (tool.name for tool in tools):
        if name in names:
            raise BadRequest(
                f"Invalid '{param}': the function '{name}' is given twice; names must be unique.",
                code="invalid_value",
                param=param,
            )
        names[name] = None
    for name in allowed or ():
        if name not in names:
            raise BadRequest(
                f"Invalid value: '{choice}': the function '{name[:100]}' is not among the "
                f"functions given in '{param}'.",
                code="invalid_value",
                param=choice,
            )
    if not tools or mode == "none":
        return None
    callable_names = tuple(names if allowed is None else dict.fromkeys(allowed))
    return ToolUse(
        tools=tuple(tools),
        allowed=callable_names,
        must_call=mode == "required",
        parallel=parallel,
    )


def choice_without_tools(choice: str, param: str) -> BadRequest:
    """The error for a choice among nothing."""
    return BadRequest(
        f"Invalid value for '{choice}': '{choice}' is only allowed when '{param}' are specified.",
        code="invalid_value",
        param=choice,
    )


def read_allowed(where: str, given: Any, *, within: str = "function") -> list[str]:
    """The names in a list of tools that may be called. Raises BadRequest."""
    if not isinstance(given, list):
        raise wrong_type(where, "an array", given)
    if not given:
        raise empty(where, "array")
    return [read_chosen(f"{where}[{place}]", one, within) for place, one in enumerate(given)]


def read_chosen(where: str, given: Any, within: str) -> str:
    """The name of one function in a choice; `within` is the key that holds it, if any.

    Raises BadRequest.
    """
    if not isinstance(given, dict):
        raise wrong_type(where, "an object", given)
    check_type(where, given, "function")
    if within:
        where = f"{where}.{within}"
        if given.get(within) is None:
            raise missing(where)
        if not isinstance(given[within], dict):
            raise wrong_type(where, "an object", given[within])
        given = given[within]
    check_name(f"{where}.name", given.get("name"))
    name: str = given["name"]
    return name


def check_type(where: str, given: dict[str, Any], only: str) -> None:
    """Raise BadRequest for another type than `only`."""
    kind = given.get("type")
    if kind is None:
        raise missing(f"{where}.type")
    if kind != only:
        raise invalid_choice(f"{where}.type", str(kind), (only,))
