"""Pools of toy engines."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from bluey_adapters.bases import OpenBase
from bluey_adapters.home import Home
from bluey_server.child_watch import WatchLimits
from bluey_server.engine_pool import EnginePool, PoolSettings
from bluey_server.engine_protocol import GenerationEvent, GenerationRequest, ReplicaStatus
from bluey_server.messages import Sampling
from tests.fakes.toy_engine import Toy, ToySpec

PROMPT = list(range(20, 40))


def request(**options: Any) -> GenerationRequest:
    given: dict[str, Any] = {
        "id": "test",
        "prompt": PROMPT,
        "adapter": None,
        "max_tokens": 8,
        "min_tokens": 0,
        "end_ids": (),
        "sampling": Sampling(temperature=0),
        **options,
    }
    return GenerationRequest(**given)


@dataclass
class Asked:
    """A request under way: its events so far, and the task that reads them."""

    events: list[GenerationEvent] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    async def end(self) -> GenerationEvent:
        """The last event."""
        assert self.task is not None
        await self.task
        return self.events[-1]

    async def see(self, kind: type) -> None:
        """Wait until there was an event of a kind."""
        while not any(isinstance(event, kind) for event in self.events):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Pool:
    """A pool of toys, and the toys."""

    def __init__(
        self, folder: Path, settings: PoolSettings, limits: WatchLimits | None = None
    ) -> None:
        home = Home(folder / "home")
        self.engines = EnginePool(home, settings, spec=ToySpec, limits=limits)
        self._folder = folder
        self._opened: dict[Path, OpenBase] = {}

    def toy(self, name: str, **plan: Any) -> Toy:
        toy = Toy.make(self._folder / name, **plan)
        self._opened[toy.folder] = toy.open()
        return toy

    def ask(self, toy: Toy, **options: Any) -> Asked:
        """Ask, and read in the background."""
        asked = Asked()

        async def read() -> None:
            submitted = self.engines.submit(self._opened[toy.folder], request(**options))
            async with aclosing(submitted) as events:
                async for event in events:
                    asked.events.append(event)

        asked.task = asyncio.create_task(read())
        return asked

    def status(self, toy: Toy) -> ReplicaStatus:
        (found,) = [one for one in self.engines.status() if one.base == toy.folder.name]
        return found

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


Scenario = Callable[[Pool], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a scenario against a pool of its own, and leaves no process behind."""

    def run(scenario: Scenario, limits: WatchLimits | None = None, **settings: Any) -> None:
        async def whole() -> None:
            pool = Pool(tmp_path, PoolSettings(**settings), limits)
            try:
                await asyncio.wait_for(scenario(pool), 60)
            finally:
                await pool.engines.close()

        asyncio.run(whole())
        assert not [child for child in psutil.Process().children() if "toy" in str(child.cmdline())]

    return run
