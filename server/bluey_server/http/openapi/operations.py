"""Every operation of the server: who may ask for it, what it takes, what it answers.

A test holds this table to the routes that there are, and the answers to what is told of them here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bluey_server.http.chat.answer import ChatChunk, ChatCompletion
from bluey_server.http.completions.answer import Completion
from bluey_server.http.models import DeletedModel, ModelCard, ModelList
from bluey_server.http.monitoring.health import Health, Pointer, Readiness
from bluey_server.http.monitoring.status_answer import ServerStatus
from bluey_server.http.openapi.kind_schemas import Schema
from bluey_server.http.openapi.request_schemas import INSIDE
from bluey_server.http.openapi.response_schemas import RESPONSE_INSIDE
from bluey_server.http.openapi.tool_schemas import CHAT_INSIDE
from bluey_server.http.reports.endpoint import ReportCard
from bluey_server.http.request.fields import CHAT_FIELDS, COMPLETION_FIELDS, Field
from bluey_server.http.responses.endpoint import InputTokens
from bluey_server.http.responses.events import (
    ArgumentsDelta,
    ArgumentsDone,
    Completed,
    Created,
    Failure,
    Incomplete,
    InProgress,
    ItemAdded,
    ItemDone,
    PartAdded,
    PartDone,
    TextDelta,
    TextDone,
)
from bluey_server.http.responses.fields import RESPONSE_FIELDS
from bluey_server.http.responses.object import ResponseObject
from bluey_server.http.responses.stored import DeletedResponse, ItemPage


class Door(Enum):
    """Which key opens an operation."""

    OPEN = "none"
    KEY = "the API key, where there is one"
    ADMIN = "the admin key"


@dataclass(frozen=True)
class Body:
    """What a request carries: the fields of a table, and an example."""

    name: str
    fields: tuple[Field, ...]
    required: tuple[str, ...]
    example: Mapping[str, Any]
    inside: Mapping[str, Schema] = field(default_factory=lambda: INSIDE)


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    method: str  # lower case
    path: str
    id: str
    told: str  # in a line
    answer: Mapping[str, Any]  # by media type, a type to be written out; str for any text; or none
    door: Door = Door.KEY
    body: Body | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    events: Any = None  # the type of a stream's events, where there may be a stream
    errors: tuple[int, ...] = ()  # beside those of the door and the body
    others: Mapping[int, Any] = field(default_factory=dict)  # statuses that are no errors
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_JSON, _HTML, _TEXT = "application/json", "text/html", "text/plain"
_GENERATION = (404, 429, 503, 504)
"""What may go wrong with an engine; all but the first may be worth another try."""

_CHAT = Body(
    "ChatCompletionRequest",
    CHAT_FIELDS,
    ("model", "messages"),
    {"model": "it", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8},
    {**INSIDE, **CHAT_INSIDE},
)
_COMPLETION = Body(
    "CompletionRequest",
    COMPLETION_FIELDS,
    ("model", "prompt"),
    {"model": "it", "prompt": "Once upon a time", "max_tokens": 8},
)

_RESPONSE = Body(
    "ResponseRequest",
    RESPONSE_FIELDS,
    ("model",),
    {"model": "it", "input": "Hello", "max_output_tokens": 16},
    RESPONSE_INSIDE,
)
_EVENTS = (
    Created
    | InProgress
    | ItemAdded
    | PartAdded
    | TextDelta
    | TextDone
    | PartDone
    | ArgumentsDelta
    | ArgumentsDone
    | ItemDone
    | Completed
    | Incomplete
    | Failure
)


def _link(to: str, **parameters: str) -> dict[str, Any]:
    return {"operationId": to, "parameters": parameters}


def _asking(to: str, body: Body) -> dict[str, Any]:
    return {"operationId": to, "requestBody": {**body.example, "model": "$response.body#/id"}}


_MODEL_LINKS = {
    "again": _link("getModel", model_id="$response.body#/id"),
    "delete": _link("deleteModel", model_id="$response.body#/id"),
    "chat": _asking("createChatCompletion", _CHAT),
    "complete": _asking("createCompletion", _COMPLETION),
}
_REPORT_LINKS = {
    "page": _link("getReport", report_id="$response.body#/0/id"),
    "figures": _link("getReportFigures", report_id="$response.body#/0/id"),
}
_RESPONSE_LINKS = {
    "kept": _link("getResponse", response_id="$response.body#/id"),
    "items": _link("listInputItems", response_id="$response.body#/id"),
    "delete": _link("deleteResponse", response_id="$response.body#/id"),
    "cancel": _link("cancelResponse", response_id="$response.body#/id"),
    "next": {
        "operationId": "createResponse",
        "requestBody": {**_RESPONSE.example, "previous_response_id": "$response.body#/id"},
    },
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "post",
        "/v1/chat/completions",
        "createChatCompletion",
        "Continue a conversation.",
        {_JSON: ChatCompletion},
        body=_CHAT,
        events=ChatChunk,
        errors=_GENERATION,
    ),
    Operation(
        "post",
        "/v1/completions",
        "createCompletion",
        "Continue prompts.",
        {_JSON: Completion},
        body=_COMPLETION,
        events=Completion,
        errors=_GENERATION,
    ),
    Operation(
        "post",
        "/v1/responses",
        "createResponse",
        "Go on with a conversation, or begin one.",
        {_JSON: ResponseObject},
        body=_RESPONSE,
        events=_EVENTS,
        errors=_GENERATION,
        links=_RESPONSE_LINKS,
    ),
    Operation(
        "post",
        "/v1/responses/input_tokens",
        "countInputTokens",
        "Count the tokens of what would be the prompt.",
        {_JSON: InputTokens},
        body=_RESPONSE,
        errors=(404,),
    ),
    Operation(
        "get",
        "/v1/responses/{response_id}",
        "getResponse",
        "A response that is kept.",
        {_JSON: ResponseObject},
        query={"stream": {"type": "string"}},
        errors=(400, 404),
    ),
    Operation(
        "delete",
        "/v1/responses/{response_id}",
        "deleteResponse",
        "Forget it.",
        {_JSON: DeletedResponse},
        errors=(404,),
        links={"after": _link("getResponse", response_id="$response.body#/id")},
    ),
    Operation(
        "get",
        "/v1/responses/{response_id}/input_items",
        "listInputItems",
        "What was said in its turn.",
        {_JSON: ItemPage},
        query={
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "order": {"enum": ["asc", "desc"]},
            "after": {"type": "string"},
        },
        errors=(400, 404),
    ),
    Operation(
        "post",
        "/v1/responses/{response_id}/cancel",
        "cancelResponse",
        "Refused: what is kept is over.",
        {},
        errors=(400, 404),
    ),
    Operation(
        "get",
        "/v1/models",
        "listModels",
        "Every name that `model` may be.",
        {_JSON: ModelList},
        links={"first": _link("getModel", model_id="$response.body#/data/0/id")},
    ),
    Operation(
        "get",
        "/v1/models/{model_id}",
        "getModel",
        "One of those names.",
        {_JSON: ModelCard},
        errors=(404,),
        links=_MODEL_LINKS,
    ),
    Operation(
        "delete",
        "/v1/models/{model_id}",
        "deleteModel",
        "Forget an adapter: one version, or by its bare name all of them.",
        {_JSON: DeletedModel},
        errors=(400, 404),
        links={"after": _link("getModel", model_id="$response.body#/id")},
    ),
    Operation("get", "/", "getPointer", "Where things are.", {_JSON: Pointer}, Door.OPEN),
    Operation("get", "/health", "getHealth", "The process runs.", {_JSON: Health}, Door.OPEN),
    Operation(
        "get",
        "/ready",
        "getReadiness",
        "Whether requests should be sent here.",
        {_JSON: Readiness},
        Door.OPEN,
        others={503: Readiness},
    ),
    Operation("get", "/schema", "getSchema", "This document.", {_JSON: dict[str, Any]}, Door.OPEN),
    Operation("get", "/metrics", "getMetrics", "Figures for Prometheus.", {_TEXT: str}),
    Operation(
        "get",
        "/admin/status",
        "getStatus",
        "Every process, what each holds, and for whom.",
        {_JSON: ServerStatus},
        Door.ADMIN,
    ),
    Operation(
        "get",
        "/admin/reports",
        "listReports",
        "All reports, the newest first: for browsers as a page.",
        {_JSON: list[ReportCard], _HTML: str},
        Door.ADMIN,
        links=_REPORT_LINKS,
    ),
    Operation(
        "get",
        "/admin/reports/{report_id}",
        "getReport",
        "One report, to be looked at.",
        {_HTML: str},
        Door.ADMIN,
        errors=(404,),
    ),
    Operation(
        "get",
        "/admin/reports/{report_id}/report.json",
        "getReportFigures",
        "The figures that it shows.",
        {_JSON: dict[str, Any]},
        Door.ADMIN,
        errors=(404,),
    ),
)


def methods_of(path: str) -> list[str]:
    """The methods that a path has, for those who have used another. Slashes may be doubled."""
    asked = "/" + "/".join(filter(None, path.split("/")))
    matching = [one for one in OPERATIONS if _matches(one.path, asked)]
    # A path without parameters wins over one that would take its last word for one.
    matching = [one for one in matching if one.path == asked] or matching
    found = {one.method.upper() for one in matching}
    return sorted({*found, "OPTIONS", *({"HEAD"} if "GET" in found else ())})


def _matches(template: str, path: str) -> bool:
    pattern = re.escape(template).replace(r"\{model_id\}", ".+")  # names may have slashes
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", pattern), path) is not None
