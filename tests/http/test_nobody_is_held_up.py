"""While one request is a lot of work, others are answered as ever."""

import asyncio
import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from bluey_adapters.home import Home
from bluey_server.http.exchange import Exchange
from bluey_server.http.monitoring.metrics import Metrics, metrics
from tests.http.heavy_requests import AT_THE_LIMIT, CHAT, HEAVY, Heavy
from tests.http.rig import Rig, running
from tests.http.ticking import GENEROUS, ticking


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server whose base has been opened."""
    with running(Home(tmp_path_factory.mktemp("ticking") / "home")) as rig:
        assert rig.chat().status_code == 200
        yield rig


def answered(rig: Rig, heavy: Heavy, body: bytes) -> int:
    """The status of its answer."""
    connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=120)
    try:
        connection.request("POST", heavy.path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def nobody_waits(rig: Rig, heavy: Heavy) -> None:
    body = heavy.body()
    with ticking(rig) as ticks:
        assert answered(rig, heavy, body) == heavy.status
    assert ticks.longest < GENEROUS


@pytest.mark.parametrize("name", HEAVY)
def test_one_heavy_request(rig: Rig, name: str) -> None:
    nobody_waits(rig, HEAVY[name])


def test_figures_of_a_thousand_models(rig: Rig) -> None:
    figures = Metrics(rig.service)
    for number in range(1000):
        model = f"model-{number}"
        figures.observe(Exchange("POST", CHAT, generates=True, model=model, model_exists=True))

    async def longest() -> float:
        asking, gap = asyncio.create_task(metrics.fn(figures)), 0.0
        while not asking.done():
            before = time.monotonic()
            await asyncio.sleep(0)
            gap = max(gap, time.monotonic() - before)
        assert (await asking).content.count(b"model-999") > 10
        return gap

    assert asyncio.run(longest()) < GENEROUS / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_one_request_of_the_largest_size(rig: Rig, name: str) -> None:
    nobody_waits(rig, AT_THE_LIMIT[name])
