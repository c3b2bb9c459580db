"""Bodies of requests as JSON schemas, made of the tables of fields that check them.

What the tables leave to others to judge, the inside of messages and options, is told here.
Unknown keys are allowed everywhere: they are tolerated.
"""

from collections.abc import Mapping, Sequence

from bluey_server.http.chat.request import GIVEN_BY_US
from bluey_server.http.openapi.kind_schemas import Schema, nullable, schema_of
from bluey_server.http.request.fields import STREAM_FIELDS, Field, Treatment

_TEXT: Schema = {"type": "string"}
_OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}

_PART: Schema = {
    "anyOf": [
        {
            "type": "object",
            "required": ["type", kind],
            "properties": {"type": {"const": kind}, kind: _TEXT},
        }
        for kind in ("text", "refusal")
    ]
}
_CONTENT: Schema = {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _PART}]}
_OPTIONAL_CONTENT: Schema = {
    "anyOf": [_TEXT, {"type": "array", "items": _PART}, {"type": "null"}],
}
_FUNCTION: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": _TEXT, "arguments": {"type": ["string", "object", "null"]}},
}


def _message(*roles: str, required: Sequence[str] = ("content",), **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["role", *required],
        "properties": {"role": {"enum": list(roles)}, "name": _OPTIONAL_TEXT, **properties},
    }


MESSAGE: Schema = {
    "anyOf": [
        _message("system", "developer", "user", content=_CONTENT),
        _message(
            "assistant",
            required=(),
            content=_OPTIONAL_CONTENT,
            refusal=_OPTIONAL_TEXT,
            reasoning_content=_OPTIONAL_TEXT,
            tool_calls={
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "required": ["function"],
                    "properties": {"function": _FUNCTION},
                },
            },
            function_call=nullable(_FUNCTION),
        ),
        _message(
            "tool", required=("content", "tool_call_id"), content=_CONTENT, tool_call_id=_TEXT
        ),
        _message("function", required=("name",), content=_OPTIONAL_CONTENT, name=_TEXT),
    ]
}
"""One message of a conversation, as request/conversation.py reads it."""


def body_schema(
    fields: Sequence[Field], required: Sequence[str], inside: Mapping[str, Schema]
) -> Schema:
    """A body that holds `fields`; `inside` tells by name what their kinds don't."""
    return {"type": "object", **fields_schema(fields, inside, required)}


def fields_schema(
    fields: Sequence[Field], inside: Mapping[str, Schema], required: Sequence[str] = ()
) -> Schema:
    """Of an object that holds `fields`, all but its type."""
    return {
        "required": list(required),
        "properties": {
            field.name: _field(field, inside.get(field.name, {}), field.name in required)
            for field in fields
        },
    }


def _field(field: Field, inside: Schema, required: bool = False) -> Schema:
    schema = {**schema_of(field.kind), **inside}
    if not required:
        schema = nullable(schema)
    match field.treatment:
        case Treatment.USED:
            return schema
        case Treatment.HARMLESS:
            return {**schema, "description": "Accepted; it changes nothing here."}
        case Treatment.REFUSED:
            told = "Not supported: a 400, unless the value asks for nothing that isn't so anyway."
            return {**schema, "description": told}


_OURS = f"^({'|'.join(GIVEN_BY_US)}|[\\s\\S]*_token)$"

INSIDE: dict[str, Schema] = {
    "model": {"minLength": 1, "examples": ["it"]},
    "messages": {"minItems": 1, "items": {"$ref": "#/components/schemas/InputMessage"}},
    "stream_options": fields_schema(STREAM_FIELDS, {}),
    "chat_template_kwargs": {"propertyNames": {"not": {"pattern": _OURS}}},
}
"""Of chat completions and completions."""
