"""How engines come and go: bounded queues, memory, idleness, deaths. The engines are toys."""

import asyncio

import pytest

from bluey_server import engine_recovery
from bluey_server.engine_protocol import (
    GeneratedTokens,
    GenerationAlive,
    GenerationBusy,
    GenerationFailed,
    GenerationFinished,
    GenerationStarted,
)
from tests.fakes.toy_engine import CACHED, DIE, DIE_AT_WORK, FATAL, SERVE, WORD
from tests.pool.conftest import Pool, Run


def test_an_engine_starts_when_it_is_asked(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        assert pool.engines.status() == []
        asked = pool.ask(toy)
        assert await asked.end() == GenerationFinished("stop")
        assert asked.events[-3:-1] == [
            GenerationStarted("toy/0", None, CACHED),
            GeneratedTokens([WORD]),
        ]
        assert toy.starts[0]["slots"] == 7

    run(scenario, slots=7)


def test_requests_wait_while_it_loads_and_hear_that_it_is_alive(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy", slow=True)
        asked = [pool.ask(toy) for _ in range(3)]
        for one in asked:
            await one.see(GenerationAlive)
        assert pool.status(toy).state == "loading"
        assert pool.status(toy).waiting == 3
        toy.set("loaded")
        for one in asked:
            assert await one.end() == GenerationFinished("stop")
        assert len(toy.starts) == 1

    run(scenario)


def test_one_too_many_is_told_to_come_back(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy", rows=1, held=True)
        runs = pool.ask(toy)
        await runs.see(GenerationStarted)
        waits = [pool.ask(toy), pool.ask(toy)]
        await pool.until(lambda: pool.status(toy).waiting == 2)
        refused = pool.ask(toy)
        busy = await refused.end()
        assert isinstance(busy, GenerationBusy)
        assert refused.events == [busy]
        assert 1 <= busy.retry_after <= 60
        assert pool.status(toy).waiting == 2
        waits[0].task.cancel()  # type: ignore[union-attr]
        await pool.until(lambda: pool.status(toy).waiting == 1)
        again = pool.ask(toy)
        toy.set("go")
        for one in (runs, waits[1], again):
            assert await one.end() == GenerationFinished("stop")
        assert pool.status(toy).waiting == 0

    run(scenario, max_waiting=2)


def test_each_base_has_a_queue_of_its_own(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        one, other = pool.toy("one", slow=True), pool.toy("other")
        waits = pool.ask(one)
        await waits.see(GenerationAlive)
        assert isinstance(await pool.ask(one).end(), GenerationBusy)
        assert await pool.ask(other).end() == GenerationFinished("stop")

    run(scenario, max_waiting=1)


def test_who_was_let_in_is_not_refused_when_its_engine_dies(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        toy.plan(DIE_AT_WORK, SERVE)
        asked = [pool.ask(toy) for _ in range(3)]
        for one in asked:
            assert await one.end() == GenerationFinished("stop")
        assert pool.status(toy).restarts == 1

    run(scenario, max_waiting=3)


def test_engines_share_the_budget(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toys = [pool.toy(name, weights=3_000) for name in ("a", "b", "c")]
        await asyncio.gather(*(pool.ask(toy).end() for toy in toys))
        shares = [toy.starts[0]["memory"] for toy in toys]
        assert sum(shares) <= 10_000_000
        assert sorted(shares, reverse=True) == shares or len(set(shares)) == 3
        assert min(shares) > 1_000_000
        assert [pool.status(toy).memory_limit for toy in toys] == shares

    run(scenario, memory=10_000_000)


def test_the_longest_unused_one_makes_room(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        a, b, c = (pool.toy(name, weights=2_000_000) for name in ("a", "b", "c"))
        for toy in (a, b, a, c):  # each needs three megabytes and a bit
            assert await pool.ask(toy).end() == GenerationFinished("stop")
        assert [pool.status(toy).state for toy in (a, b, c)] == ["ready", "stopped", "ready"]
        assert pool.status(b).memory_limit == 0
        assert sum(pool.status(toy).memory_limit for toy in (a, c)) <= 12_000_000

    run(scenario, memory=12_000_000)


def test_a_busy_engine_is_waited_for(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        a, b = pool.toy("a", weights=2_000_000, held=True), pool.toy("b", weights=2_000_000)
        runs = pool.ask(a)
        await runs.see(GenerationStarted)
        waits = pool.ask(b)
        await waits.see(GenerationAlive)
        await asyncio.sleep(0.3)
        assert (pool.status(a).state, pool.status(b).state) == ("ready", "loading")
        assert b.starts == []
        a.set("go")
        assert await runs.end() == GenerationFinished("stop")
        assert await waits.end() == GenerationFinished("stop")
        assert pool.status(a).state == "stopped"

    run(scenario, memory=4_000_000)


def test_nobody_makes_room_for_those_who_have_left(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        a, b = pool.toy("a", weights=2_000_000, held=True), pool.toy("b", weights=2_000_000)
        runs = pool.ask(a)
        await runs.see(GenerationStarted)
        waits = pool.ask(b)
        await waits.see(GenerationAlive)
        waits.task.cancel()  # type: ignore[union-attr]
        await pool.until(lambda: pool.status(b).state == "stopped")
        a.set("go")
        assert await runs.end() == GenerationFinished("stop")
        assert pool.status(a).state == "ready"

    run(scenario, memory=4_000_000)


def test_idle_engines_are_stopped_and_started_again(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        for starts in (1, 2):
            assert await pool.ask(toy).end() == GenerationFinished("stop")
            assert len(toy.starts) == starts
            await pool.until(lambda: pool.status(toy).state == "stopped")
        totals = pool.status(toy).totals
        assert (totals.tokens_out, totals.steps) == (2, 2)  # of both processes
        assert pool.status(toy).restarts == 0

    run(scenario, idle_stop=0.3)


def test_a_busy_one_is_not_idle(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy", held=True)
        asked = pool.ask(toy)
        await asked.see(GenerationStarted)
        await asyncio.sleep(0.5)
        assert pool.status(toy).state == "ready"
        toy.set("go")
        assert await asked.end() == GenerationFinished("stop")

    run(scenario, idle_stop=0.1)


def test_preloading_starts_and_waits(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy", slow=True)
        loading = asyncio.create_task(pool.engines.preload(toy.open()))
        await pool.until(lambda: len(toy.starts) == 1)
        assert not loading.done()
        toy.set("loaded")
        await loading
        assert pool.status(toy).state == "ready"

    run(scenario)


def test_a_tight_loop_of_requests_does_not_start_a_broken_engine_again_and_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_recovery, "BACKOFF", (0.0, 30.0))

    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        toy.plan(FATAL)
        for _ in range(50):
            failed = await pool.ask(toy).end()
            assert isinstance(failed, GenerationFailed)
            assert (failed.kind, failed.retryable) == ("base_unusable", False)
            assert "the toy is broken; it is tried again in" in failed.message
        assert len(toy.starts) == 1
        status = pool.status(toy)
        assert status.state == "failed"
        assert 0 < (status.retry_in or 0) <= 30
        assert status.memory_limit == 0

    run(scenario)


def test_a_failed_engine_is_tried_again_when_that_is_over(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_recovery, "BACKOFF", (0.0, 0.1))

    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        toy.plan(FATAL, SERVE)
        assert isinstance(await pool.ask(toy).end(), GenerationFailed)
        await pool.until(lambda: pool.status(toy).retry_in == 0)
        assert await pool.ask(toy).end() == GenerationFinished("stop")
        assert pool.status(toy).error is None

    run(scenario)


def test_deaths_in_a_row_are_answered_more_and_more_slowly(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_recovery, "BACKOFF", (0.0, 0.1, 0.2, 0.4))

    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        toy.plan(DIE)
        failed = await pool.ask(toy).end()
        assert isinstance(failed, GenerationFailed)
        assert "exited with code 3" in failed.message
        assert len(toy.starts) == 3
        waits = []
        for starts in (4, 5):
            await pool.until(lambda: pool.status(toy).retry_in == 0)
            await pool.ask(toy).end()
            assert len(toy.starts) == starts
            waits.append(pool.status(toy).retry_in)
        assert waits[1] == pytest.approx(0.4, abs=0.1)

    run(scenario)


def test_an_engine_that_dies_at_every_request_is_started_ever_more_slowly(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_recovery, "BACKOFF", (0.0, 0.05, 30.0))

    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        toy.plan(DIE_AT_WORK)
        first = await pool.ask(toy).end()  # tried twice
        assert isinstance(first, GenerationFailed)
        assert first.kind == "engine_died"
        second = pool.ask(toy)
        await pool.until(lambda: len(toy.starts) == 3 and pool.status(toy).state == "restarting")
        await asyncio.sleep(0.2)
        assert len(toy.starts) == 3  # although somebody is waiting
        assert isinstance(second.events[-1], GenerationAlive)
        assert pool.status(toy).error == "the engine exited with code 4"

    run(scenario)


def test_closing_tells_those_who_wait(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy", rows=1, held=True)
        asked = [pool.ask(toy), pool.ask(toy), pool.ask(pool.toy("other", slow=True))]
        await asked[0].see(GenerationStarted)
        await asked[2].see(GenerationAlive)
        await pool.engines.close()
        for one in asked:
            failed = await one.end()
            assert isinstance(failed, GenerationFailed)
            assert "shutting down" in failed.message

    run(scenario)
