"""What is inside the fields of `/v1/responses`, as JSON schemas: responses/items.py reads it."""

from bluey_server.http.openapi.kind_schemas import Schema
from bluey_server.http.openapi.request_schemas import INSIDE, fields_schema
from bluey_server.http.openapi.tool_schemas import FLAT_INSIDE, FORMAT
from bluey_server.http.responses.fields import REASONING_FIELDS, TEXT_FIELDS

_TEXT: Schema = {"type": "string"}
_FILLED: Schema = {"type": "string", "minLength": 1}
_PART: Schema = {
    "anyOf": [
        {
            "type": "object",
            "required": ["type", key],
            "properties": {"type": {"enum": types}, key: _TEXT},
        }
        for key, types in (
            ("text", ["input_text", "output_text", "text"]),
            ("refusal", ["refusal"]),
        )
    ]
}
_CONTENT: Schema = {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _PART}]}
_HEAD: Schema = {
    "id": {"type": ["string", "null"]},
    "status": {"enum": ["in_progress", "completed", "incomplete", "", None]},
}


def _item(kind: str, *required: str, usual: bool = False, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": [*([] if usual else ["type"]), *required],
        "properties": {
            "type": {"enum": [kind, None]} if usual else {"const": kind},
            **_HEAD,
            **properties,
        },
    }


_THOUGHTS: Schema = {
    "type": ["array", "null"],
    "items": {"type": "object", "properties": {"text": {"type": ["string", "null"]}}},
}

INPUT_ITEM: Schema = {
    "anyOf": [
        _item(
            "message",
            "role",
            "content",
            usual=True,
            role={"enum": ["user", "assistant", "system", "developer"]},
            content=_CONTENT,
        ),
        _item(
            "function_call",
            "call_id",
            "name",
            call_id=_FILLED,
            name=_FILLED,
            arguments={"type": ["string", "null"]},
        ),
        _item("function_call_output", "call_id", "output", call_id=_FILLED, output=_CONTENT),
        _item(
            "reasoning",
            summary=_THOUGHTS,
            content=_THOUGHTS,
            encrypted_content={"type": ["string", "null"]},
        ),
        {
            "type": "object",
            "required": ["id"],
            "properties": {
                "type": {"enum": ["item_reference", None]},
                "id": _FILLED,
                "role": {"type": "null"},
            },
        },
    ]
}
"""One item of a conversation."""

RESPONSE_INSIDE: dict[str, Schema] = {
    **INSIDE,
    **FLAT_INSIDE,
    "input": {
        "anyOf": [
            _TEXT,
            {"type": "array", "items": {"$ref": "#/components/schemas/InputItem"}},
        ]
    },
    "text": fields_schema(TEXT_FIELDS, {"format": FORMAT}),
    "reasoning": fields_schema(REASONING_FIELDS, {}),
}
