"""After many requests, a third of them cancelled, all is as it was."""

import gc
import random
from collections.abc import Callable

from tests.engine.real import RealBench, assert_nothing_left, how_many, some_prompt

Make = Callable[..., RealBench]

TOLERANCE = 1 << 20
"""Bytes. One row of the embedded base with 600 tokens is as much: less than one row may stay, of
all those that come and go."""

MEMORY = 128 << 20
"""That the engine may use, and so a bound on all that it remembers."""

SLOTS = 2


class Traffic:
    """Requests drawn from a seed, up to three at each step, and every third of them cancelled:
    while it waits, in the midst of its prompt, or while it talks."""

    def __init__(self, engine: RealBench, seed: int) -> None:
        self._engine = engine
        self._draw = random.Random(seed)
        self._cancels: dict[int, list[int]] = {}
        self.asked = 0
        self.cancelled = 0

    def run(self, count: int) -> None:
        """So many requests more, and until all is quiet."""
        end = self.asked + count
        while self.asked < end or not self._engine.quiet:
            for _ in range(min(self._draw.randint(0, 3), end - self.asked)):
                self._ask()
            for number in self._cancels.pop(self._engine.steps, []):
                self._engine.cancel(number)
            self._engine.step()
            assert self._engine.steps < 100 * end, "no end in sight"
        self._cancels.clear()

    def _ask(self) -> None:
        draw, number = self._draw, self.asked
        self.asked += 1
        length = 600 if draw.random() < 0.04 else draw.randint(1, 60)
        prompt = [*some_prompt(draw.randint(0, 5), length), *some_prompt(number, 3)]
        self._engine.ask(
            number,
            prompt,
            draw.choice([None, *self._engine.folders]),
            max_tokens=draw.randint(1, 6),
            checkpoints=(length,),
        )
        if number % 3 == 0:
            when = self._engine.steps + draw.randint(0, 12)
            self._cancels.setdefault(when, []).append(number)
            self.cancelled += 1


def memory_in_use(engine: RealBench) -> int:
    """MLX's active bytes, without those that the prefix cache says it holds."""
    import mlx.core as mx

    gc.collect()
    mx.synchronize()
    mx.clear_cache()
    return mx.get_active_memory() - engine.engine.status().prefix_bytes


def test_nothing_stays_of_many_requests(bench: Make) -> None:
    count = how_many("BLUEY_REQUESTS", 200)
    engine = bench(slots=SLOTS, memory=MEMORY)
    traffic = Traffic(engine, seed=0)
    traffic.run(40)  # the bank takes its shape: all slots, the largest rank, every layer
    for number, adapter in enumerate(engine.folders):
        engine.give(10_000 + number, [5, 6, 7], adapter)
    before = memory_in_use(engine)

    traffic.run(count)
    status = engine.engine.status()
    assert_nothing_left(status)
    assert len(status.slots) == SLOTS
    over = set(engine.finished) | {n for n in range(traffic.asked) if n % 3 == 0}
    assert over >= set(range(traffic.asked)), "a request without an end"
    assert not engine.failures
    assert status.prefix_bytes <= MEMORY // 2
    kept = memory_in_use(engine) - before
    assert abs(kept) < TOLERANCE, f"{kept} bytes more than before {count} requests"


def test_cancelled_at_every_step_of_its_life(bench: Make) -> None:
    engine = bench()
    engine.give(1, some_prompt(1, 300), "adapter-1")
    before = memory_in_use(engine)
    prompt = some_prompt(2, 600)
    for moment in range(12):
        engine.ask(100 + moment, prompt, "adapter-1", max_tokens=6)
        for _ in range(moment):
            engine.step()
        engine.cancel(100 + moment)
        assert_nothing_left(engine.engine.status())  # at once, not a step later
        engine.step()
        assert engine.latest == []
    assert abs(memory_in_use(engine) - before) < TOLERANCE
