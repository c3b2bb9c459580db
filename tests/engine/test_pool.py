"""Real engine processes: batched, cancelled, killed, and back again."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_adapters.home import Home
from bluey_adapters.store import LocalStore
from bluey_server.engine_pool import EnginePool
from bluey_server.engine_protocol import (
    GeneratedTokens,
    GenerationFailed,
    GenerationFinished,
    GenerationRequest,
    GenerationStarted,
    ScoredTokens,
    ScoreRequest,
)
from bluey_server.messages import EngineStatus, Sampling, TokenLogprobs


@pytest.fixture
def opened(base: Path, base_fingerprint: str) -> OpenBase:
    return open_base(Base(name="tiny-it", source=f"path:{base}"), base_fingerprint)


@dataclass
class Answer:
    ids: list[int] = field(default_factory=list)
    started: list[str | None] = field(default_factory=list)
    last: Any = None


class Client:
    """Asks a pool, as the HTTP layer does."""

    def __init__(self, pool: EnginePool, opened: OpenBase) -> None:
        self.pool = pool
        self.opened = opened

    def request(self, **options: Any) -> GenerationRequest:
        given: dict[str, Any] = {
            "id": "test",
            "prompt": list(range(20, 40)),
            "adapter": None,
            "max_tokens": 24,
            "min_tokens": 0,
            "end_ids": (),
            "sampling": Sampling(temperature=0),
            **options,
        }
        return GenerationRequest(**given)

    async def ask(self, on_token: Callable[[int], None] | None = None, **options: Any) -> Answer:
        answer = Answer()
        async with aclosing(self.pool.submit(self.opened, self.request(**options))) as events:
            async for event in events:
                answer.last = event
                if isinstance(event, GeneratedTokens):
                    answer.ids += event.ids
                    if on_token is not None:
                        on_token(len(answer.ids))
                elif isinstance(event, GenerationStarted):
                    answer.started.append(event.adapter)
        return answer

    @property
    def pid(self) -> int:
        (replica,) = self.pool.status()
        assert replica.pid is not None
        return replica.pid

    async def settled(self, tokens: int = 0) -> EngineStatus:
        """The engine's status, once it says that it has given so many tokens and nothing runs."""
        while True:
            (replica,) = self.pool.status()
            status = replica.engine
            if status is not None and not status.running and status.tokens_out >= tokens:
                return status
            await asyncio.sleep(0.1)


def with_pool(home: Home, opened: OpenBase, scenario: Callable[[Client], Awaitable[None]]) -> None:
    """Run a scenario against a pool of its own, and leave no process behind."""

    async def run() -> None:
        pool = EnginePool(home)
        try:
            await asyncio.wait_for(scenario(Client(pool, opened)), 120)
        finally:
            await pool.close()

    asyncio.run(run())
    assert not [
        child for child in psutil.Process().children() if "bluey_server.engine" in child.cmdline()
    ]


def test_a_prompt_is_scored_as_it_was_generated(
    home: Home, opened: OpenBase, stored: list[str]
) -> None:
    async def scenario(client: Client) -> None:
        prompt, adapter = list(range(20, 40)), stored[0]
        told: list[TokenLogprobs] = []
        request = client.request(prompt=prompt, adapter=adapter, logprobs=2)
        answer: list[int] = []
        async with aclosing(client.pool.submit(opened, request)) as events:
            async for event in events:
                if isinstance(event, GeneratedTokens):
                    answer += event.ids
                    told += event.logprobs or []
        assert len(told) == len(answer) == 24
        scored: list[TokenLogprobs] = []
        score = ScoreRequest(id="test", prompt=[*prompt, *answer], adapter=adapter, logprobs=2)
        async with aclosing(client.pool.submit(opened, score)) as events:
            async for event in events:
                if isinstance(event, ScoredTokens):
                    scored += event.logprobs
        assert event == GenerationFinished("scored")
        assert len(scored) == len(prompt) + len(answer) - 1
        for came, again in zip(told, scored[-len(answer) :], strict=True):
            assert came.chosen == pytest.approx(again.chosen, abs=1e-3)
            assert came.ids[0] == again.ids[0]

    with_pool(home, opened, scenario)


def test_mixed_adapters_at_the_same_time(home: Home, opened: OpenBase, stored: list[str]) -> None:
    async def scenario(client: Client) -> None:
        everybody = [None, *stored]
        alone = [await client.ask(adapter=digest) for digest in everybody]
        together = await asyncio.gather(*(client.ask(adapter=digest) for digest in everybody))
        assert [a.ids for a in together] == [a.ids for a in alone]
        assert len({tuple(a.ids) for a in alone}) == 4
        assert [a.started for a in together] == [[digest] for digest in everybody]
        status = await client.settled(sum(len(a.ids) for a in alone + together))
        assert {slot.adapter for slot in status.slots} == set(stored)

    with_pool(home, opened, scenario)


def test_a_killed_engine_tells_its_streams_and_comes_back(home: Home, opened: OpenBase) -> None:
    async def scenario(client: Client) -> None:
        def kill(count: int) -> None:
            if count == 5:
                os.kill(client.pid, signal.SIGKILL)

        answer = await client.ask(on_token=kill, max_tokens=5000)
        assert isinstance(answer.last, GenerationFailed)
        assert answer.last.kind == "engine_died"
        assert "SIGKILL" in answer.last.message
        after = await client.ask()
        assert isinstance(after.last, GenerationFinished) and len(after.ids) == 24
        assert client.pool.status()[0].restarts == 1

    with_pool(home, opened, scenario)


def test_a_request_that_had_no_token_yet_is_tried_again(home: Home, opened: OpenBase) -> None:
    async def scenario(client: Client) -> None:
        await client.ask()
        os.kill(client.pid, signal.SIGSTOP)  # so that the request can't be answered before
        asking = asyncio.create_task(client.ask())
        await asyncio.sleep(0.1)
        os.kill(client.pid, signal.SIGKILL)
        answer = await asking
        assert isinstance(answer.last, GenerationFinished) and len(answer.ids) == 24

    with_pool(home, opened, scenario)


def test_a_silent_engine_is_killed_and_replaced(home: Home, opened: OpenBase) -> None:
    async def scenario(client: Client) -> None:
        await client.ask()
        first = client.pid
        os.kill(first, signal.SIGSTOP)
        answer = await client.ask()
        assert isinstance(answer.last, GenerationFinished)
        assert client.pid != first

    with_pool(home, opened, scenario)


def test_closing_the_events_cancels(home: Home, opened: OpenBase) -> None:
    async def scenario(client: Client) -> None:
        events = client.pool.submit(client.opened, client.request(max_tokens=5000))
        async for event in events:
            if isinstance(event, GeneratedTokens):
                break
        await events.aclose()
        status = await client.settled()
        assert status.tokens_out < 5000

    with_pool(home, opened, scenario)


def test_a_damaged_adapter_fails_its_request_alone(
    home: Home, opened: OpenBase, stored: list[str]
) -> None:
    weights = LocalStore(home.store).path(stored[0]) / "adapters.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)

    async def scenario(client: Client) -> None:
        damaged, sound, bare = await asyncio.gather(
            client.ask(adapter=stored[0]), client.ask(adapter=stored[1]), client.ask()
        )
        assert damaged.last.kind == "adapter_damaged"
        assert str(weights) in damaged.last.message
        assert isinstance(sound.last, GenerationFinished)
        assert isinstance(bare.last, GenerationFinished)

    with_pool(home, opened, scenario)


def test_an_adapter_of_another_base_is_refused(home: Home, base: Path, stored: list[str]) -> None:
    other = open_base(Base(name="other", source=f"path:{base}"), "0" * 64)

    async def scenario(client: Client) -> None:
        answer = await client.ask(adapter=stored[0])
        assert answer.last.kind == "wrong_base"

    with_pool(home, other, scenario)


def test_a_base_that_cannot_be_loaded_says_why(
    home: Home, opened: OpenBase, tmp_path: Path
) -> None:
    broken = tmp_path / "broken base"
    broken.mkdir()
    for path in opened.facts.folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "model.safetensors").write_bytes(b"nonsense")
    base = open_base(Base(name="broken", source=f"path:{broken}"), "1" * 64)

    async def scenario(client: Client) -> None:
        answer = await client.ask()
        assert answer.last.kind == "base_unusable"
        assert "broken" in answer.last.message
        assert client.pool.status()[0].state == "failed"

    with_pool(home, base, scenario)


def test_prefetched_adapters_are_resident_and_dropped_ones_are_not(
    home: Home, opened: OpenBase, stored: list[str]
) -> None:
    async def scenario(client: Client) -> None:
        await client.pool.preload(client.opened)
        await client.pool.prefetch(opened.fingerprint, stored[0])

        async def resident(expected: set[str]) -> None:
            while True:
                engine = client.pool.status()[0].engine
                if engine and {slot.adapter for slot in engine.slots} == expected:
                    return
                await asyncio.sleep(0.1)

        await resident({stored[0]})
        await client.pool.drop(opened.fingerprint, stored[0])
        await resident(set())

    with_pool(home, opened, scenario)


def test_an_engine_ends_when_its_parent_is_killed(home: Home, base: Path) -> None:
    import subprocess
    import sys

    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from bluey_adapters.bases import Base, open_base\n"
        "from bluey_adapters.home import Home\n"
        "from bluey_server.engine_pool import EnginePool\n"
        "async def main():\n"
        "    pool = EnginePool(Home(Path(sys.argv[1])))\n"
        "    base = open_base(Base(name='b', source='path:' + sys.argv[2]), '2' * 64)\n"
        "    await pool.preload(base)\n"
        "    print(pool.status()[0].pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(home.root), str(base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        engine = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    engine.wait(timeout=20)
