"""The OpenAPI document: the operations, with the schemas of all that goes in and out.

Plain dictionaries rather than Litestar's own generator: it reads types of arguments and returns,
and here bodies are checked by tables of fields, and answers are written by ASGI applications.
"""

import functools
from typing import Any

from bluey_server.http.errors import ErrorBody
from bluey_server.http.openapi.answer_schemas import answer_schemas
from bluey_server.http.openapi.kind_schemas import Schema
from bluey_server.http.openapi.operations import OPERATIONS, Door, Operation
from bluey_server.http.openapi.request_schemas import MESSAGE, body_schema
from bluey_server.http.openapi.response_schemas import INPUT_ITEM
from bluey_server.http.version import version

_ERRORS = {
    400: "Something about the request is wrong; `param` says what.",
    401: "The key is missing or wrong.",
    403: "This host or page may not ask, or this may not be done.",
    404: "There is nothing of that name.",
    408: "The body stopped coming.",
    413: "The body is larger than 64 MB, or holds too many values.",
    429: "Too many requests are waiting.",
    500: "The server or an engine failed; `x-should-retry` says whether to try again.",
    503: "Not now: the server stops, an engine loads, or the registry is busy.",
    504: "It took longer than this server allows.",
}

_TEXT: Schema = {"type": "string"}
_SECONDS: Schema = {"type": "integer", "minimum": 0}
_HEADERS: dict[str, dict[str, Any]] = {
    "x-request-id": {"required": True, "schema": _TEXT},
    "x-bluey-ignored": {"schema": _TEXT, "description": "Keys of the request that nobody knows."},
    "retry-after": {"schema": _SECONDS},
    "retry-after-ms": {"schema": _SECONDS},
    "x-should-retry": {"schema": {"enum": ["true", "false"]}},
    "www-authenticate": {"required": True, "schema": _TEXT},
}

_SECURITY: dict[str, dict[str, Any]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "azureKey": {"type": "apiKey", "in": "header", "name": "api-key"},
    "adminKey": {"type": "http", "scheme": "bearer", "description": "BLUEY_HOME/admin.key"},
    "adminPassword": {
        "type": "http",
        "scheme": "basic",
        "description": "For browsers: any user name, the admin key as password.",
    },
}
_DOORS: dict[Door, list[dict[str, list[str]]]] = {
    Door.OPEN: [],
    Door.KEY: [{}, {"key": []}, {"azureKey": []}],
    Door.ADMIN: [{"adminKey": []}, {"adminPassword": []}],
}

_PARAMETERS: dict[str, dict[str, Any]] = {
    "model_id": {
        "description": "A name; its slashes may be written as such.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._@:/-]*$"},
        "example": "it",
    },
    "response_id": {"schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}},
    "report_id": {"schema": {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*$"}},
}


@functools.cache
def document() -> dict[str, Any]:
    """All of it. The same for every server of one version; it holds nothing of a home."""
    bodies = {one.body.name: one.body for one in OPERATIONS if one.body is not None}
    written = [ErrorBody, *dict.fromkeys(_types())]
    found, named = answer_schemas(written)
    schemas = dict(zip(written, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "bluey",
            "version": version(),
            "description": "OpenAI's API on MLX, where model names are hot-loaded LoRA adapters. "
            "Keys of a body that are not named here are tolerated, and told of in the header "
            "`x-bluey-ignored`. `null` means absent.",
        },
        "paths": paths,
        "components": {
            "schemas": {
                "InputMessage": MESSAGE,
                "InputItem": INPUT_ITEM,
                **{
                    name: body_schema(body.fields, body.required, body.inside)
                    for name, body in bodies.items()
                },
                **named,
            },
            "headers": _HEADERS,
            "securitySchemes": _SECURITY,
        },
    }


def _types() -> list[Any]:
    return [
        answer
        for one in OPERATIONS
        for answer in (*one.answer.values(), one.events, *one.others.values())
        if answer not in (None, str)
    ]


def _operation(one: Operation, schemas: dict[Any, Schema]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": one.id,
        "summary": one.told,
        "security": _DOORS[one.door],
        "responses": _responses(one, schemas),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, **parameter}
        for name, parameter in _PARAMETERS.items()
        if f"{{{name}}}" in one.path
    ] + [{"name": name, "in": "query", "schema": schema} for name, schema in one.query.items()]
    if parameters:
        told["parameters"] = parameters
    if one.body is not None:
        schema = {"$ref": f"#/components/schemas/{one.body.name}"}
        content = {"application/json": {"schema": schema, "example": dict(one.body.example)}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _responses(one: Operation, schemas: dict[Any, Schema]) -> dict[str, Any]:
    content = {
        media: {"schema": _TEXT if answer is str else schemas[answer]}
        for media, answer in one.answer.items()
    }
    if one.events is not None:
        content["text/event-stream"] = {"schema": _event(schemas[one.events], schemas[ErrorBody])}
    answer = _response("The answer.", content, "x-request-id", "x-bluey-ignored")
    if one.links:
        answer["links"] = {name: dict(link) for name, link in one.links.items()}
    others = {
        str(status): _response("It is not.", {"application/json": {"schema": schemas[other]}})
        for status, other in one.others.items()
    }
    error = {"application/json": {"schema": schemas[ErrorBody]}}
    errors = {
        str(status): _response(_ERRORS[status], error, *_error_headers(status))
        for status in _statuses(one)
        if str(status) not in others
    }
    return {**({"200": answer} if one.answer else {}), **errors, **others}


def _event(payload: Schema, error: Schema) -> Schema:
    """One event of a stream. OpenAPI has a place of its own for that from 3.2 on; until readers
    know it, the schema of a media type that comes in events is that of each."""
    encoded = {"contentMediaType": "application/json", "contentSchema": {"anyOf": [payload, error]}}
    return {
        "type": "object",
        "description": "With `stream`: one event of many. An error is the last one, without DONE.",
        "required": ["data"],
        "properties": {"data": {"type": "string", "anyOf": [{"const": "[DONE]"}, encoded]}},
    }


def _response(told: str, content: dict[str, Any], *headers: str) -> dict[str, Any]:
    named = dict.fromkeys(("x-request-id", *headers))
    shown = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
    return {"description": told, "headers": shown, "content": content}


def _error_headers(status: int) -> tuple[str, ...]:
    match status:
        case 401:
            return ("www-authenticate",)
        case 429 | 500 | 503 | 504:
            return ("retry-after", "retry-after-ms", "x-should-retry", "x-bluey-ignored")
    return ("x-bluey-ignored",)


def _statuses(one: Operation) -> list[int]:
    """Of errors. A host or page that may not ask is told so by each of them."""
    found = {403, 500, *one.errors}
    if one.door is not Door.OPEN:
        found |= {401, 503}
    if one.body is not None:
        found |= {400, 408, 413}
    return sorted(found)
