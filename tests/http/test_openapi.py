"""The OpenAPI document: whole, open to all, and true to what is served."""

import functools
import json
from typing import Any

import jsonschema_rs
import pytest
from litestar.routes import HTTPRoute

from bluey_server.http.access import Access
from bluey_server.http.app import create_app
from bluey_server.http.errors import _OF_ENGINE_FAILURES, _OF_EXCEPTIONS
from bluey_server.http.openapi.document import document
from bluey_server.http.openapi.kind_schemas import schema_of
from bluey_server.http.request.fields import CHAT_FIELDS, COMPLETION_FIELDS
from bluey_server.http.request.kinds import Kind
from tests.fakes.scripted_engine import Say
from tests.http.field_entries import Bad, Harmless, Refused
from tests.http.rig import Launch, Rig
from tests.http.test_every_field import TABLES, cases
from tests.http.test_stream import events

GENERATION = {
    "/v1/chat/completions": ("ChatCompletionRequest", "ChatCompletion", "ChatChunk"),
    "/v1/completions": ("CompletionRequest", "Completion", "Completion"),
}


@functools.cache
def validator(name: str) -> jsonschema_rs.Validator:
    """Of one of the document's schemas."""
    whole = document()
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{name}", "components": whole["components"]}
    )


def test_it_is_a_document_of_openapi(shared: Rig) -> None:
    import schemathesis

    served = shared.get("/schema").json()
    assert served == json.loads(json.dumps(document()))
    schemathesis.openapi.from_dict(served).validate()


def test_it_needs_no_key(launch: Launch) -> None:
    rig = launch(access=Access(api_key="sesame", key_required=True))
    response = rig.get("/schema", headers={"host": "elsewhere.example"})
    assert response.status_code == 200
    assert "sesame" not in response.text
    assert str(rig.home.root) not in response.text


def test_every_route_is_in_it_and_nothing_else(shared: Rig) -> None:
    routes = {
        (route.path.replace(":path}", "}").replace(":str}", "}"), method.lower())
        for route in create_app(shared.service, Access()).routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS"
    }
    told = {(path, method) for path, item in document()["paths"].items() for method in item}
    assert told == routes


def test_every_failure_of_a_generation_is_in_it() -> None:
    rows = (*_OF_ENGINE_FAILURES.values(), *_OF_EXCEPTIONS.values())
    possible = {str(row.status) for row in rows} | {"429", "401", "403", "413"}
    for path in GENERATION:
        assert possible <= set(document()["paths"][path]["post"]["responses"])


@pytest.mark.parametrize("kind", [field.kind for field in (*CHAT_FIELDS, *COMPLETION_FIELDS)])
def test_every_kind_has_a_schema(kind: Kind) -> None:
    assert schema_of(kind)


@pytest.mark.parametrize(("path", "name", "bad"), cases())
def test_what_the_server_refuses_the_schema_does(path: str, name: str, bad: Bad) -> None:
    body = {"model": "it", **TABLES[path][2], name: bad.value}
    fits = validator(GENERATION[path][0]).is_valid(body)
    assert fits == (bad.later or bad.code == "unsupported_value")


@pytest.mark.parametrize("path", GENERATION)
def test_what_the_server_takes_the_schema_does(path: str) -> None:
    fields, entries, body = TABLES[path]
    check = validator(GENERATION[path][0])
    check.validate({**{field.name: None for field in fields}, "model": "it", **body, "x": 1})
    for name, entry in entries.items():
        if isinstance(entry, Harmless | Refused):
            values = [entry.value] if isinstance(entry, Harmless) else entry.inert
            for value in values:
                check.validate({"model": "it", **body, name: value})


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "assistant", "content": None, "tool_calls": None, "refusal": None},
        {"role": "assistant", "content": [], "tool_calls": [], "annotations": []},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "2", "name": None},
        {"role": "function", "name": "f", "content": None},
    ],
)
def test_messages_that_clients_send(message: Any) -> None:
    validator("InputMessage").validate(message)


@pytest.mark.parametrize("path", GENERATION)
def test_answers_are_as_it_says(shared: Rig, path: str) -> None:
    _, answer, chunk = GENERATION[path]
    body = {"model": "it", **TABLES[path][2], "n": 2, "service_tier": "auto", "logprobs": 1}
    if path.endswith("chat/completions"):
        body |= {"logprobs": True, "top_logprobs": 2}
    for _ in range(4):
        shared.engine.enqueue(Say("Ärger 🐶", apart=True))
    validator(answer).validate(shared.http.post(path, json=body).json())
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    *chunks, _ = events(shared.http.post(path, json=streamed).text)
    assert len(chunks) > 4
    for one in chunks:
        validator(chunk).validate(one)


def test_the_status_is_as_it_says(shared: Rig) -> None:
    shared.engine.run("tiny-it", "f", adapters=("d" * 64,), steps=4, rows_stepped=10)
    validator("ServerStatus").validate(shared.get("/admin/status").json())
    shared.engine.replicas = []
    validator("ServerStatus").validate(shared.get("/admin/status").json())


def test_one_that_asks_in_the_wrong_way_is_told_of_the_right_one(shared: Rig) -> None:
    for path, item in document()["paths"].items():
        address = path.replace("{model_id}", "org%2Fm:tag@2").replace("{report_id}", "one")
        response = shared.http.patch(shared.url + address)
        if response.status_code == 401:
            response = shared.http.patch(
                shared.url + address, headers={"authorization": "Bearer sk-bluey-admin-of-tests"}
            )
        assert response.status_code == 405
        allowed = set(response.headers["allow"].split(", "))
        assert {method.upper() for method in item} <= allowed
        assert not allowed & {"PATCH", "PUT"}
