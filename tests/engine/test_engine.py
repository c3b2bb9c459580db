"""The engine's decisions, with a scripted backend in place of MLX."""

from pathlib import Path
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer

from bluey_server.engine.adapter_config import UnservableAdapter
from bluey_server.engine.compiler import Compiled, NotCompiled
from bluey_server.engine.engine import Engine
from bluey_server.engine.figures import BackendFigures
from bluey_server.engine.grammar import Constraint
from bluey_server.engine.kv_budget import Room
from bluey_server.engine.loader import Checked, Unusable
from bluey_server.engine.rows import Outcome, PromptScored, RowFailed, RowToken
from bluey_server.messages import (
    Cancel,
    Drop,
    Failed,
    FromEngine,
    Generate,
    Prefetch,
    Sampling,
    Score,
    Scored,
    Shutdown,
    Started,
    Step,
    TokenLogprobs,
)


class ScriptedBackend:
    """Gives each request the tokens 100, 101, … up to its max_tokens, and does as it is told."""

    figures = BackendFigures()

    def __init__(self) -> None:
        self.rows: dict[int, tuple[Generate, int]] = {}
        self.out: dict[int, int] = {}
        self.slots: dict[int, str] = {}
        self.refuse: set[str] = set()
        self.break_step = False
        self.break_add: set[int] = set()
        self.rooms: dict[int, Room] = {}
        self.failing: set[int] = set()
        self.dropped: list[str] = []
        self.constraints: dict[int, object] = {}
        self.scoring: dict[int, Score] = {}

    def load_adapter(self, slot: int, folder: Path) -> None:
        if folder.name in self.refuse:
            raise UnservableAdapter("it is of the kind 'dora'; only LoRA can be served")
        self.slots[slot] = folder.name

    def clear_slot(self, slot: int) -> None:
        self.slots.pop(slot, None)

    def drop_adapter(self, adapter: str) -> None:
        self.dropped.append(adapter)

    def room(self, request: Generate | Score) -> Room:
        return self.rooms.get(request.id, Room.NOW)

    def add(self, request: Generate, slot: int, constraint: object = None) -> int:
        self.constraints[request.id] = constraint
        if request.id in self.break_add:
            raise RuntimeError("no")
        assert slot == 0 or self.slots[slot] == request.adapter
        self.rows[request.id] = (request, slot)
        self.out[request.id] = 0
        return 0

    def remove(self, request: int) -> None:
        self.rows.pop(request, None)
        self.scoring.pop(request, None)

    def score(self, request: Score, slot: int) -> None:
        assert slot == 0 or self.slots[slot] == request.adapter
        self.scoring[request.id] = request

    def step(self) -> list[Outcome]:
        if self.break_step:
            self.break_step = False
            raise RuntimeError("the batch is gone")
        tokens: list[Outcome] = []
        for number, scored in list(self.scoring.items()):
            told = [TokenLogprobs(-0.5, [], []) for _ in scored.prompt[1:]]
            tokens.append(PromptScored(number, told, last=True))
            del self.scoring[number]
        for number in self.failing & set(self.rows):
            del self.rows[number]
            tokens.append(RowFailed(number, "no next token is possible"))
        for number, (request, _) in list(self.rows.items()):
            token, self.out[number] = 100 + self.out[number], self.out[number] + 1
            over = self.out[number] == request.max_tokens
            ended = token in request.end_ids
            reason = "stop" if ended else "length" if over else None
            told = None if request.logprobs is None else TokenLogprobs(-1.0, [token], [-1.0])
            tokens.append(RowToken(number, token, reason, told))
            if reason:
                del self.rows[number]
        return tokens

    def reset(self) -> list[int]:
        lost = list(self.rows)
        self.rows.clear()
        return lost


class Bench:
    """An engine on a bench: what it asked for, what it said."""

    def __init__(self, slots: int = 2, max_rows: int = 8) -> None:
        self.backend = ScriptedBackend()
        self.said: list[FromEngine] = []
        self.wanted: list[tuple[str, int]] = []
        self.compiling: list[Generate] = []
        self.engine = Engine(
            self.backend,
            slots=slots,
            max_rows=max_rows,
            fetch=lambda adapter, slot: self.wanted.append((adapter, slot)),
            compile=self.compiling.append,
            send=self.said.append,
        )

    def ask(self, number: int, adapter: str | None = None, **options: Any) -> None:
        given: dict[str, Any] = {"max_tokens": 2, "end_ids": (), "sampling": Sampling(), **options}
        self.engine.receive(Generate(id=number, prompt=[1], adapter=adapter, **given))

    def arrive(self) -> None:
        """Let every adapter that was asked for arrive."""
        for adapter, slot in self.wanted:
            self.engine.receive(Checked(adapter, slot, Path(adapter)))
        self.wanted.clear()

    def tokens(self, number: int) -> list[int]:
        steps = [message for message in self.said if isinstance(message, Step)]
        return [token for step in steps for owner, token in step.tokens if owner == number]

    def reasons(self) -> dict[int, str]:
        steps = [message for message in self.said if isinstance(message, Step)]
        return dict(pair for step in steps for pair in step.finished)

    def failures(self) -> dict[int, str]:
        return {said.id: said.kind for said in self.said if isinstance(said, Failed)}


def test_requests_share_steps_and_end_apart() -> None:
    bench = Bench()
    bench.ask(1, max_tokens=1)
    bench.ask(2, max_tokens=3)
    for _ in range(3):
        bench.engine.step()
    assert (bench.tokens(1), bench.tokens(2)) == ([100], [100, 101, 102])
    assert bench.reasons() == {1: "length", 2: "length"}
    first = next(message for message in bench.said if isinstance(message, Step))
    assert first.tokens == [(1, 100), (2, 100)], "one message carries the whole step"
    assert bench.engine.idle


def test_the_token_that_ends_the_turn_is_not_given_out() -> None:
    bench = Bench()
    bench.ask(1, max_tokens=9, end_ids=(101,))
    bench.engine.step()
    bench.engine.step()
    assert bench.tokens(1) == [100]
    assert bench.reasons() == {1: "stop"}


def test_a_request_waits_for_its_adapter_and_is_overtaken() -> None:
    bench = Bench()
    bench.ask(1, adapter="a")
    bench.ask(2)
    bench.engine.step()
    assert bench.wanted == [("a", 1)]
    assert bench.tokens(1) == [] and bench.tokens(2) == [100]
    bench.arrive()
    bench.engine.step()
    assert bench.tokens(1) == [100]
    assert [said.id for said in bench.said if isinstance(said, Started)] == [2, 1]


def test_an_adapter_without_a_slot_waits_until_one_is_free() -> None:
    bench = Bench(slots=1)
    bench.ask(1, adapter="a")
    bench.ask(2, adapter="b")
    bench.engine.step()
    bench.arrive()
    bench.engine.step()
    assert bench.wanted == [] and bench.tokens(2) == []
    bench.engine.step()  # request 1 ends here
    bench.engine.step()
    assert bench.wanted == [("b", 1)]
    bench.arrive()
    bench.engine.step()
    assert bench.tokens(2) == [100]


def test_rows_are_bounded() -> None:
    bench = Bench(max_rows=1)
    bench.ask(1)
    bench.ask(2)
    bench.engine.step()
    assert bench.engine.status().running == [1]
    assert bench.engine.status().waiting == [2]
    bench.engine.step()
    bench.engine.step()
    assert bench.tokens(2) == [100]


@pytest.mark.parametrize("kind", ["adapter_damaged", "adapter_missing", "wrong_base"])
def test_an_unusable_adapter_fails_those_who_wait_for_it_alone(kind: str) -> None:
    bench = Bench()
    bench.ask(1, adapter="a")
    bench.ask(2, adapter="a")
    bench.ask(3, adapter="b")
    bench.engine.step()
    bench.engine.receive(Unusable("a", kind, "why"))
    bench.arrive()
    bench.engine.step()
    assert bench.failures() == {1: kind, 2: kind}
    assert bench.tokens(3) == [100]


def test_an_unservable_adapter_leaves_its_slot_free() -> None:
    bench = Bench(slots=1)
    bench.backend.refuse = {"a"}
    bench.ask(1, adapter="a")
    bench.engine.step()
    bench.arrive()
    assert bench.failures() == {1: "adapter_unservable"}
    bench.ask(2, adapter="b")
    bench.engine.step()
    assert bench.wanted == [("b", 1)]


def test_cancel_frees_the_row_and_the_slot() -> None:
    bench = Bench(slots=1)
    bench.ask(1, adapter="a", max_tokens=99)
    bench.engine.step()
    bench.arrive()
    bench.engine.step()
    bench.engine.receive(Cancel(1))
    assert bench.engine.idle
    assert bench.engine.status().slots[0].requests == []
    bench.ask(2, adapter="b")
    bench.engine.step()
    assert bench.wanted == [("b", 1)]


def test_cancel_of_a_waiting_or_unknown_request() -> None:
    bench = Bench(max_rows=1)
    bench.ask(1)
    bench.ask(2)
    bench.engine.step()
    bench.engine.receive(Cancel(2))
    bench.engine.receive(Cancel(77))
    assert bench.engine.status().waiting == []


def test_a_failing_step_fails_all_in_flight_and_the_next_request_is_served() -> None:
    bench = Bench(slots=1)
    bench.ask(1, adapter="a", max_tokens=9)
    bench.ask(2, max_tokens=9)
    bench.engine.step()
    bench.arrive()
    bench.engine.step()
    bench.backend.break_step = True
    bench.engine.step()
    assert bench.failures() == {1: "engine", 2: "engine"}
    assert bench.engine.idle
    assert bench.engine.status().slots[0].requests == []
    bench.ask(3)
    bench.engine.step()
    assert bench.tokens(3) == [100]


def test_a_request_that_cannot_start_fails_alone() -> None:
    bench = Bench()
    bench.backend.break_add = {1}
    bench.ask(1)
    bench.ask(2)
    bench.engine.step()
    assert bench.failures() == {1: "engine"}
    assert bench.tokens(2) == [100]


def test_hints() -> None:
    bench = Bench()
    bench.engine.receive(Prefetch("a"))
    assert bench.wanted == [("a", 1)]
    bench.arrive()
    assert [(slot.adapter, slot.requests) for slot in bench.engine.status().slots] == [("a", [])]
    bench.engine.receive(Drop("a"))
    assert bench.engine.status().slots == []
    assert bench.backend.slots == {}


def test_shutdown() -> None:
    bench = Bench()
    bench.engine.receive(Shutdown())
    assert bench.engine.closing


def test_a_freed_place_is_taken_without_another_message() -> None:
    bench = Bench(max_rows=1, slots=1)
    bench.ask(1, max_tokens=1)
    bench.ask(2, max_tokens=1)
    for _ in range(9):
        if bench.engine.idle and bench.said:
            break
        bench.engine.step()
    assert bench.reasons() == {1: "length", 2: "length"}


def test_newcomers_for_a_busy_adapter_do_not_keep_another_waiting() -> None:
    bench = Bench(slots=1, max_rows=4)
    bench.ask(1, adapter="a", max_tokens=3)
    bench.engine.step()
    bench.arrive()
    bench.engine.step()
    bench.ask(2, adapter="b")
    for number in range(3, 9):
        bench.ask(number, adapter="a")
        bench.engine.step()
        bench.arrive()
    for _ in range(3):
        bench.engine.step()
        bench.arrive()
    started = [said.id for said in bench.said if isinstance(said, Started)]
    assert started.index(2) == 1


def test_one_that_waits_for_memory_is_not_overtaken() -> None:
    bench = Bench()
    bench.backend.rooms[2] = Room.LATER
    bench.ask(1)
    bench.ask(2)
    bench.ask(3)
    bench.engine.step()
    assert bench.engine.status().waiting == [2, 3]
    del bench.backend.rooms[2]
    bench.engine.step()
    assert [said.id for said in bench.said if isinstance(said, Started)] == [1, 2, 3]


def test_one_that_can_never_have_the_memory_is_told_so() -> None:
    bench = Bench()
    bench.backend.rooms[1] = Room.NEVER
    bench.ask(1)
    bench.ask(2)
    bench.engine.step()
    assert bench.failures() == {1: "no_memory"}
    assert bench.tokens(2) == [100]


def test_a_row_that_fails_leaves_and_the_others_go_on() -> None:
    bench = Bench()
    bench.ask(1, adapter="a")
    bench.ask(2, max_tokens=3)
    bench.engine.step()
    bench.arrive()
    bench.backend.failing.add(1)
    bench.engine.step()
    bench.engine.step()
    assert bench.failures() == {1: "engine"}
    assert bench.tokens(2) == [100, 101, 102]
    assert [slot.requests for slot in bench.engine.status().slots] == [[]]


def test_a_dropped_adapter_leaves_the_prefix_cache() -> None:
    bench = Bench()
    bench.engine.receive(Drop("a"))
    assert bench.backend.dropped == ["a"]


def test_loads_and_evictions_are_counted() -> None:
    bench = Bench(slots=1)
    for number, adapter in enumerate(["a", "b"], start=1):
        bench.ask(number, adapter=adapter, max_tokens=1)
        bench.engine.step()
        bench.arrive()
        bench.engine.step()
    status = bench.engine.status()
    assert (status.adapter_loads, status.adapter_evictions) == (2, 1)


def test_log_probabilities_come_with_the_tokens_of_those_who_ask() -> None:
    bench = Bench()
    bench.ask(1, max_tokens=3, logprobs=1, end_ids=(101,))
    bench.ask(2, max_tokens=2)
    bench.engine.step()
    bench.engine.step()
    steps = [message for message in bench.said if isinstance(message, Step)]
    assert [step.logprobs for step in steps] == [
        [(1, TokenLogprobs(-1.0, [100], [-1.0]))],
        [],  # the token that ended the turn was not given out, and so nothing is told of it
    ]


def test_a_prompt_is_scored_with_its_adapter_and_leaves_its_slot() -> None:
    bench = Bench(slots=2)
    bench.engine.receive(Score(id=1, prompt=[1, 2, 3], adapter="a", logprobs=0))
    bench.engine.step()
    assert bench.said == [], "its adapter is on the way"
    bench.arrive()
    bench.engine.step()
    told = TokenLogprobs(-0.5, [], [])
    assert bench.said == [Started(1, 0), Scored(1, [told, told], last=True)]
    assert bench.engine.idle
    assert [slot.requests for slot in bench.engine.status().slots] == [[]]


def test_a_prompt_that_is_scored_can_be_cancelled() -> None:
    bench = Bench()
    bench.backend.rooms[1] = Room.LATER
    bench.engine.receive(Score(id=1, prompt=[1, 2, 3], adapter=None, logprobs=0))
    bench.engine.step()
    bench.engine.receive(Cancel(1))
    bench.engine.step()
    assert bench.said == []
    assert bench.engine.status().waiting == []


def a_constraint() -> Constraint:
    """For an engine that only hands it on."""
    return Constraint(LLMatcher(LLTokenizer("byte"), "start: /a/"), 262, (1,))


def test_a_request_waits_for_its_grammar_and_is_overtaken() -> None:
    bench = Bench()
    bench.ask(1, grammar="g")
    bench.ask(2)
    bench.engine.step()
    assert [request.id for request in bench.compiling] == [1]
    assert (bench.engine.status().running, bench.engine.status().waiting) == ([2], [1])
    constraint = a_constraint()
    bench.engine.receive(Compiled(1, constraint))
    bench.engine.step()
    assert bench.backend.constraints == {1: constraint, 2: None}
    assert bench.tokens(1) == [100]


def test_a_grammar_of_no_use_fails_its_request_alone() -> None:
    bench = Bench()
    bench.ask(1, grammar="g")
    bench.ask(2)
    bench.engine.receive(NotCompiled(1, "it is none"))
    bench.engine.step()
    assert bench.failures() == {1: "grammar"}
    assert bench.engine.status().waiting == []
    assert bench.tokens(2) == [100]


def test_a_request_that_is_cancelled_while_its_grammar_compiles() -> None:
    bench = Bench()
    bench.ask(1, grammar="g")
    bench.engine.receive(Cancel(1))
    assert bench.engine.status().waiting == []
    for late in (Compiled(1, a_constraint()), NotCompiled(1, "it is none")):
        bench.engine.receive(late)
        bench.engine.step()
    assert bench.backend.constraints == {}
    assert bench.failures() == {}
    assert bench.engine.idle
