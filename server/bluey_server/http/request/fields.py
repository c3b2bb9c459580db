"""The fields of completions, chat or not: the table of what each may hold and what becomes of it.

responses/fields.py has those of responses.

Nothing is silently ignored. A field we know either works, or is harmless to leave out, or is
refused unless its value changes nothing. Keys we have never heard of are tolerated and named in
a header. `null` means absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.kinds import (
    Array,
    Boolean,
    Either,
    Integer,
    Kind,
    LogitBias,
    Metadata,
    Number,
    Object,
    Prompts,
    StopStrings,
    Text,
)


class Treatment(Enum):
    """What becomes of a field."""

    USED = "it works"
    HARMLESS = "checked, then left out"
    REFUSED = "refused, unless its value changes nothing"


@dataclass(frozen=True)
class Field:
    """One field of a request."""

    name: str
    kind: Kind
    treatment: Treatment = Treatment.USED
    inert: Callable[[Any], bool] = lambda _: False
    """For REFUSED: whether a value asks for nothing more than what is done anyway."""


def _one_of(*values: object) -> Callable[[Any], bool]:
    return lambda value: value in values


def _usual_text(value: Any) -> bool:
    return isinstance(value, dict) and all(inner is None for inner in value.values())


MANY = 2**31 - 1
_SHOWN = 60  # characters of a refused value
MOST_CHOICES = 32
"""Answers to one prompt. Less than OpenAI's 128: as many as decode together here, so that no
conversation is more than a full batch."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_WORD_OR_OBJECT = Either(Text(), Object(), "a string or an object")

USED, HARMLESS, REFUSED = Treatment.USED, Treatment.HARMLESS, Treatment.REFUSED

COMMON: tuple[Field, ...] = (
    Field("stream", Boolean()),
    Field("stream_options", Object()),
    Field("temperature", Number(0, 2)),
    Field("top_p", Number(0, 1)),
    Field("stop", StopStrings()),
    Field("n", Integer(1, MOST_CHOICES)),
    Field("seed", Integer(-(2**63), 2**63 - 1)),
    Field("presence_penalty", Number(-2, 2)),
    Field("frequency_penalty", Number(-2, 2)),
    Field("logit_bias", LogitBias()),  # on the model's own ids
    Field("service_tier", Text()),  # answered with "default"
    # What local servers have beyond OpenAI.
    Field("top_k", Integer(-1, MANY)),
    Field("min_p", Number(0, 1)),
    Field("repetition_penalty", Number(0.01, 10)),  # less would make logits infinite
    Field("min_tokens", Integer(0, MANY)),
    Field("ignore_eos", Boolean()),
    # Harmless to leave out.
    Field("user", Text(), HARMLESS),
    Field("safety_identifier", Text(), HARMLESS),
    Field("prompt_cache_key", Text(), HARMLESS),
    Field("prompt_cache_options", Object(), HARMLESS),
    Field("prompt_cache_retention", Text(), HARMLESS),
    Field("metadata", Metadata(), HARMLESS),
    Field("store", Boolean(), HARMLESS),
)
"""What requests for text share."""

CHAT_FIELDS: tuple[Field, ...] = (
    Field("model", Text()),
    Field("messages", Array()),
    *COMMON,
    Field("max_completion_tokens", Integer(1, MANY)),
    Field("max_tokens", Integer(1, MANY)),
    Field("logprobs", Boolean()),
    Field("top_logprobs", Integer(0, 20)),
    Field("reasoning_effort", Text(EFFORTS)),  # for templates that know it
    Field("chat_template_kwargs", Object()),
    Field("response_format", Object()),
    Field("tools", Array()),
    Field("tool_choice", _WORD_OR_OBJECT),
    Field("parallel_tool_calls", Boolean()),
    Field("functions", Array()),  # older names of tools and tool_choice
    Field("function_call", _WORD_OR_OBJECT),
    Field("prediction", Object(), HARMLESS),
    Field("verbosity", Text(), HARMLESS),
    Field("modalities", Array(), REFUSED, _one_of(["text"], [])),
    Field("audio", Object(), REFUSED),
    Field("web_search_options", Object(), REFUSED),
    Field("moderation", _WORD_OR_OBJECT, REFUSED, _usual_text),
)

COMPLETION_FIELDS: tuple[Field, ...] = (
    Field("model", Text()),
    Field("prompt", Prompts()),
    *COMMON,
    Field("max_tokens", Integer(0, MANY)),
    Field("logprobs", Integer(0, 5)),
    Field("echo", Boolean()),
    Field("best_of", Integer(0, 20), REFUSED, _one_of(0, 1)),
    Field("suffix", Text(), REFUSED, _one_of("")),
)

STREAM_FIELDS: tuple[Field, ...] = (
    Field("include_usage", Boolean()),
    Field("include_obfuscation", Boolean(), HARMLESS),
)


def read_fields(
    fields: tuple[Field, ...], given: Mapping[str, Any], *, within: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The checked values of the fields that are used, and the keys that no field knows.

    Raises BadRequest for the first field, in the table's order, that is wrong or refused.
    """
    prefix = f"{within}." if within else ""
    present = {key: value for key, value in given.items() if value is not None}
    used = {}
    for field in fields:
        if field.name not in present:
            continue
        param = prefix + field.name
        value = field.kind.check(param, present[field.name])
        match field.treatment:
            case Treatment.USED:
                used[field.name] = value
            case Treatment.REFUSED if not field.inert(value):
                raise _refusal(param, value)
    known = {field.name for field in fields}
    return used, [prefix + key for key in given if key not in known]


def _refusal(param: str, value: Any) -> BadRequest:
    shown = msgspec.json.encode(value).decode()
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "…"
    return BadRequest(
        f"Unsupported value: '{param}' does not support {shown} on this server.",
        code="unsupported_value",
        param=param,
    )
