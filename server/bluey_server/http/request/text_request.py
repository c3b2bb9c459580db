"""What requests for text have in common, whether they give a conversation or a prompt."""

import secrets
from typing import Any

import msgspec

from bluey_server.http.answer.stop_matcher import StopStrings
from bluey_server.http.errors import BadRequest
from bluey_server.http.request.fields import STREAM_FIELDS, read_fields
from bluey_server.messages import Sampling

_COLDEST = 1e-5
"""What is colder is greedy: it would choose the same, but divided by it logits become infinite."""


class TextRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request for text."""

    model: str
    sampling: Sampling
    n: int  # answers to each prompt
    logprobs: int | None  # alternatives told with each token's own; None tells nothing
    stream: bool
    include_usage: bool
    max_tokens: int | None  # None: what remains of the context
    min_tokens: int
    ignore_eos: bool  # the end of a turn is no end: on to max_tokens
    stop: StopStrings
    service_tier: str | None
    ignored: tuple[str, ...]  # keys that nobody knows


def read_common(fields: dict[str, Any], ignored: list[str]) -> dict[str, Any]:
    """From checked fields, the members of a TextRequest but for max_tokens and logprobs. Raises
    BadRequest."""
    options, more = read_fields(
        STREAM_FIELDS, fields.get("stream_options", {}), within="stream_options"
    )
    stream = fields.get("stream", False)
    return {
        "model": fields["model"],
        "sampling": _sampling(fields),
        "n": fields.get("n", 1),
        "stream": stream,
        "include_usage": stream and options.get("include_usage", False),
        "min_tokens": fields.get("min_tokens", 0),
        "ignore_eos": fields.get("ignore_eos", False),
        "stop": StopStrings(fields.get("stop", ())),
        "service_tier": fields.get("service_tier"),
        "ignored": (*ignored, *more),
    }


def check_min_tokens(min_tokens: int, max_tokens: int | None) -> None:
    """Raise BadRequest for an answer that would have to be longer than it may be."""
    if max_tokens is None or min_tokens <= max_tokens:
        return
    raise BadRequest(
        f"Invalid 'min_tokens': integer above maximum value. Expected a value <= {max_tokens} "
        f"(the most tokens that the answer may have), but got {min_tokens} instead.",
        code="integer_above_max_value",
        param="min_tokens",
    )


def _sampling(fields: dict[str, Any]) -> Sampling:
    seed = fields.get("seed")
    temperature = fields.get("temperature", 1.0)
    return Sampling(
        temperature=temperature if temperature >= _COLDEST else 0.0,
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
