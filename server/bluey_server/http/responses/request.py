"""A request for a response, checked: what is left after it is right in itself.

It is a chat completion's in other words. Whether what it goes on from is there, and its model, and
whether all of that fits, is found out later (endpoint.py).
"""

from typing import Any

from bluey_server.http.chat.request import ChatRequest, template_extra
from bluey_server.http.grammar.response_format import read_format
from bluey_server.http.request.fields import read_fields
from bluey_server.http.request.kinds import empty, missing
from bluey_server.http.request.structure import Wishes
from bluey_server.http.request.text_request import check_min_tokens, read_common
from bluey_server.http.responses.fields import (
    LOGPROBS,
    REASONING_FIELDS,
    RESPONSE_FIELDS,
    TEXT_FIELDS,
    refuse_moved,
)
from bluey_server.http.responses.items import Item, read_items
from bluey_server.http.responses.tools import read_response_tools

_AS_GIVEN = (
    "instructions",
    "max_output_tokens",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "user",
)


class ResponseRequest(ChatRequest, frozen=True, kw_only=True):
    """One request for a response. Its `messages` are only known when its items are."""

    items: list[Item]  # of this turn; references among them
    instructions: str | None
    previous_response_id: str | None
    store: bool
    echoed: dict[str, Any]  # members of the answer that are given back as they came


def read_response_request(given: dict[str, Any]) -> ResponseRequest:
    """Check a request's body. Raises BadRequest naming the field that is wrong."""
    refuse_moved(given)
    fields, ignored = read_fields(RESPONSE_FIELDS, given)
    text, more = read_fields(TEXT_FIELDS, fields.get("text", {}), within="text")
    ignored += more
    reasoning, more = read_fields(REASONING_FIELDS, fields.get("reasoning", {}), within="reasoning")
    ignored += more
    if not fields.get("model"):
        raise missing("model")
    previous = fields.get("previous_response_id")
    if "input" not in fields and previous is None:
        raise missing("input")
    if fields.get("input") == [] and previous is None:
        raise empty("input", "array")
    max_tokens = fields.get("max_output_tokens")
    check_min_tokens(fields.get("min_tokens", 0), max_tokens)
    alternatives: int = fields.get("top_logprobs", 0)
    told = alternatives > 0 or LOGPROBS in fields.get("include", ())
    tools = read_response_tools(fields)
    form = text.get("format", {"type": "text"})
    if form.get("type") == "json_schema" and form.get("schema") is None:
        raise missing("text.format.schema")
    if "effort" in reasoning:
        fields["reasoning_effort"] = reasoning["effort"]
    return ResponseRequest(
        **read_common(fields, [*ignored, *tools.left_out]),
        messages=[],
        items=read_items(fields.get("input", [])),
        instructions=fields.get("instructions"),
        previous_response_id=previous,
        store=fields.get("store", True),
        max_tokens=max_tokens,
        logprobs=alternatives if told else None,
        template_extra=template_extra(fields),
        wishes=Wishes(format=read_format("text.format", form, flat=True), tools=tools.use),
        echoed={
            **_echoed(fields, reasoning),
            "text": {**text, "format": form},
            "tool_choice": tools.choice,
            "tools": tools.shown,
        },
    )


def _echoed(fields: dict[str, Any], reasoning: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: fields[key] for key in _AS_GIVEN if key in fields},
        "metadata": fields.get("metadata", {}),
        "parallel_tool_calls": fields.get("parallel_tool_calls", True),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": fields.get("store", True),
        "top_logprobs": fields.get("top_logprobs", 0),
    }
