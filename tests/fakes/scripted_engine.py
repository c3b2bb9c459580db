"""An engine that says what it is told to: deterministic, and satisfying EngineProtocol.

A test enqueues one script a request, a list of steps; a request without one gets a default. It
notes what it was asked, and which requests were cancelled.
"""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from bluey_adapters.bases import OpenBase
from bluey_server.engine_protocol import (
    EngineRequest,
    GeneratedTokens,
    GenerationAlive,
    GenerationBusy,
    GenerationEvent,
    GenerationFailed,
    GenerationFinished,
    GenerationRequest,
    GenerationStarted,
    ReplicaStatus,
    ScoredTokens,
    ScoreRequest,
)
from bluey_server.engine_totals import EngineTotals
from bluey_server.messages import EngineStatus, SlotStatus, TokenLogprobs


@dataclass(frozen=True)
class Say:
    """Text, one token at a time, as the base's tokenizer cuts it; or each character apart."""

    text: str
    apart: bool = False

    def ids(self, base: OpenBase) -> list[int]:
        """The tokens."""
        parts = list(self.text) if self.apart else [self.text]
        return [token for part in parts for token in base.tokenizer.encode(part, special=False)]


@dataclass(frozen=True)
class Alive:
    """Nothing new, so many times."""

    times: int = 1


@dataclass(frozen=True)
class Wait:
    """Go on when the test sets the event."""

    event: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Queue:
    """First of a script: begin when the test sets the event."""

    event: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Busy:
    """Alone in a script: too many are waiting."""

    retry_after: float = 2.0


@dataclass(frozen=True)
class Silence:
    """Say nothing more, for ever."""


@dataclass(frozen=True)
class Fail:
    """End with a failure."""

    kind: str = "engine_died"
    message: str = "The engine died."
    retryable: bool = True


@dataclass(frozen=True)
class Finish:
    """End well. A script without an end gets this one."""

    reason: str = "stop"


Step = Say | Alive | Wait | Queue | Busy | Silence | Fail | Finish


@dataclass(frozen=True)
class Asked:
    """A request as the engine got it."""

    base: OpenBase
    request: GenerationRequest


def invented(token: int, alternatives: int) -> TokenLogprobs:
    """What the scripted engine says of a token: itself first, then its neighbours."""
    logprobs = [-0.25 - place for place in range(alternatives)]
    return TokenLogprobs(-0.25, [token + place for place in range(alternatives)], logprobs)


class ScriptedEngine:
    """The EngineProtocol, answered from scripts. Its methods run on one event loop; what tests
    call is safe from any thread."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.scored: list[ScoreRequest] = []
        self.arrived: queue.Queue[str] = queue.Queue()
        self.cancelled: queue.Queue[str] = queue.Queue()
        self.prefetched: queue.Queue[tuple[str, str]] = queue.Queue()
        self.dropped: queue.Queue[tuple[str, str]] = queue.Queue()
        self.closed = False
        self.replicas: list[ReplicaStatus] = []
        self.preload_gate: threading.Event | None = None
        self.cached_tokens = 0  # of every prompt
        self._scripts: deque[tuple[Step, ...]] = deque()
        self._closing = threading.Event()

    def enqueue(self, *steps: Step) -> None:
        """The script of the next request that has none."""
        self._scripts.append(steps)

    async def submit(
        self, base: OpenBase, request: EngineRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """See EngineProtocol."""
        if isinstance(request, ScoreRequest):
            async for event in self._score(base, request):
                yield event
            return
        self.asked.append(Asked(base, request))
        self.arrived.put(request.id)
        who = "the bare base" if request.adapter is None else f"adapter {request.adapter[:6]}"
        steps = self._scripts.popleft() if self._scripts else (Say(f"I am {who}."),)
        over = False
        try:
            match steps[0]:
                case Busy(retry_after):
                    over = True
                    yield GenerationBusy(retry_after)
                    return
                case Queue(event):
                    while not event.is_set():
                        yield GenerationAlive()
                        await asyncio.sleep(0.005)
            yield GenerationStarted(f"{base.base.name}/0", request.adapter, self.cached_tokens)
            async for event in self._play(steps, base, request):
                # Set before it is handed over: nobody needs to ask again after the last one.
                over = isinstance(event, GenerationFinished | GenerationFailed)
                yield event
        finally:
            if not over:
                self.cancelled.put(request.id)

    async def preload(self, base: OpenBase) -> None:
        """See EngineProtocol."""
        if self.preload_gate is not None:
            await _until(self.preload_gate)
        self.run(base.base.name, base.fingerprint)

    async def prefetch(self, base_fingerprint: str, adapter: str) -> None:
        """See EngineProtocol."""
        self.prefetched.put((base_fingerprint, adapter))

    async def drop(self, base_fingerprint: str, adapter: str) -> None:
        """See EngineProtocol."""
        self.dropped.put((base_fingerprint, adapter))

    def status(self) -> list[ReplicaStatus]:
        """See EngineProtocol."""
        return list(self.replicas)

    async def close(self) -> None:
        """See EngineProtocol."""
        self.closed = True
        self._closing.set()

    def run(
        self,
        base: str,
        fingerprint: str,
        *,
        state: str = "ready",
        adapters: tuple[str, ...] = (),
        error: str | None = None,
        **held: float,
    ) -> None:
        """Show an engine in `status`, with adapters in its slots; `held` are figures of its
        EngineStatus."""
        slots = [SlotStatus(slot, digest, []) for slot, digest in enumerate(adapters, 1)]
        figures = {"slots_total": 32, "tokens_out": 0, "memory_bytes": 0, **held}
        engine = EngineStatus(running=[], waiting=[], slots=slots, **figures)  # type: ignore[arg-type]
        self.replicas = [
            ReplicaStatus(
                replica=f"{base}/0",
                base=base,
                base_fingerprint=fingerprint,
                state=state,
                pid=4711,
                restarts=0,
                engine=engine,
                totals=EngineTotals().plus(engine),
                error=error,
            )
        ]

    async def _score(
        self, base: OpenBase, request: ScoreRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """In pieces of three tokens, with no script."""
        self.scored.append(request)
        yield GenerationStarted(f"{base.base.name}/0", request.adapter, 0)
        for start in range(1, len(request.prompt), 3):
            yield GenerationAlive()
            piece = request.prompt[start : start + 3]
            yield ScoredTokens([invented(token, request.logprobs) for token in piece])
            await asyncio.sleep(0)
        yield GenerationFinished("scored")

    async def _play(
        self, steps: tuple[Step, ...], base: OpenBase, request: GenerationRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        left = request.max_tokens
        for step in steps:
            match step:
                case Say():
                    for token in step.ids(base):
                        asks = request.logprobs
                        told = None if asks is None else [invented(token, asks)]
                        yield GeneratedTokens([token], told)
                        left -= 1
                        if left == 0:
                            yield GenerationFinished("length")
                            return
                        await asyncio.sleep(0)
                case Alive(times):
                    for _ in range(times):
                        yield GenerationAlive()
                        await asyncio.sleep(0)
                case Wait(event):
                    # Like a real engine: proves its life while it waits, fails when closed.
                    while not event.is_set():
                        if self._closing.is_set():
                            yield GenerationFailed("engine_died", "The engine was closed.", True)
                            return
                        yield GenerationAlive()
                        await asyncio.sleep(0.005)
                case Queue() | Busy():
                    raise AssertionError("these come first, or not at all")
                case Silence():
                    await asyncio.Event().wait()
                case Fail(kind, message, retryable):
                    yield GenerationFailed(kind, message, retryable)
                    return
                case Finish(reason):
                    yield GenerationFinished(reason)
                    return
        yield GenerationFinished("stop")


async def _until(event: threading.Event) -> None:
    while not event.is_set():  # noqa: ASYNC110 - it is set by another thread
        await asyncio.sleep(0.005)
