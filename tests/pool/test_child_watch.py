"""Which engine is ended for its silence, and which is not: by tables, and with real processes."""

import logging
import os
import signal

import pytest

from bluey_server.child_watch import Activity, ChildWatch, Verdict, WatchLimits
from bluey_server.engine_protocol import (
    GenerationAlive,
    GenerationFailed,
    GenerationFinished,
    GenerationStarted,
)
from tests.fakes.toy_engine import BUSY, LOOP, SERVE
from tests.pool.conftest import Pool, Run

LIMITS = WatchLimits(every=1, silence=4.5, busy=20, loading=30)
QUICK = WatchLimits(every=0.05, silence=0.4, busy=4, loading=0.8)


class Watched:
    """A watch that is handed a look a second, or what a test says."""

    def __init__(self, *, ready: bool = True) -> None:
        self.now = 100.0
        self.cpu = 0.0
        self._ready = ready
        self.watch = ChildWatch(LIMITS, self.now)
        if ready:
            self.speak()

    def speak(self) -> None:
        self.watch.heard(self.now, ready=self._ready)

    def look(self, *, cpu: float = 0.0, after: float = 1.0, waits: bool = False) -> Verdict:
        """`after` seconds, in which it used `cpu` seconds of the processor's time."""
        self.now += after
        self.cpu += cpu
        return self.watch.look(self.now, Activity(self.cpu, waits))

    def until_ended(self, most: int, *, cpu: float = 0.0, waits: bool = False) -> Verdict:
        """What it is ended for; or the last of `most` verdicts."""
        for _ in range(most):
            verdict = self.look(cpu=cpu, waits=waits)
            if verdict in (Verdict.HUNG, Verdict.LOOPS):
                break
        return verdict


def test_one_that_speaks_is_left_alone_idle_or_not() -> None:
    watched = Watched()
    for cpu in (0.0, 1.0) * 50:
        assert watched.look(cpu=cpu) is Verdict.SPEAKS
        watched.speak()


@pytest.mark.parametrize("cpu", [0.0, 0.025])
def test_one_without_a_word_and_without_work_is_hung_before_requests_give_it_up(cpu: float) -> None:
    watched = Watched()
    watched.look(cpu=1)  # 1 s of work that was told of
    watched.speak()
    assert watched.until_ended(100, cpu=cpu) is Verdict.HUNG
    assert 4.5 < watched.watch.silence(watched.now) <= 5.5


@pytest.mark.parametrize(("cpu", "waits"), [(1.0, False), (0.06, False), (0.0, True), (0.0, True)])
def test_one_at_work_is_kept(cpu: float, waits: bool) -> None:
    assert Watched().until_ended(20, cpu=cpu, waits=waits) is Verdict.WORKS


def test_one_that_stops_working_is_hung_as_any_other() -> None:
    watched = Watched()
    watched.until_ended(10, cpu=1)
    assert [watched.look() for _ in range(5)] == [Verdict.QUIET] * 4 + [Verdict.HUNG]


def test_work_without_a_word_has_a_limit_in_the_processors_time() -> None:
    watched = Watched()
    assert watched.until_ended(1000, cpu=1) is Verdict.LOOPS
    assert watched.now == 121
    slow = Watched()  # the machine gave it a tenth of a core
    assert slow.until_ended(1000, cpu=0.1) is Verdict.LOOPS
    assert slow.now == pytest.approx(300, abs=2)


def test_a_word_begins_everything_anew() -> None:
    watched = Watched()
    for _ in range(10):
        watched.until_ended(15, cpu=1)
        watched.speak()
        watched.until_ended(3)
        watched.speak()
    assert watched.look() is Verdict.SPEAKS


def test_a_look_that_comes_late_counts_as_one() -> None:
    """The looker stood still: what it didn't hear may have been said."""
    watched = Watched()
    assert watched.look(after=60) is Verdict.QUIET
    assert [watched.look() for _ in range(4)] == [Verdict.QUIET] * 3 + [Verdict.HUNG]


def test_what_cannot_be_seen_does_not_work() -> None:
    watched = Watched()
    verdicts = [watched.watch.look(watched.now + second, None) for second in range(1, 6)]
    assert verdicts[-1] is Verdict.HUNG


def test_one_that_loads_may_work_for_ever_and_idle_for_long() -> None:
    loading = Watched(ready=False)
    assert loading.until_ended(10_000, cpu=1) is Verdict.WORKS
    assert loading.until_ended(10_000, cpu=0.03) is Verdict.WORKS
    assert loading.until_ended(30) is Verdict.QUIET
    assert loading.look() is Verdict.HUNG


def test_a_busy_engine_is_kept_and_its_requests_hear_that_it_lives(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        toy.plan(BUSY)
        first = pool.ask(toy)
        assert await first.end() == GenerationFinished("stop")
        before = len([event for event in first.events if isinstance(event, GenerationAlive)])
        second = pool.ask(toy)  # no word of loading is among what this one hears
        assert await second.end() == GenerationFinished("stop")
        alive = [event for event in second.events if isinstance(event, GenerationAlive)]
        assert before and len(alive) > 3
        assert len(toy.starts) == 1

    with caplog.at_level(logging.WARNING):
        run(scenario, QUICK)
    assert [record.message for record in caplog.records if "it is kept" in record.message]


def test_a_stopped_engine_is_ended_and_another_one_started(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy", held=True)
        asked = pool.ask(toy)
        for start in (1, 2):  # the request is tried twice
            await pool.until(lambda: len(toy.starts) == start)  # noqa: B023 - awaited in the loop
            await pool.until(lambda: _started(asked.events) == start)  # noqa: B023
            pid = pool.status(toy).pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
        failed = await asked.end()
        assert isinstance(failed, GenerationFailed) and failed.kind == "engine_died"
        assert "hung" in failed.message and failed.retryable
        toy.set("go")
        assert await pool.ask(toy).end() == GenerationFinished("stop")
        assert len(toy.starts) == 3

    run(scenario, QUICK)


def test_an_engine_caught_in_a_loop_is_ended(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy")
        toy.plan(LOOP, SERVE)
        asked = pool.ask(toy)
        assert await asked.end() == GenerationFinished("stop")
        assert len(toy.starts) == 2
        assert _started(asked.events) == 1

    run(scenario, WatchLimits(every=0.05, silence=0.4, busy=1))


def test_an_engine_stopped_while_it_loads_is_ended(run: Run) -> None:
    async def scenario(pool: Pool) -> None:
        toy = pool.toy("toy", slow=True)
        asked = pool.ask(toy)
        await pool.until(lambda: len(toy.starts) == 1)
        pid = pool.status(toy).pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await pool.until(lambda: len(toy.starts) == 2)
        toy.set("loaded")
        assert await asked.end() == GenerationFinished("stop")

    run(scenario, QUICK)


def _started(events: list[object]) -> int:
    return sum(isinstance(event, GenerationStarted) for event in events)
