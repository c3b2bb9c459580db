"""Kinds of values as JSON schemas: the same ranges, for whoever reads rather than sends."""

from typing import Any

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
from bluey_server.http.responses.fields import INCLUDABLE, Includes

Schema = dict[str, Any]

_TOKENS: Schema = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "integer", "minimum": 0},
}


def schema_of(kind: Kind) -> Schema:
    """What `kind.check` lets in. Raises TypeError for a kind that has no schema here yet."""
    match kind:
        case Boolean():
            return {"type": "boolean"}
        case Integer(low, high):
            return {"type": "integer", "minimum": low, "maximum": high}
        case Number(low, high):
            return {"type": "number", "minimum": low, "maximum": high}
        case Text(choices):
            return {"type": "string", "enum": list(choices)} if choices else {"type": "string"}
        case Object():
            return {"type": "object"}
        case Array():
            return {"type": "array"}
        case Either(first, second):
            return {"anyOf": [schema_of(first), schema_of(second)]}
        case StopStrings(most, longest):
            one = {"type": "string", "minLength": 1, "maxLength": longest}
            return {"anyOf": [one, {"type": "array", "items": one, "maxItems": most}]}
        case LogitBias(most):
            return {
                "type": "object",
                "propertyNames": {"pattern": "^(0|[1-9][0-9]{0,8})$"},
                "additionalProperties": nullable(schema_of(Number(-most, most))),
            }
        case Metadata(most, longest_name, longest):
            return {
                "type": "object",
                "maxProperties": most,
                "propertyNames": {"maxLength": longest_name},
                "additionalProperties": {"type": ["string", "null"], "maxLength": longest},
            }
        case Includes():
            return {"type": "array", "items": {"enum": list(INCLUDABLE)}}
        case Prompts(most):
            several = {"type": "array", "minItems": 1, "maxItems": most}
            return {
                "anyOf": [
                    {"type": "string"},
                    {**several, "items": {"type": "string"}},
                    _TOKENS,
                    {**several, "items": _TOKENS},
                ]
            }
    raise TypeError(f"{type(kind).__name__} has no schema in kind_schemas.py")


def nullable(schema: Schema) -> Schema:
    """The same, or null: which means absent."""
    if "type" not in schema and "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" not in schema or "anyOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **more}
