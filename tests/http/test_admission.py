"""Too many, too long: what clients are told, and that they can act on it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from bluey_adapters.home import Home
from bluey_server.engine_pool import EnginePool, PoolSettings
from bluey_server.http.service import Timings
from tests.fakes.scripted_engine import Busy, Queue, Say, Wait
from tests.fakes.toy_engine import Toy, ToySpec
from tests.http.rig import Launch, Rig, add_base
from tests.http.test_stream import events

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("stream", [False, True])
def test_too_many_is_a_429_with_the_time_to_come_back(shared: Rig, stream: bool) -> None:
    shared.engine.enqueue(Busy(2.3))
    response = shared.chat(stream=stream)
    assert response.status_code == 429
    assert response.headers["content-type"] == "application/json"
    assert response.headers["retry-after"] == "3"
    assert response.headers["retry-after-ms"] == "2300"
    assert "x-should-retry" not in response.headers  # clients retry a 429 by themselves
    assert response.json()["error"] == {
        "message": "Too many requests are waiting for this model. Please try again in 3 s.",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }


def test_the_client_knows_the_error(shared: Rig) -> None:
    shared.engine.enqueue(Busy())
    with pytest.raises(openai.RateLimitError) as caught:
        shared.openai().chat.completions.create(model="it", messages=HELLO)
    assert caught.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize("stream", [False, True])
def test_the_client_comes_back_and_is_served(
    launch: Launch, home: Home, tmp_path: Path, stream: bool
) -> None:
    folder = add_base(home, "toy", tmp_path / "toy")
    toy = Toy(folder)
    toy.plan(rows=1, held=True)
    pool = EnginePool(home, PoolSettings(max_waiting=1), spec=ToySpec)
    rig = launch(engine=pool)
    toy.set("go")
    first = rig.openai().chat.completions.create(model="toy", messages=HELLO)
    assert first.choices[0].finish_reason == "stop"
    (folder / "go").unlink()  # from now on, whoever has the row keeps it
    statuses = []

    def see(response: httpx.Response) -> None:
        statuses.append(response.status_code)
        if response.status_code == 429:
            toy.set("go")

    aside = rig.clients.enter_context(ThreadPoolExecutor(2))
    body = {"model": "toy", "messages": HELLO}
    holding = [aside.submit(rig.post, body)]  # has the row
    _until(lambda: _queue(pool) == (0, 1))
    holding.append(aside.submit(rig.post, body))  # has the one place in the queue
    _until(lambda: _queue(pool) == (1, 1))
    with httpx.Client(event_hooks={"response": [see]}) as http:
        client = rig.openai(http_client=http, max_retries=2)
        answer = client.chat.completions.create(model="toy", messages=HELLO, stream=stream)
        if stream:
            assert list(answer)[-1].choices[0].finish_reason == "stop"
        else:
            assert answer.choices[0].finish_reason == "stop"
    assert statuses == [429, 200]
    assert [held.result().status_code for held in holding] == [200, 200]


def _queue(pool: EnginePool) -> tuple[int, int]:
    """How many wait and how many run."""
    (one,) = pool.status()
    return one.waiting, len(one.engine.running) if one.engine else 0


def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.01)


@pytest.mark.parametrize("stream", [False, True])
def test_who_waits_too_long_is_told_so(launch: Launch, stream: bool) -> None:
    rig = launch(timings=Timings(queue=0.1))
    rig.engine.enqueue(Queue())
    response = rig.chat(stream=stream)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "queue_timeout"
    assert response.json()["error"]["type"] == "server_error"
    assert 0 < int(response.headers["retry-after"]) <= 60
    assert rig.engine.cancelled.get(timeout=10) == rig.engine.asked[0].request.id


def test_the_queue_s_deadline_ends_with_the_queue(launch: Launch) -> None:
    rig = launch(timings=Timings(queue=0.05))
    gate = Wait()
    rig.engine.enqueue(Say("One "), gate, Say("two"))
    chunks = rig.openai().chat.completions.create(model="it", messages=HELLO, stream=True)
    seen = iter(chunks)
    next(seen)
    httpx.get(f"{rig.url}/health")
    gate.event.wait(0.2)
    gate.event.set()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in seen) == "One two"


@pytest.mark.parametrize("stream", [False, True])
def test_what_takes_too_long_in_all_is_ended(launch: Launch, stream: bool) -> None:
    rig = launch(timings=Timings(request=0.3))
    rig.engine.enqueue(Queue())
    response = rig.chat(stream=stream)
    assert response.status_code == 504
    assert response.headers["x-should-retry"] == "false"
    assert response.json()["error"]["code"] == "request_timeout"
    assert rig.engine.cancelled.get(timeout=10) == rig.engine.asked[0].request.id


def test_a_stream_that_takes_too_long_ends_in_an_error(launch: Launch) -> None:
    rig = launch(timings=Timings(request=1.0))
    rig.engine.enqueue(Say("One "), Wait())
    response = rig.chat(stream=True)
    assert response.status_code == 200
    *_, last = events(response.text)
    assert last["error"]["code"] == "request_timeout"
    assert "[DONE]" not in response.text
    assert rig.engine.cancelled.get(timeout=10) == rig.engine.asked[0].request.id


def test_a_waiting_stream_s_error_comes_as_an_event_once_it_is_open(launch: Launch) -> None:
    rig = launch(timings=Timings(queue=0.3, patience=0))
    rig.engine.enqueue(Queue())
    response = rig.chat(stream=True)
    assert response.status_code == 200
    *_, last = events(response.text)
    assert last["error"]["code"] == "queue_timeout"


def test_no_deadline_at_all(launch: Launch) -> None:
    rig = launch(timings=Timings(request=0))
    assert rig.chat().status_code == 200
