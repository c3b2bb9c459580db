"""A supervised engine: one base's engine process, and another one whenever it dies.

    stopped ──► loading ──► ready ──► (dies) ──► restarting ──► loading
                   └──► failed, until a request tries again

What is in flight when a process dies is told so at once; nothing waits for a dead engine. One that
dies again and again is started at ever longer intervals, and one that has failed is not tried again
before such an interval is over, however many requests ask for it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from bluey_server.admission import Admission
from bluey_server.child_watch import ChildWatch, Verdict, WatchLimits
from bluey_server.engine_process import EngineProcess, EngineSpec
from bluey_server.engine_protocol import (
    EngineRequest,
    GenerationAlive,
    GenerationBusy,
    GenerationEvent,
    GenerationFailed,
    GenerationFinished,
    ReplicaStatus,
)
from bluey_server.engine_recovery import Recovery
from bluey_server.engine_streams import EngineStreams, engine_message
from bluey_server.engine_totals import EngineTotals
from bluey_server.messages import (
    Alive,
    Cancel,
    Drop,
    EngineStatus,
    Failed,
    Fatal,
    FromEngine,
    Prefetch,
    Ready,
    Scored,
    Started,
    Step,
)

log = logging.getLogger(__name__)

ALIVE_EVERY = 1.0  # seconds, while a request waits for the engine to load


class ReplicaState(StrEnum):
    """Where an engine stands."""

    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


Allot = Callable[["EngineReplica"], Awaitable[bool]]
"""Sees to it that there is memory for an engine that is about to start, and sets its `memory`; may
take its time. False: nobody wants the engine any more."""


class EngineReplica:
    """The engine of one base on this machine."""

    def __init__(
        self, spec: EngineSpec, *, allot: Allot, max_waiting: int, limits: WatchLimits
    ) -> None:
        """Starts nothing. Of `spec`, the memory is what `allot` will say."""
        self.spec = spec
        self.memory = 0  # bytes; what a live engine has been allotted
        self._allot = allot
        self._admission = Admission(max_waiting)
        self.state = ReplicaState.STOPPED
        self.last_used = time.monotonic()
        self._process: EngineProcess | None = None
        self._starting: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._streams = EngineStreams(self.name)
        self._ready: Ready | None = None
        self._status: EngineStatus | None = None
        self._totals = EngineTotals()  # of the processes that are gone
        self._fatal: str | None = None  # what the process said before it ended, if it did
        self._error: str | None = None  # what went wrong last, until it is ready again
        self._recovery = Recovery()
        self._restarts = 0
        self._limits = limits
        self._watch: ChildWatch | None = None  # while there is a process that may live
        self._kept = False  # whether it was said that it is busy without a word
        self._ended: str | None = None  # why the watch has ended the process, if it did
        self._ready_at = 0.0
        self._awaited = 0  # those who wait for the engine without a request
        self._stopping = False
        self._closed = False

    @property
    def name(self) -> str:
        """Its name among replicas; a base has one of them here."""
        return f"{self.spec.base}/0"

    @property
    def busy(self) -> bool:
        """Whether anybody waits for an answer, or for the engine."""
        return bool(self._streams) or self._awaited > 0

    @property
    def live(self) -> bool:
        """Whether there is, or will presently be, a process that holds the base in memory."""
        return self.state in (
            ReplicaState.LOADING,
            ReplicaState.READY,
            ReplicaState.RESTARTING,
        )

    async def run(
        self, request: EngineRequest, *, again: bool = False
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Events of one request. Closing the generator cancels it. One that is tried `again` was
        let in before, and is let in whoever waits."""
        if self._admission.full and not again:
            yield GenerationBusy(self._admission.retry_after(time.monotonic()))
            return
        stream = self._streams.open(request.adapter)
        self._admission.enter(stream.number)
        self.last_used = time.monotonic()
        process = None
        try:
            self.start()
            while self._stopping or self.state is not ReplicaState.READY:
                if self._closed or self.state is ReplicaState.FAILED:
                    yield GenerationFailed("base_unusable", self._why(), retryable=False)
                    return
                self.start()  # it may have been stopped under us
                yield GenerationAlive()
                await self._change(ALIVE_EVERY)
            assert self._process is not None
            process = self._process
            process.send(engine_message(stream.number, request))
            stream.sent = True
            while True:
                event = await stream.events.get()
                yield event
                if isinstance(event, GenerationFinished | GenerationFailed):
                    process = None
                    return
        finally:
            # Reached on every way out: an end, a cancel, an error in whoever reads us.
            self.last_used = time.monotonic()
            self._streams.close(stream)
            self._admission.leave(stream.number)
            if stream.started:
                self._admission.ended(self.last_used)
            if process is not None:
                process.send(Cancel(stream.number))

    def start(self) -> None:
        """Begin to start a process, unless there is one, or one is on its way, or the last one
        failed a moment ago."""
        if self.live or self._stopping or self._closed:
            return
        if self.state is ReplicaState.FAILED and self._retry_in() > 0:
            return
        self._begin(0.0)

    async def ready(self) -> bool:
        """Wait until the engine is ready, or has failed to become so; which of the two."""
        self._awaited += 1
        try:
            self.start()
            while self.live and self.state is not ReplicaState.READY:
                await self._change(ALIVE_EVERY)
            return self.state is ReplicaState.READY
        finally:
            self._awaited -= 1

    def prefetch(self, adapter: str) -> None:
        """Hand the hint on, if there is anybody to hear it."""
        if self._process is not None and self.state is ReplicaState.READY:
            self._process.send(Prefetch(adapter))

    def drop(self, adapter: str) -> None:
        """Hand the hint on, if there is anybody to hear it."""
        if self._process is not None and self.state is ReplicaState.READY:
            self._process.send(Drop(adapter))

    def look(self) -> None:
        """Look at the process from outside: end one that hangs, speak for one that is at work
        without a word. Called every `limits.every` seconds."""
        process, watch = self._process, self._watch
        if process is None or watch is None or self._stopping:
            return
        now = time.monotonic()
        verdict = watch.look(now, process.activity())
        silence = watch.silence(now)
        match verdict:
            case Verdict.HUNG:
                self._end(process, f"hung (no word and no work for {silence:.0f} s)")
            case Verdict.LOOPS:
                self._end(process, f"was busy without a word for {silence:.0f} s")
            case Verdict.WORKS if self.state is ReplicaState.READY:
                self._streams.tell_alive()
                if silence > self._limits.silence and not self._kept:
                    self._kept = True
                    log.warning(
                        "the engine of %s has been silent for %.0f s, but is at work; it is kept",
                        self.spec.base,
                        silence,
                    )

    def _end(self, process: EngineProcess, why: str) -> None:
        log.error("the engine of %s %s; it is killed", self.spec.base, why)
        self._ended, self._watch = f"{why} and was ended", None
        process.kill()

    async def stop(self) -> None:
        """End the process; the next request starts another. What is in flight is failed."""
        self._stopping = True
        try:
            if self._starting is not None:
                self._starting.cancel()
                await asyncio.gather(self._starting, return_exceptions=True)
            if self._process is not None:
                await self._process.stop()
            self._error = None
            self._recovery.forget()
            self._set(ReplicaState.STOPPED)
        finally:
            self._stopping = False

    async def close(self) -> None:
        """End the process for good; who is still waiting is told that the request failed."""
        self._closed = True
        await self.stop()

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
            waiting=self._admission.waiting,
            max_waiting=self._admission.most,
            memory_limit=self.memory,
            device=None if ready is None else ready.device,
            blas=None if ready is None else ready.blas,
            load_seconds=None if ready is None else ready.load_seconds,
            engine=self._status,
            totals=self._totals.plus(self._status),
            error=self._error,
            retry_in=self._retry_in() if self.state is ReplicaState.FAILED else None,
        )

    def _begin(self, delay: float) -> None:
        self._set(ReplicaState.LOADING if delay == 0 else ReplicaState.RESTARTING)
        self._starting = asyncio.create_task(self._start(delay))

    async def _start(self, delay: float) -> None:
        await asyncio.sleep(delay)
        self._set(ReplicaState.LOADING)
        if not self.memory and not await self._allot(self):
            self._set(ReplicaState.STOPPED)
            return
        spec = replace(self.spec, memory=self.memory)
        try:
            self._watch = ChildWatch(self._limits, time.monotonic())
            self._process = await EngineProcess.start(spec, receive=self._receive, gone=self._gone)
        except OSError as error:
            self._error = f"its process could not be started: {error}"
            self._fail()

    def _receive(self, message: FromEngine) -> None:
        self._take(message)
        self._kept = False
        if self._watch is not None:
            self._watch.heard(time.monotonic(), ready=self.state is ReplicaState.READY)

    def _take(self, message: FromEngine) -> None:
        match message:
            case Ready():
                log.info(
                    "the engine of %s is ready on %s after %.1f s",
                    self.spec.base,
                    message.device,
                    message.load_seconds,
                )
                self._ready, self._error, self._ready_at = message, None, time.monotonic()
                self._set(ReplicaState.READY)
            case Started(id=number):
                self._admission.leave(number)
                self._streams.tell(message)
            case Alive(status=status):
                self._status = status
                self._streams.tell(message)
            case Step() | Scored() | Failed():
                self._streams.tell(message)
            case Fatal():
                self._fatal = message.message
            case _:
                assert_never(message)

    def _gone(self, how: str) -> None:
        """The process has ended: tell everyone, and see to another one."""
        was_ready = self.state is ReplicaState.READY
        self._totals = self._totals.plus(self._status)
        self._process, self._ready, self._status, self._watch = None, None, None, None
        how, self._ended = self._ended or how, None
        if self._stopping:
            self._streams.fail_sent("the server is shutting down", retryable=False)
            return
        log.error("the engine of %s %s", self.spec.base, how)
        loading_failed = not was_ready and self._fatal is not None
        delay = self._recovery.died(time.monotonic() - self._ready_at if was_ready else None)
        self._error, self._fatal = self._fatal or f"the engine {how}", None
        if loading_failed or delay is None:
            self._fail()
        else:
            self._restarts += 1
            self._begin(delay)
        self._streams.fail_sent(f"the engine {how}; it is being started again", retryable=True)

    def _fail(self) -> None:
        self._recovery.give_up(time.monotonic())
        self._set(ReplicaState.FAILED)

    def _why(self) -> str:
        if self._closed:
            return "the server is shutting down"
        why = f"the base {self.spec.base} can't be served: {self._error}"
        wait = self._retry_in()
        return f"{why}; it is tried again in {wait:.0f} s" if wait >= 1 else why

    def _retry_in(self) -> float:
        return self._recovery.retry_in(time.monotonic())

    def _set(self, state: ReplicaState) -> None:
        self.state = state
        if not self.live:
            self.memory = 0
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self, timeout: float) -> None:
        """Wait for a change of state, but not longer than `timeout` seconds."""
        # Not wait_for: until Python 3.12 it loses a cancel that comes together with the change.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()
