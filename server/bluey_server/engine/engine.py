"""The engine's heart: receive, schedule, run, deliver.

It owns the queue of waiting requests and the residency table, and speaks to MLX through a Backend
alone. Everything happens on the caller's thread, one step at a time.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, assert_never

from bluey_server.engine.adapter_config import UnservableAdapter
from bluey_server.engine.compiler import Compiled, NotCompiled
from bluey_server.engine.figures import BackendFigures
from bluey_server.engine.grammar import Constraint
from bluey_server.engine.kv_budget import Room
from bluey_server.engine.loader import Checked, Unusable
from bluey_server.engine.residency import Load, Residency, Resident, Wait
from bluey_server.engine.rows import Outcome, PromptScored, RowFailed, RowToken
from bluey_server.messages import (
    Cancel,
    Drop,
    EngineStatus,
    Failed,
    FromEngine,
    Generate,
    Prefetch,
    Score,
    Scored,
    Shutdown,
    SlotStatus,
    Started,
    Step,
    ToEngine,
)

log = logging.getLogger(__name__)

Inbound = ToEngine | Checked | Unusable | Compiled | NotCompiled

_PREFETCH = -1
"""Stands in for a request's number where nobody waits for the adapter."""


class BackendProtocol(Protocol):
    """What the engine asks of the thing that computes. See backend.py."""

    def load_adapter(self, slot: int, folder: Path) -> None: ...
    def clear_slot(self, slot: int) -> None: ...
    def drop_adapter(self, adapter: str) -> None: ...
    def room(self, request: Generate | Score) -> Room: ...
    def add(self, request: Generate, slot: int, constraint: Constraint | None = None) -> int: ...
    def score(self, request: Score, slot: int) -> None: ...
    def remove(self, request: int) -> None: ...
    def step(self) -> list[Outcome]: ...
    def reset(self) -> list[int]: ...
    @property
    def figures(self) -> BackendFigures: ...


class Engine:
    """Many requests, many adapters, one batch."""

    def __init__(
        self,
        backend: BackendProtocol,
        *,
        slots: int,
        max_rows: int,
        fetch: Callable[[str, int], None],
        compile: Callable[[Generate], None],
        send: Callable[[FromEngine], None],
    ) -> None:
        """`fetch(adapter, slot)` asks for files; Checked or Unusable come back by `receive`.
        `compile(request)` asks for its grammar; Compiled or NotCompiled come back."""
        self._backend = backend
        self._residency = Residency(slots)
        self._max_rows = max_rows
        self._fetch = fetch
        self._compile = compile
        self._send = send
        self._waiting: deque[Generate | Score] = deque()
        self._compiling: dict[int, Generate] = {}  # they wait for their grammars
        self._constraints: dict[int, Constraint] = {}  # of those that wait for a place
        self._running: set[int] = set()
        self._fetching: dict[str, float] = {}  # when an adapter's files were asked for
        self._place_free = False  # somebody has ended since the waiting were last looked at
        self._tokens_out = 0
        self._loads = self._evictions = 0
        self._load_seconds = 0.0
        self.closing = False

    @property
    def idle(self) -> bool:
        """Whether a step would do nothing until something is received."""
        return not self._running and not (self._waiting and self._place_free)

    def receive(self, message: Inbound) -> None:
        """Take in one message."""
        match message:
            case Generate(grammar=str()):
                self._compiling[message.id] = message
                self._compile(message)
            case Compiled(request=request, constraint=constraint):
                if request in self._compiling:  # else it was cancelled meanwhile
                    self._waiting.append(self._compiling.pop(request))
                    self._constraints[request] = constraint
            case NotCompiled(request=request):
                if self._compiling.pop(request, None) is not None:
                    self._fail(request, "grammar", message.message)
            case Generate() | Score():
                self._waiting.append(message)
            case Cancel(id=request):
                self._cancel(request)
            case Prefetch(adapter=adapter):
                self._place(adapter, _PREFETCH)
                self._residency.release(_PREFETCH)
                self._unclaim()
            case Drop(adapter=adapter):
                slot = self._residency.drop(adapter)
                if slot is not None:
                    self._backend.clear_slot(slot)
                self._backend.drop_adapter(adapter)
            case Checked():
                self._load(message)
            case Unusable():
                self._give_up(message.adapter, message.kind, message.message)
            case Shutdown():
                self.closing = True
            case _:
                assert_never(message)

    def step(self) -> None:
        """Schedule, run, deliver."""
        self._schedule()
        self._deliver(self._run())

    def status(self) -> EngineStatus:
        """What the engine holds."""
        return EngineStatus(
            running=sorted(self._running),
            waiting=[*self._compiling, *(request.id for request in self._waiting)],
            slots=[SlotStatus(*entry) for entry in self._residency.table()],
            slots_total=len(self._residency),
            tokens_out=self._tokens_out,
            adapter_loads=self._loads,
            adapter_evictions=self._evictions,
            adapter_load_seconds=self._load_seconds,
            **asdict(self._backend.figures),
        )

    def _schedule(self) -> None:
        """Start what can start, in the order of arrival. A request that waits for its adapter is
        overtaken by those behind it that need not wait; one that waits for a place in the batch,
        or for memory, is not."""
        self._place_free = False
        still_waiting: deque[Generate | Score] = deque()
        while self._waiting and len(self._running) < self._max_rows:
            request = self._waiting.popleft()
            room = self._backend.room(request)
            if room is Room.NEVER:
                self._fail(request.id, "no_memory", _too_long(request))
                continue
            if room is Room.LATER:
                still_waiting.append(request)
                break
            slot = 0 if request.adapter is None else self._place(request.adapter, request.id)
            if slot is None:
                still_waiting.append(request)
            else:
                self._start(request, slot)
        self._waiting = still_waiting + self._waiting

    def _place(self, adapter: str, request: int) -> int | None:
        match self._residency.place(adapter, request):
            case Resident(slot=slot):
                return slot
            case Load(slot=slot, evicted=evicted):
                log.debug("adapter %s into slot %d, evicting %s", adapter[:12], slot, evicted)
                self._evictions += evicted is not None
                self._fetching[adapter] = time.monotonic()
                self._fetch(adapter, slot)
                return None
            case Wait():
                return None

    def _start(self, request: Generate | Score, slot: int) -> None:
        cached = 0
        try:
            if isinstance(request, Score):
                self._backend.score(request, slot)
            else:
                cached = self._backend.add(request, slot, self._constraints.pop(request.id, None))
        except Exception as error:
            # Only this request is at fault; nothing of it has entered the batch.
            log.exception("request %d could not enter the batch", request.id)
            self._residency.release(request.id)
            self._fail(request.id, "engine", f"the request could not be started: {error}")
            return
        self._running.add(request.id)
        self._send(Started(request.id, cached))

    def _run(self) -> list[Outcome]:
        if not self._running:
            return []
        try:
            return self._backend.step()
        except Exception as error:
            # MLX's batch is lost as a whole. Tell everyone; the next request finds a new one.
            log.exception("a step failed; every request in flight is lost")
            for request in self._backend.reset():
                self._end(request)
                self._fail(request, "engine", f"the engine failed in a step: {error}")
            return []

    def _deliver(self, outcomes: list[Outcome]) -> None:
        tokens = [outcome for outcome in outcomes if isinstance(outcome, RowToken)]
        # The token that ends a turn is not part of the answer.
        given = [row for row in tokens if row.finished != "stop"]
        out = [(row.request, row.token) for row in given]
        told = [(row.request, row.logprobs) for row in given if row.logprobs is not None]
        finished = [(row.request, row.finished) for row in tokens if row.finished is not None]
        for request, _ in finished:
            self._end(request)
        self._tokens_out += len(out)
        if tokens:
            self._send(Step(out, finished, told))
        for outcome in outcomes:
            match outcome:
                case RowFailed(request, message):
                    self._end(request)
                    self._fail(request, "engine", message)
                case PromptScored(request, logprobs, last):
                    if last:
                        self._end(request)
                    self._send(Scored(request, logprobs, last))
                case RowToken():
                    pass  # told above, all in one message

    def _cancel(self, request: int) -> None:
        self._waiting = deque(waiting for waiting in self._waiting if waiting.id != request)
        self._compiling.pop(request, None)
        self._constraints.pop(request, None)
        self._unclaim()
        if request in self._running:
            self._backend.remove(request)
            self._end(request)

    def _unclaim(self) -> None:
        """Slots are kept free for those who wait, and for nobody else."""
        self._residency.unclaim({w.adapter for w in self._waiting if w.adapter is not None})

    def _end(self, request: int) -> None:
        self._running.discard(request)
        self._residency.release(request)
        self._place_free = True

    def _load(self, checked: Checked) -> None:
        try:
            self._backend.load_adapter(checked.slot, checked.folder)
        except UnservableAdapter as error:
            self._backend.clear_slot(checked.slot)
            self._give_up(checked.adapter, "adapter_unservable", str(error))
        except Exception as error:
            log.exception("adapter %s could not be loaded", checked.adapter[:12])
            self._backend.clear_slot(checked.slot)
            self._give_up(checked.adapter, "engine", f"the adapter could not be loaded: {error}")
        else:
            self._residency.loaded(checked.adapter)
            self._loads += 1
            asked = self._fetching.pop(checked.adapter, None)
            self._load_seconds += 0.0 if asked is None else time.monotonic() - asked

    def _give_up(self, adapter: str, kind: str, message: str) -> None:
        """Fail those who wait for an adapter that can't be had."""
        self._residency.failed(adapter)
        self._fetching.pop(adapter, None)
        lost = [request for request in self._waiting if request.adapter == adapter]
        self._waiting = deque(kept for kept in self._waiting if kept.adapter != adapter)
        for request in lost:
            self._fail(request.id, kind, message)

    def _fail(self, request: int, kind: str, message: str) -> None:
        self._constraints.pop(request, None)
        self._send(Failed(id=request, kind=kind, message=message, retryable=False))


def _too_long(request: Generate | Score) -> str:
    answer = request.max_tokens if isinstance(request, Generate) else 0
    return (
        f"a prompt of {len(request.prompt)} tokens with an answer of up to {answer} "
        "does not fit into the memory that this engine has; ask for a shorter answer, or give "
        "the server more memory"
    )
