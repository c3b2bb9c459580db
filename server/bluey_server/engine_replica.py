"""A supervised engine: one base's engine process, and another one whenever it dies.

    stopped ──► loading ──► ready ──► (dies) ──► restarting ──► loading
                   └──► failed, until a request tries again

What is in flight when a process dies is told so at once; nothing waits for a dead engine.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bluey_server.engine_process import EngineProcess, EngineSpec
from bluey_server.engine_protocol import (
    GeneratedTokens,
    GenerationAlive,
    GenerationEvent,
    GenerationFailed,
    GenerationFinished,
    GenerationRequest,
    GenerationStarted,
    ReplicaStatus,
)
from bluey_server.messages import (
    Alive,
    Cancel,
    Drop,
    EngineStatus,
    Failed,
    Fatal,
    FromEngine,
    Generate,
    Prefetch,
    Ready,
    Started,
    Step,
)

log = logging.getLogger(__name__)

ALIVE_EVERY = 1.0  # seconds, while a request waits for the engine to load
_SILENCE = 6.0  # seconds without a word, after which a ready engine is taken for hung
_TRIES = 3  # deaths in a row before ready, after which requests are failed rather than held
_BACKOFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before the n-th start in a row


class ReplicaState(StrEnum):
    """Where an engine stands."""

    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


@dataclass(frozen=True)
class _Stream:
    """Somebody who waits for the events of a request."""

    adapter: str | None
    events: asyncio.Queue[GenerationEvent]


class EngineReplica:
    """The engine of one base on this machine."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.state = ReplicaState.STOPPED
        self.last_used = time.monotonic()
        self._process: EngineProcess | None = None
        self._starting: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._streams: dict[int, _Stream] = {}
        self._numbers = itertools.count(1)
        self._ready: Ready | None = None
        self._status: EngineStatus | None = None
        self._error: str | None = None
        self._deaths = 0  # in a row, without having been ready
        self._restarts = 0
        self._heard = time.monotonic()
        self._stopping = False

    @property
    def name(self) -> str:
        """Its name among replicas; a base has one of them here."""
        return f"{self.spec.base}/0"

    @property
    def busy(self) -> bool:
        """Whether anybody waits for an answer."""
        return bool(self._streams)

    @property
    def live(self) -> bool:
        """Whether there is, or will presently be, a process that holds the base in memory."""
        return self.state in (
            ReplicaState.LOADING,
            ReplicaState.READY,
            ReplicaState.RESTARTING,
        )

    async def run(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Events of one request. Closing the generator cancels it."""
        number = next(self._numbers)
        events: asyncio.Queue[GenerationEvent] = asyncio.Queue()
        self._streams[number] = _Stream(request.adapter, events)
        self.last_used = time.monotonic()
        process = None
        try:
            self.start()
            while self.state is not ReplicaState.READY:
                if self.state in (ReplicaState.FAILED, ReplicaState.STOPPED):
                    yield GenerationFailed("base_unusable", self._why(), retryable=False)
                    return
                yield GenerationAlive()
                await self._change(ALIVE_EVERY)
            assert self._process is not None
            process = self._process
            process.send(_generate(number, request))
            while True:
                event = await events.get()
                yield event
                if isinstance(event, GenerationFinished | GenerationFailed):
                    process = None
                    return
        finally:
            # Reached on every way out: an end, a cancel, an error in whoever reads us.
            self.last_used = time.monotonic()
            del self._streams[number]
            if process is not None:
                process.send(Cancel(number))

    def start(self) -> None:
        """Begin to start a process, unless there is one or one is on its way."""
        if self.live or self._stopping:
            return
        self._deaths = 0
        self._begin(0.0)

    async def ready(self) -> bool:
        """Wait until the engine is ready, or has failed to become so; which of the two."""
        self.start()
        while self.live and self.state is not ReplicaState.READY:
            await self._change(ALIVE_EVERY)
        return self.state is ReplicaState.READY

    def prefetch(self, adapter: str) -> None:
        """Hand the hint on, if there is anybody to hear it."""
        if self._process is not None and self.state is ReplicaState.READY:
            self._process.send(Prefetch(adapter))

    def drop(self, adapter: str) -> None:
        """Hand the hint on, if there is anybody to hear it."""
        if self._process is not None and self.state is ReplicaState.READY:
            self._process.send(Drop(adapter))

    def check_silence(self) -> None:
        """Kill a process that is ready and has not said a word for too long."""
        silence = time.monotonic() - self._heard
        if self.state is ReplicaState.READY and silence > _SILENCE and self._process is not None:
            log.error(
                "the engine of %s has been silent for %.0f s; it is killed",
                self.spec.base,
                silence,
            )
            self._process.kill()

    async def stop(self) -> None:
        """End the process; who is still waiting is told that the request failed."""
        self._stopping = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._process is not None:
            await self._process.stop()
        self._set(ReplicaState.STOPPED)
        self._stopping = False

    def status(self) -> ReplicaStatus:
        """What /admin/status shows."""
        ready = self._ready
        return ReplicaStatus(
            replica=self.name,
            base=self.spec.base,
            base_fingerprint=self.spec.fingerprint,
            state=self.state.value,
            pid=None if self._process is None else self._process.pid,
            restarts=self._restarts,
            device=None if ready is None else ready.device,
            blas=None if ready is None else ready.blas,
            load_seconds=None if ready is None else ready.load_seconds,
            engine=self._status,
            error=self._error,
        )

    def _begin(self, delay: float) -> None:
        self._set(ReplicaState.LOADING if delay == 0 else ReplicaState.RESTARTING)
        self._starting = asyncio.create_task(self._start(delay))

    async def _start(self, delay: float) -> None:
        await asyncio.sleep(delay)
        self._set(ReplicaState.LOADING)
        try:
            self._process = await EngineProcess.start(
                self.spec, receive=self._receive, gone=self._gone
            )
        except OSError as error:
            self._error = f"its process could not be started: {error}"
            self._set(ReplicaState.FAILED)

    def _receive(self, message: FromEngine) -> None:
        self._heard = time.monotonic()
        match message:
            case Ready():
                log.info(
                    "the engine of %s is ready on %s after %.1f s",
                    self.spec.base,
                    message.device,
                    message.load_seconds,
                )
                self._ready, self._error, self._deaths = message, None, 0
                self._set(ReplicaState.READY)
            case Started(id=number, cached=cached):
                if number in self._streams:
                    adapter = self._streams[number].adapter
                    self._tell(number, GenerationStarted(self.name, adapter, cached))
            case Step():
                self._tell_step(message)
            case Failed():
                self._tell(
                    message.id, GenerationFailed(message.kind, message.message, message.retryable)
                )
            case Alive(status=status):
                self._status = status
                for number in self._streams:
                    self._tell(number, GenerationAlive())
            case Fatal():
                self._error = message.message
            case _:
                assert_never(message)

    def _tell_step(self, step: Step) -> None:
        tokens: dict[int, list[int]] = {}
        for number, token in step.tokens:
            tokens.setdefault(number, []).append(token)
        for number, ids in tokens.items():
            self._tell(number, GeneratedTokens(ids))
        for number, reason in step.finished:
            self._tell(number, GenerationFinished(reason))

    def _tell(self, number: int, event: GenerationEvent) -> None:
        stream = self._streams.get(number)
        if stream is not None:  # else it was cancelled while the message was on its way
            stream.events.put_nowait(event)

    def _gone(self, how: str) -> None:
        """The process has ended: tell everyone, and see to another one."""
        was_ready = self.state is ReplicaState.READY
        self._process, self._ready, self._status = None, None, None
        if self._stopping:
            self._fail_all("the server is shutting down", retryable=False)
            return
        log.error("the engine of %s %s", self.spec.base, how)
        loading_failed = not was_ready and self._error is not None  # it said Fatal
        self._deaths += 1
        self._error = self._error or f"the engine {how}"
        if loading_failed or self._deaths >= _TRIES:
            self._set(ReplicaState.FAILED)
        else:
            self._restarts += 1
            self._begin(_BACKOFF[min(self._deaths - 1, len(_BACKOFF) - 1)])
        self._fail_all(f"the engine {how}; it is being started again", retryable=True)

    def _fail_all(self, message: str, *, retryable: bool) -> None:
        for number in self._streams:
            self._tell(number, GenerationFailed("engine_died", message, retryable))

    def _why(self) -> str:
        return f"the base {self.spec.base} can't be served: {self._error or 'it was stopped'}"

    def _set(self, state: ReplicaState) -> None:
        self.state = state
        self._heard = time.monotonic()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self, timeout: float) -> None:
        """Wait for a change of state, but not longer than `timeout` seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except TimeoutError:
            return


def _generate(number: int, request: GenerationRequest) -> Generate:
    return Generate(
        id=number,
        prompt=request.prompt,
        checkpoints=request.checkpoints,
        adapter=request.adapter,
        max_tokens=request.max_tokens,
        min_tokens=request.min_tokens,
        end_ids=request.end_ids,
        sampling=request.sampling,
    )
