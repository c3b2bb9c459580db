"""Nobody starves: not beside a long prompt, nor beside a busy adapter. Counted in steps."""

from collections.abc import Callable

import pytest

from tests.engine.real import RealBench, some_prompt

Make = Callable[..., RealBench]

LONG = 1500


def running(bench: RealBench, *adapters: str | None) -> list[int]:
    """Streams of 200 tokens that have begun; their numbers."""
    numbers = list(range(1, len(adapters) + 1))
    for number, adapter in zip(numbers, adapters, strict=True):
        bench.ask(number, some_prompt(number, 5), adapter, max_tokens=200)
    for _ in range(30):
        bench.step()
        if bench.latest and set(bench.latest) == set(numbers):
            return numbers
    raise AssertionError("the streams don't begin")


def end(bench: RealBench) -> None:
    """Cancel what still runs or waits."""
    status = bench.engine.status()
    for number in [*status.running, *status.waiting]:
        bench.cancel(number)


@pytest.mark.parametrize("adapter", [None, "adapter-3"])
def test_streams_flow_at_every_step_of_a_long_prompt(bench: Make, adapter: str | None) -> None:
    engine = bench()
    streams = running(engine, None, "adapter-1")
    began = engine.steps
    if adapter is not None:
        engine.cancel(2)  # a slot must be had
        streams = [1]
    engine.ask(9, some_prompt(9, LONG), adapter)
    while 9 not in engine.born:
        engine.step()
        assert set(streams) <= set(engine.latest), "a stream stood still"
        assert engine.steps - began < 100
    assert engine.born[9] - began > 3, "the long prompt was computed in one piece"
    end(engine)


def test_streams_flow_while_many_long_prompts_are_computed(bench: Make) -> None:
    engine = bench()
    streams = running(engine, None, "adapter-1")
    for number in range(10, 14):
        engine.ask(number, some_prompt(number, 700))
    while len(engine.born) < len(streams) + 4:
        engine.step()
        assert set(streams) <= set(engine.latest)
        assert engine.steps < 200
    end(engine)


def test_each_stream_gets_one_token_a_step(bench: Make) -> None:
    engine = bench()
    streams = running(engine, None, "adapter-1", "adapter-2")
    for _ in range(20):
        engine.step()
        assert sorted(engine.latest) == streams
    end(engine)


def test_a_short_prompt_beside_long_ones_is_not_the_last(bench: Make) -> None:
    engine = bench()
    for number in (1, 2, 3):
        engine.ask(number, some_prompt(number, LONG), max_tokens=2)
    engine.step()
    began = engine.steps
    engine.ask(4, some_prompt(4, 5), max_tokens=2)
    engine.run()
    assert engine.born[4] - began <= 4
    assert all(engine.born[4] < engine.born[number] for number in (1, 2, 3))


def test_a_short_prompt_behind_many_long_ones_does_not_wait_for_all_of_them(bench: Make) -> None:
    engine = bench(max_rows=16)
    long = range(1, 9)
    for number in long:
        engine.ask(number, some_prompt(number, 800), max_tokens=2)
    engine.step()
    engine.ask(9, some_prompt(9, 5), max_tokens=2)
    engine.run()
    before = [number for number in long if engine.born[number] < engine.born[9]]
    assert len(before) <= len(long) // 2, f"{len(before)} of {len(long)} long prompts came first"


def test_a_busy_adapter_does_not_keep_anothers_turn(bench: Make) -> None:
    """Two slots: the second adapter's is free, and rows are what everybody waits for."""
    engine = bench(max_rows=4)
    overtaken_by = _crowd_and_one(engine)
    # Those few only that fill the rows while the adapter is being loaded.
    assert overtaken_by <= 4


def test_a_busy_adapter_does_not_keep_its_slot_for_ever(bench: Make) -> None:
    """One slot: its users must run out, or whoever wants another adapter waits until the busy
    one's last request, however late that came."""
    engine = bench(slots=1, max_rows=4)
    assert _crowd_and_one(engine) <= 8


def test_adapters_beyond_the_slots_take_turns(bench: Make) -> None:
    engine = bench(slots=1, max_rows=4)
    adapters = [f"adapter-{1 + number % 3}" for number in range(12)]
    for number, adapter in enumerate(adapters):
        engine.ask(number, some_prompt(number, 4), adapter, max_tokens=3)
    engine.run()
    order = list(engine.started)
    assert order.index(1) <= 4, "the second to arrive waited for more than the first one's rows"


def _crowd_and_one(engine: RealBench) -> int:
    """A hundred requests for one adapter, and after the tenth one for another; how many of those
    that came later began before it."""
    for number in range(100):
        if number == 10:
            engine.ask(1000, some_prompt(7, 4), "adapter-2", max_tokens=2)
        # Of different lengths, so that there is no moment at which all of them end.
        engine.ask(number, some_prompt(number, 4), "adapter-1", max_tokens=2 + number * 7 % 5)
    engine.run()
    order = list(engine.started)
    assert [n for n in order if n != 1000] == list(range(100)), "not in the order of arrival"
    return sum(number >= 10 for number in order[: order.index(1000)])
