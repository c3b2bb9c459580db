"""A chat completion's request, checked: what is left after it is right in itself.

Whether its model exists and its prompt fits is found out later (prompt.py).
"""

import secrets
from typing import Any

import msgspec

from bluey_server.http.conversation import read_messages
from bluey_server.http.errors import BadRequest
from bluey_server.http.fields import CHAT_FIELDS, STREAM_FIELDS, read_fields
from bluey_server.http.kinds import missing
from bluey_server.messages import Sampling

_GIVEN_BY_US = ("messages", "add_generation_prompt")


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a chat completion."""

    model: str
    messages: list[dict[str, Any]]
    sampling: Sampling
    stream: bool
    include_usage: bool
    max_tokens: int | None  # None: what remains of the context
    min_tokens: int
    stop: tuple[str, ...]
    template_extra: dict[str, Any]
    service_tier: str | None
    ignored: tuple[str, ...]  # keys that nobody knows


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object that a request carries. Raises BadRequest."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRequest(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
            "using your HTTP library correctly. The API expects a JSON payload.)",
            code=None,
            param=None,
        ) from None
    if not isinstance(given, dict):
        raise BadRequest("Invalid body: expected a JSON object.", code="invalid_type", param=None)
    return given


def read_chat_request(given: dict[str, Any]) -> ChatRequest:
    """Check a request's body. Raises BadRequest naming the field that is wrong."""
    fields, ignored = read_fields(CHAT_FIELDS, given)
    for required in ("model", "messages"):
        if fields.get(required) in (None, ""):
            raise missing(required)
    options, more = read_fields(
        STREAM_FIELDS, fields.get("stream_options", {}), within="stream_options"
    )
    stream = fields.get("stream", False)
    max_tokens = fields.get("max_completion_tokens", fields.get("max_tokens"))
    min_tokens = fields.get("min_tokens", 0)
    if max_tokens is not None and min_tokens > max_tokens:
        raise too_many_min_tokens(min_tokens, max_tokens)
    return ChatRequest(
        model=fields["model"],
        messages=read_messages(fields["messages"]),
        sampling=_sampling(fields),
        stream=stream,
        include_usage=stream and options.get("include_usage", False),
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        stop=fields.get("stop", ()),
        template_extra=_template_extra(fields),
        service_tier=fields.get("service_tier"),
        ignored=(*ignored, *more),
    )


def too_many_min_tokens(min_tokens: int, max_tokens: int) -> BadRequest:
    """The error for an answer that would have to be longer than it may be."""
    return BadRequest(
        f"Invalid 'min_tokens': integer above maximum value. Expected a value <= {max_tokens} "
        f"(the most tokens that the answer may have), but got {min_tokens} instead.",
        code="integer_above_max_value",
        param="min_tokens",
    )


def _sampling(fields: dict[str, Any]) -> Sampling:
    seed = fields.get("seed")
    return Sampling(
        temperature=fields.get("temperature", 1.0),
        top_p=fields.get("top_p", 1.0),
        top_k=max(fields.get("top_k", 0), 0),  # -1 is off too, elsewhere
        min_p=fields.get("min_p", 0.0),
        repetition_penalty=fields.get("repetition_penalty", 1.0),
        frequency_penalty=fields.get("frequency_penalty", 0.0),
        presence_penalty=fields.get("presence_penalty", 0.0),
        logit_bias=fields.get("logit_bias", ()),
        # OpenAI's seeds are signed; the engine's are the same 64 bits without a sign.
        seed=secrets.randbits(64) if seed is None else seed % 2**64,
    )


def _template_extra(fields: dict[str, Any]) -> dict[str, Any]:
    extra = dict(fields.get("chat_template_kwargs", {}))
    for key in extra:
        if key in _GIVEN_BY_US or key.endswith("_token"):
            raise BadRequest(
                f"Unsupported parameter: 'chat_template_kwargs.{key}' is set by the server.",
                code="unsupported_parameter",
                param=f"chat_template_kwargs.{key}",
            )
    if "reasoning_effort" in fields:
        extra.setdefault("reasoning_effort", fields["reasoning_effort"])
    return extra
