"""Asking for responses, and looking at what comes."""

import contextlib
import json
import sqlite3
from typing import Any

import httpx

from bluey_adapters.home import Home
from tests.http.rig import Rig
from tests.openai_types import strict_event, strict_response

HELLO = {"model": "it", "input": "Hello"}


def post(rig: Rig, body: Any = None, **fields: Any) -> httpx.Response:
    """A response, raw."""
    return rig.http.post("/v1/responses", json={**HELLO, **(body or {}), **fields})


def said(rig: Rig, **fields: Any) -> Any:
    """A response that is there, strictly checked, as JSON."""
    response = post(rig, **fields)
    assert response.status_code == 200, response.text
    strict_response(response.json())
    return response.json()


def refused(rig: Rig, **fields: Any) -> dict[str, Any]:
    """The error of a request that is wrong in itself."""
    response = post(rig, **fields)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def events(body: str) -> list[Any]:
    """The events of a stream, each an `event:` and a `data:` line, strictly checked."""
    assert "\r" not in body
    assert body.endswith("\n\n")
    found = []
    for block in body.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        payload = json.loads(data.removeprefix("data: "))
        assert name == f"event: {payload['type']}"
        strict_event(payload)
        found.append(payload)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def streamed(rig: Rig, **fields: Any) -> list[Any]:
    """The events of a response."""
    response = post(rig, stream=True, **fields)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/event-stream"
    return events(response.text)


def prompt(rig: Rig) -> list[int]:
    """The prompt that the engine got last."""
    return rig.engine.asked[-1].request.prompt


def words(rig: Rig) -> str:
    """The same, in words."""
    return rig.engine.asked[-1].base.tokenizer.decode(prompt(rig))


def kept(home: Home) -> int:
    """How many responses the registry holds, be they visible or not."""
    with contextlib.closing(sqlite3.connect(home.registry)) as database:
        count: int = database.execute("SELECT COUNT(*) FROM responses").fetchone()[0]
    return count


def text_of(response: Any) -> str:
    """All that a response says."""
    parts = [part for item in response["output"] for part in item.get("content", [])]
    return "".join(part["text"] for part in parts)


# Objects and events
