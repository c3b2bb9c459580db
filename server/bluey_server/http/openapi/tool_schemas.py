"""What stands inside the fields about tools and formats, as JSON schemas: chat completions' way,
with everything under `function` or `json_schema`, and the flat one of responses."""

from bluey_server.http.openapi.kind_schemas import Schema

_NAME: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"}
_OBJECT: Schema = {"type": ["object", "null"]}
_SAID: Schema = {
    "description": {"type": ["string", "null"]},
    "strict": {"type": ["boolean", "null"]},
}

FUNCTION: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": _NAME, "parameters": _OBJECT, **_SAID},
}
_FLAT_SCHEMA: Schema = {"name": _NAME, "schema": _OBJECT, **_SAID}


def _of_type(kind: str, *required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["type", *required],
        "properties": {"type": {"const": kind}, **properties},
    }


_WORDS: Schema = {"enum": ["none", "auto", "required"]}
_MODE: Schema = {"enum": ["auto", "required"]}
_NAMED: Schema = {"type": "object", "required": ["name"], "properties": {"name": _NAME}}
_TOOL: Schema = _of_type("function", "function", function=FUNCTION)
_CHOSEN: Schema = _of_type("function", "function", function=_NAMED)
_ALLOWED: Schema = {
    "type": "object",
    "required": ["tools"],
    "properties": {"mode": _MODE, "tools": {"type": "array", "minItems": 1, "items": _CHOSEN}},
}

CHAT_INSIDE: dict[str, Schema] = {
    "tools": {"items": _TOOL},
    "tool_choice": {
        "anyOf": [
            _WORDS,
            _CHOSEN,
            _of_type("allowed_tools", "allowed_tools", allowed_tools=_ALLOWED),
        ]
    },
    "functions": {"items": FUNCTION},
    "function_call": {"anyOf": [{"enum": ["none", "auto"]}, _NAMED]},
    "response_format": {
        "required": ["type"],
        "anyOf": [
            _of_type("text"),
            _of_type("json_object"),
            _of_type(
                "json_schema",
                "json_schema",
                json_schema={"type": "object", "required": ["name"], "properties": _FLAT_SCHEMA},
            ),
        ],
    },
}
"""Of chat completions, by field."""

FORMAT: Schema = {
    "anyOf": [
        _of_type("text"),
        _of_type("json_object"),
        _of_type("json_schema", "name", "schema", **{**_FLAT_SCHEMA, "schema": {"type": "object"}}),
    ]
}
"""Of responses' `text.format`."""

_OTHER_TYPE: Schema = {"type": "string", "not": {"const": "function"}}

FLAT_INSIDE: dict[str, Schema] = {
    "tools": {
        "items": {
            "anyOf": [
                _of_type("function", "name", **FUNCTION["properties"]),
                {"type": "object", "required": ["type"], "properties": {"type": _OTHER_TYPE}},
            ]
        }
    },
    "tool_choice": {
        "anyOf": [
            _WORDS,
            _of_type("function", "name", name=_NAME),
            _of_type(
                "allowed_tools",
                "tools",
                mode={"enum": ["auto", "required", "", None]},
                tools={"type": "array", "minItems": 1, "items": {"type": "object"}},
            ),
        ]
    },
}
"""Of responses, by field. Tools of other types are left out, where a function remains."""
