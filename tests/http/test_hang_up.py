"""A client that hangs up, streaming or not, cancels what was generated for it."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fakes.scripted_engine import Say, Wait
from tests.http.rig import Launch, Rig

BODY = {"model": "it", "messages": [{"role": "user", "content": "Hello"}]}


def ask(rig: Rig, *, stream: bool, **fields: Any) -> http.client.HTTPConnection:
    """A request whose answer nobody has read."""
    connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=20)
    body = json.dumps({**BODY, "stream": stream, **fields})
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    return connection


def asked(rig: Rig, engine_requests: int) -> None:
    """Wait until the engine has got so many."""
    gate = rig.engine.arrived
    while len(rig.engine.asked) < engine_requests:
        gate.get(timeout=10)


@pytest.mark.parametrize("stream", [False, True])
def test_hanging_up_while_nothing_comes(launch: Launch, stream: bool) -> None:
    rig = launch()
    rig.engine.enqueue(Wait())
    connection = ask(rig, stream=stream)
    asked(rig, 1)
    connection.close()
    assert rig.engine.cancelled.get(timeout=10) == rig.engine.asked[0].request.id


def test_hanging_up_in_the_middle_of_a_stream(launch: Launch) -> None:
    rig = launch()
    rig.engine.enqueue(Say("One two"), Wait())
    connection = ask(rig, stream=True)
    response = connection.getresponse()
    assert response.readline().startswith(b"data: ")
    response.close()
    connection.close()
    assert rig.engine.cancelled.get(timeout=10) == rig.engine.asked[0].request.id


def test_the_openai_client_s_close(launch: Launch) -> None:
    rig = launch()
    rig.engine.enqueue(Say("One two"), Wait())
    stream = rig.openai().chat.completions.create(**BODY, stream=True)  # type: ignore[call-overload]
    next(iter(stream))
    stream.close()
    assert rig.engine.cancelled.get(timeout=10) == rig.engine.asked[0].request.id


def test_nobody_else_is_disturbed(launch: Launch) -> None:
    rig = launch()
    gate = Wait()
    rig.engine.enqueue(Wait())
    gone = ask(rig, stream=True)
    asked(rig, 1)
    rig.engine.enqueue(Say("One "), gate, Say("two"))
    stream = rig.openai().chat.completions.create(**BODY, stream=True)  # type: ignore[call-overload]
    gone.close()
    rig.engine.cancelled.get(timeout=10)
    gate.event.set()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "One two"


def test_a_cancelled_request_is_logged_as_such(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rig = launch()
    rig.engine.enqueue(Wait())
    connection = ask(rig, stream=False)
    asked(rig, 1)
    connection.close()
    rig.engine.cancelled.get(timeout=10)
    rig.serving.stop()
    rig.thread.join(20)
    lines = [record for record in caplog.records if record.name == "bluey_server.requests"]
    assert [line.fields["outcome"] for line in lines] == ["cancelled"]  # type: ignore[attr-defined]
