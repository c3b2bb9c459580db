"""Holding what a server sends to the types of OpenAI's own client, strictly."""

import json
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

_RESPONSE: TypeAdapter[Any] = TypeAdapter(Response)
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def strictly(kind: Any, given: Any) -> Any:
    """`given`, JSON's values, as a value of a type. Nothing may lack, and nothing may change: the
    client itself builds objects from whatever it gets."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    value = adapter.validate_json(json.dumps(given), strict=True)
    assert adapter.dump_python(value, mode="json", by_alias=True, exclude_unset=True) == given
    return value


def strict_response(given: Any) -> Response:
    """A response."""
    response: Response = strictly(_RESPONSE, given)
    assert set(given) >= ALWAYS_THERE
    return response


def strict_event(given: Any) -> Any:
    """An event of a response's stream, and the response in it."""
    if "response" in given:
        strict_response(given["response"])
    return strictly(_EVENT, given)


ALWAYS_THERE = {
    "id",
    "object",
    "created_at",
    "status",
    "error",
    "incomplete_details",
    "instructions",
    "model",
    "output",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "tool_choice",
    "tools",
    "metadata",
    "text",
    "usage",
}
"""Keys that clients look for, be they null."""
