"""Bodies: what they may hold, in which pieces they may come, and how many at a time."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluey_server.http.errors import ApiError
from bluey_server.http.request import body as bodies
from bluey_server.http.request import json_body
from bluey_server.http.request.body import Bodies
from bluey_server.http.request.json_body import decode_body
from bluey_server.http.service import Timings
from tests.http.rig import Launch, Rig

TEXT = st.text('ab"\\\n\x01é中🐶', max_size=150)
JSON = st.recursive(
    TEXT | st.integers(0, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, JSON, max_size=4), st.booleans(), st.integers(16, 64), st.data())
def test_long_strings_are_read_as_they_stand(
    value: dict[str, Any], ascii: bool, size: int, data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=ascii).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    broken = text[:place] + bytes([data.draw(st.integers(0, 255))]) + text[place + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        usual = _outcome(broken)
        patch.setattr(json_body, "_SMALL", 0)
        patch.setattr(json_body, "_SLICE", size)
        assert decode_body(text) == value
        assert _outcome(broken) == usual


def _outcome(text: bytes) -> Any:
    try:
        return decode_body(text)
    except ApiError as error:
        return error.message


@pytest.mark.parametrize(
    ("value", "count", "what"),
    [
        (b"[]", 50_000, "50,000 arrays and objects"),
        (b'"a":1', 100_001, "100,000 keys"),
        (b"1", 1_000_002, "1,000,000 values"),
    ],
)
def test_too_much_in_one_body(shared: Rig, value: bytes, count: int, what: str) -> None:
    first, last = (b"{", b"}") if b":" in value else (b"[", b"]")
    body = b'{"x":' + first + b",".join([value] * count) + last + b"}"
    response = shared.http.post("/v1/chat/completions", content=body)
    assert response.status_code == 413
    error = response.json()["error"]
    assert (error["code"], error["type"]) == ("request_too_large", "invalid_request_error")
    assert error["message"].startswith(f"The request's body holds more than {what}.")


def test_what_stands_in_strings_is_not_counted() -> None:
    text = '{"[],:\\"' * 300_000
    assert decode_body(json.dumps({"x": text, "y": [text, 1]}).encode()) == {
        "x": text,
        "y": [text, 1],
    }


@pytest.mark.parametrize("path", ["chat/completions", "completions", "responses"])
def test_nesting_that_has_no_end(shared: Rig, path: str) -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    response = shared.http.post(f"/v1/{path}", json={"model": "it", "x": deep})
    assert response.status_code == 400
    assert response.json()["error"]["message"] == (
        "Invalid 'x': it is nested more than 200 levels deep."
    )


def test_a_body_in_pieces(shared: Rig) -> None:
    content = json.dumps({"model": "it", "messages": [{"role": "user", "content": "é" * 20}]})
    pieces = (bytes([byte]) for byte in content.encode())
    response = shared.http.post("/v1/chat/completions", content=pieces)
    assert response.status_code == 200


def test_a_body_that_does_not_come(launch: Launch) -> None:
    rig = launch(timings=Timings(body=0.2))
    connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=20)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("content-length", "100")
    connection.endheaders(b'{"model"')
    response = connection.getresponse()
    assert response.status == 408
    assert json.load(response)["error"]["code"] == "request_timeout"
    connection.close()


def test_more_bodies_than_there_is_room_for(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_AT_ONCE", 3 * 2**20)
    rig = launch()
    address = urlsplit(rig.url)
    large = b'{"model":"nobody","user":"%s","messages":[]}' % (b"x" * 2 * 2**20)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {address.netloc}\r\n"
    with socket.create_connection((address.hostname, address.port)) as slow:
        slow.sendall(f"{head}content-length: {len(large)}\r\n\r\n".encode() + large[:-1])
        _wait_until(lambda: rig.service.bodies.held >= len(large) - 1)
        refused = rig.http.post("/v1/chat/completions", content=large)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"
        assert rig.chat().status_code == 200  # small ones find room
        slow.sendall(large[-1:])
        assert slow.recv(12) == b"HTTP/1.1 400"
    _wait_until(lambda: rig.service.bodies.held == 0)
    accepted = rig.http.post("/v1/chat/completions", content=large)
    assert accepted.json()["error"]["param"] == "messages"


def _wait_until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_large_requests_take_turns_and_small_ones_do_not_wait() -> None:
    asyncio.run(_turns())


async def _turns() -> None:
    reader = Bodies(patience=1)
    gate, begun = asyncio.Event(), list[int]()

    async def work(number: int) -> int:
        begun.append(number)
        await gate.wait()
        return number

    async def quick() -> str:
        return "quick"

    large = [asyncio.create_task(reader.take_turn(2**21, work(number))) for number in range(4)]
    await asyncio.sleep(0.01)
    assert begun == [0, 1]
    assert await reader.take_turn(1000, quick()) == "quick"
    large[0].cancel()  # its client has gone, but a thread would still be at it
    large[2].cancel()  # and this one has not begun
    await asyncio.sleep(0.01)
    assert begun == [0, 1]
    gate.set()
    done = await asyncio.gather(*large, return_exceptions=True)
    assert begun == [0, 1, 3]
    assert [done[1], done[3]] == [1, 3]
    assert isinstance(done[0], asyncio.CancelledError)
    assert isinstance(done[2], asyncio.CancelledError)
