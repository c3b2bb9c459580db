"""Every field that a request may hold: what it does is shown somewhere, and what is bad is said."""

import importlib
import inspect
from typing import Any, get_type_hints

import pytest
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming as ChatParams,
)
from openai.types.completion_create_params import (
    CompletionCreateParamsNonStreaming as CompletionParams,
)

from bluey_server.http.request.fields import CHAT_FIELDS, COMPLETION_FIELDS, Field, Treatment
from tests.http.field_entries import CHAT, COMPLETION, Bad, Entry, Harmless, Refused, Used
from tests.http.rig import Rig

TABLES: dict[str, tuple[tuple[Field, ...], dict[str, Entry], dict[str, Any]]] = {
    "/v1/chat/completions": (
        CHAT_FIELDS,
        CHAT,
        {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16},
    ),
    "/v1/completions": (COMPLETION_FIELDS, COMPLETION, {"prompt": "a", "max_tokens": 16}),
}
ENTRIES = {Treatment.USED: Used, Treatment.HARMLESS: Harmless, Treatment.REFUSED: Refused}


def cases() -> list[Any]:
    return [
        pytest.param(path, name, bad, id=f"{path.split('/')[2]}-{name}-{number}")
        for path, (_, entries, _) in TABLES.items()
        for name, entry in entries.items()
        for number, bad in enumerate(entry.bad)
    ]


@pytest.mark.parametrize("path", TABLES)
def test_every_field_has_an_entry_that_tells_what_becomes_of_it(path: str) -> None:
    fields, entries, _ = TABLES[path]
    told = {name: type(entry) for name, entry in entries.items()}
    assert told == {field.name: ENTRIES[field.treatment] for field in fields}
    assert all(entry.bad for entry in entries.values())
    assert all(entry.effects for entry in entries.values() if isinstance(entry, Used))


@pytest.mark.parametrize(("asked", "entries"), [(ChatParams, CHAT), (CompletionParams, COMPLETION)])
def test_every_field_that_openai_has_is_known(asked: type, entries: dict[str, Entry]) -> None:
    assert not set(get_type_hints(asked)) - set(entries)


@pytest.mark.parametrize("name", sorted({*CHAT, *COMPLETION}))
def test_the_effects_are_shown_by_tests_that_speak_of_the_field(name: str) -> None:
    for entry in filter(None, (CHAT.get(name), COMPLETION.get(name))):
        for effect in entry.effects if isinstance(entry, Used) else ():
            file, _, function = effect.partition(":")
            shown = getattr(importlib.import_module(f"tests.{file.replace('/', '.')}"), function)
            assert function.startswith("test_")
            assert name in inspect.getsource(shown), f"{effect} says nothing of {name}"


@pytest.mark.parametrize(("path", "name", "bad"), cases())
def test_a_bad_value_is_refused_by_name(shared: Rig, path: str, name: str, bad: Bad) -> None:
    before = len(shared.engine.asked)
    response = shared.http.post(path, json={"model": "it", **TABLES[path][2], name: bad.value})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, bad.code), error
    assert error["param"] == (bad.param or name)
    assert error["message"].startswith(bad.message)
    assert error["type"] == "invalid_request_error"
    assert len(shared.engine.asked) == before


@pytest.mark.parametrize("path", TABLES)
def test_values_that_ask_for_nothing_are_taken(shared: Rig, path: str) -> None:
    _, entries, body = TABLES[path]
    harmless = {name: entry.value for name, entry in entries.items() if isinstance(entry, Harmless)}
    refused = {name: entry for name, entry in entries.items() if isinstance(entry, Refused)}
    for place in range(max(len(entry.inert) for entry in refused.values())):
        inert = {
            name: entry.inert[place] for name, entry in refused.items() if place < len(entry.inert)
        }
        response = shared.http.post(path, json={"model": "it", **body, **harmless, **inert})
        assert response.status_code == 200, response.text
        assert "x-bluey-ignored" not in response.headers


@pytest.mark.parametrize("path", TABLES)
def test_null_means_absent(shared: Rig, path: str) -> None:
    fields, _, body = TABLES[path]
    nothing = {field.name: None for field in fields}
    response = shared.http.post(path, json={**nothing, "model": "it", **body})
    assert response.status_code == 200, response.text
