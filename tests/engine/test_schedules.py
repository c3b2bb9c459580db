"""Whatever arrives when, and beside whom: every answer is the one that the request gets alone.

A schedule is plain data, so that hypothesis can shrink it to the few arrivals that matter. The
suite runs a few small ones, always the same; BLUEY_SCHEDULES=200 runs that many at full size,
others each time.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from bluey_data.catalog import embedded_model
from bluey_server.messages import Sampling
from tests.engine.alone import Alone, Answer, same
from tests.engine.real import RealBench, how_many, some_prompt

BASES = ("tiny-it", "tiny-pt")

SLOTS = 2
"""For five adapters."""

SAMPLINGS = (
    Sampling(temperature=0),
    Sampling(temperature=0, repetition_penalty=1.3),
    Sampling(temperature=0, frequency_penalty=0.7, presence_penalty=0.4),
    Sampling(temperature=0, logit_bias=((77, 6.0), (1234, -100.0))),
)

FULL = "BLUEY_SCHEDULES" in os.environ

_LONGEST = 1500 if FULL else 600
_LENGTHS = (0, 1, 2, 9, 30, 60, 255, 256, 257, 511, 512, 513, 600, 1000, 1400)
"""Few, so that prompts come back whole and in part; around pieces of prefill and the window."""


@dataclass(frozen=True)
class Arrival:
    """One request. Its prompt is the beginning of one of three texts, or all of an earlier turn
    and its answer, and then some ids of its own."""

    gap: int  # steps after the arrival before it
    base: int
    adapter: int  # 0 is the bare base
    text: int
    shared: int  # ids of that text
    own: int  # ids after it
    turn: int  # so many arrivals back is the conversation that it goes on with; 0 is none
    max_tokens: int
    ends: int | None  # the answer's own id there ends it
    sampling: int
    warm: bool  # drawn at random, and so only company for the others
    seed: int
    checkpoints: bool
    cancel: int | None  # steps after its arrival


@dataclass(frozen=True)
class Schedule:
    """What happens to an engine of each base."""

    rows: int
    delay: int  # steps that an adapter takes to load
    arrivals: list[Arrival]


def _lengths(longest: int) -> st.SearchStrategy[int]:
    few = st.sampled_from([length for length in _LENGTHS if length <= longest])
    return st.integers(0, 40) | few | st.integers(0, longest)


_arrivals = st.builds(
    Arrival,
    gap=st.just(0) | st.integers(0, 6),
    base=st.integers(0, len(BASES) - 1),
    adapter=st.integers(0, 5),
    text=st.integers(0, 2),
    shared=st.integers(0, 40) | _lengths(_LONGEST - 60),
    own=st.just(0) | st.integers(0, 20),
    turn=st.just(0) | st.integers(0, 4),
    max_tokens=st.integers(1, 24 if FULL else 10),
    ends=st.none() | st.integers(0, 20),
    sampling=st.just(0) | st.integers(0, len(SAMPLINGS) - 1),
    warm=st.sampled_from((False, False, False, True)),
    seed=st.integers(0, 3),
    checkpoints=st.booleans(),
    cancel=st.none() | st.none() | st.integers(0, 20),
)

_schedules = st.builds(
    Schedule,
    rows=st.sampled_from((8, 3, 1)),
    delay=st.integers(0, 3),
    arrivals=st.lists(_arrivals, min_size=1, max_size=8 if FULL else 4)
    | st.lists(_arrivals, min_size=8 if FULL else 4, max_size=24 if FULL else 10),
)


@dataclass(frozen=True)
class Request:
    """An arrival, worked out."""

    base: str
    adapter: str | None
    prompt: tuple[int, ...]
    borders: tuple[int, ...]  # lengths of the prompt at which a turn ends
    max_tokens: int
    end_ids: tuple[int, ...]
    sampling: Sampling
    alone: Answer  # the greedy one


class World:
    """The bases, the adapters, and what everything gives alone."""

    def __init__(self, adapters: dict[str, Path]) -> None:
        self.adapters = adapters
        self.bases = {name: embedded_model(name) for name in BASES}
        self.alone = {name: Alone(folder) for name, folder in self.bases.items()}
        self.counts: Counter[str] = Counter()

    def requests(self, arrivals: Sequence[Arrival]) -> list[Request]:
        """What the arrivals ask for. A conversation goes on after the answer that its turn gets
        alone, whatever became of that turn here."""
        made: list[Request] = []
        for index, arrival in enumerate(arrivals):
            turn = made[index - arrival.turn] if 0 < arrival.turn <= index else None
            made.append(self._request(index, arrival, turn))
        return made

    def _request(self, index: int, arrival: Arrival, turn: Request | None) -> Request:
        own = some_prompt(100 + index, arrival.own)
        if turn is not None and len(turn.prompt) < 1500:
            base, adapter = turn.base, turn.adapter
            ended = turn.end_ids if turn.alone.finished == "stop" else ()
            before = (*turn.prompt, *turn.alone.tokens, *ended)
            borders = (*turn.borders, len(turn.prompt), len(before))
        else:
            base = BASES[arrival.base]
            adapter = [None, *self.adapters][arrival.adapter]
            before = tuple(some_prompt(arrival.text, arrival.shared))
            borders = (len(before),)
        prompt = (*before, *own) or (2,)
        return self._with_answer(arrival, base, adapter, prompt, borders)

    def _with_answer(
        self,
        arrival: Arrival,
        base: str,
        adapter: str | None,
        prompt: tuple[int, ...],
        borders: tuple[int, ...],
    ) -> Request:
        sampling = SAMPLINGS[arrival.sampling]
        folder = None if adapter is None else self.adapters[adapter]
        alone = self.alone[base]
        answer = alone.answer(prompt, folder, max_tokens=arrival.max_tokens, sampling=sampling)
        end_ids: tuple[int, ...] = ()
        if arrival.ends is not None and arrival.ends < len(answer.tokens):
            end_ids = (answer.tokens[arrival.ends],)
            answer = alone.answer(
                prompt, folder, max_tokens=arrival.max_tokens, end_ids=end_ids, sampling=sampling
            )
        inside = tuple(sorted({border for border in borders if 0 < border < len(prompt)}))
        return Request(
            base=base,
            adapter=adapter,
            prompt=prompt,
            borders=inside if arrival.checkpoints else (),
            max_tokens=arrival.max_tokens,
            end_ids=end_ids,
            sampling=msgspec.structs.replace(
                sampling, temperature=0.9 if arrival.warm else 0.0, seed=arrival.seed
            ),
            alone=answer,
        )

    def carry_out(self, schedule: Schedule) -> None:
        """Run a schedule on new engines, one a base, and compare."""
        requests = self.requests(schedule.arrivals)
        benches = {
            name: RealBench(
                self.bases[name],
                self.adapters,
                slots=SLOTS,
                max_rows=schedule.rows,
                delay=schedule.delay,
            )
            for name in sorted({request.base for request in requests})
        }
        _run(schedule, requests, benches)
        for number, request in enumerate(requests):
            self._compare(number, request, benches[request.base])
        for bench in benches.values():
            self.counts["adapters loaded"] += len(bench.fetched)
            bench.close()
        self.counts["schedules"] += 1

    def _compare(self, number: int, request: Request, bench: RealBench) -> None:
        assert number not in bench.failures, bench.failures[number]
        finished = bench.finished.get(number)
        self.counts["answers" if finished else "cancelled"] += 1
        self.counts["tokens"] += len(bench.answers[number])
        if bench.started.get(number) and bench.started[number].cached:
            self.counts["prompts found in the prefix cache"] += 1
        if request.sampling.temperature > 0:
            assert len(bench.answers[number]) <= request.max_tokens
            return
        what = f"the answer to arrival {number} ({len(request.prompt)} ids)"
        if not same(bench.answers[number], finished, request.alone, what):
            self.counts["ties"] += 1
            event("a tie excused a difference")
            note(f"arrival {number}: a tie excused a difference")


def _run(schedule: Schedule, requests: list[Request], benches: dict[str, RealBench]) -> None:
    """Every engine steps at the same pace; arrivals and cancels come between steps."""
    arrivals: dict[int, list[int]] = {}
    cancels: dict[int, list[int]] = {}
    now = 0
    for number, arrival in enumerate(schedule.arrivals):
        now += arrival.gap
        arrivals.setdefault(now, []).append(number)
        if arrival.cancel is not None:
            cancels.setdefault(now + arrival.cancel, []).append(number)
    last = max([*arrivals, *cancels])
    cancelled: set[int] = set()
    for step in range(5000):
        for number in arrivals.get(step, []):
            request = requests[number]
            benches[request.base].ask(
                number,
                request.prompt,
                request.adapter,
                max_tokens=request.max_tokens,
                end_ids=request.end_ids,
                checkpoints=request.borders,
                sampling=request.sampling,
            )
        for number in cancels.get(step, []):
            benches[requests[number].base].cancel(number)
            cancelled.add(number)
        if step > last and all(bench.quiet for bench in benches.values()):
            break
        for bench in benches.values():
            bench.step()
    else:
        raise AssertionError("the engines do not come to rest")
    for number, request in enumerate(requests):
        assert number in benches[request.base].finished or number in cancelled, (
            f"arrival {number} has no answer"
        )


def test_every_answer_is_the_one_given_alone(
    five: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(five)

    @settings(
        max_examples=how_many("BLUEY_SCHEDULES", 12),
        derandomize=not FULL,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(_schedules)
    def run(schedule: Schedule) -> None:
        world.carry_out(schedule)

    run()
    if FULL:
        with capsys.disabled():
            print("\n" + ", ".join(f"{count} {what}" for what, count in world.counts.items()))
