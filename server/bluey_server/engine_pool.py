"""All engines on this machine: one a base, started when first asked for, stopped when idle."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from bluey_adapters.bases import OpenBase
from bluey_adapters.home import Home
from bluey_server.child_watch import WatchLimits
from bluey_server.engine_process import EngineSpec
from bluey_server.engine_protocol import (
    EngineRequest,
    GeneratedTokens,
    GenerationEvent,
    GenerationFailed,
    ReplicaStatus,
    ScoredTokens,
)
from bluey_server.engine_replica import EngineReplica, ReplicaState
from bluey_server.memory_share import default_budget, expected_bytes, share_of

log = logging.getLogger(__name__)

_IDLE_EVERY = 2.0  # seconds between two looks for engines that nobody has used for long
_ROOM_EVERY = 0.25  # seconds between two looks whether an engine that is in the way is idle


@dataclass(frozen=True)
class PoolSettings:
    """What a user may choose about engines."""

    slots: int = 32  # adapters resident at once, for each base
    max_waiting: int = 256  # requests for each base that may wait for a row
    idle_stop: float = 30 * 60.0  # seconds without a request, after which an engine ends; 0: never
    memory: int | None = None  # bytes for all engines together; None: a share of the machine's


class EnginePool:
    """The EngineProtocol, answered by processes on this machine."""

    def __init__(
        self,
        home: Home,
        settings: PoolSettings = PoolSettings(),
        *,
        log_level: str = "info",
        log_format: str = "text",
        spec: type[EngineSpec] = EngineSpec,
        limits: WatchLimits | None = None,
    ) -> None:
        """Starts nothing; engines are started by the requests that need them. `spec` knows the
        command line of an engine, which may be another program's; `limits` say when one that says
        nothing is ended."""
        self._home = home
        self._settings = settings
        self._log_level = log_level
        self._log_format = log_format
        self._make_spec = spec
        self._replicas: dict[str, EngineReplica] = {}
        self._budget = settings.memory or default_budget()
        self._allotting = asyncio.Lock()
        self._limits = limits or WatchLimits()
        self._tasks: list[asyncio.Task[None]] = []

    async def submit(
        self, base: OpenBase, request: EngineRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """See EngineProtocol. A request whose engine dies before its first token was handed on is
        tried once more, on the engine that follows."""
        replica = self._replica(base)
        forwarded = False
        for last_try in (False, True):
            async with aclosing(replica.run(request, again=last_try)) as events:
                async for event in events:
                    if (
                        isinstance(event, GenerationFailed)
                        and event.retryable
                        and not (forwarded or last_try)
                    ):
                        log.warning("request %s is tried again: %s", request.id, event.message)
                        break
                    forwarded = forwarded or isinstance(event, GeneratedTokens | ScoredTokens)
                    yield event
                else:
                    return

    async def preload(self, base: OpenBase) -> None:
        """Start the engine of a base; returns when it is ready, or has failed to become so."""
        await self._replica(base).ready()

    async def prefetch(self, base_fingerprint: str, adapter: str) -> None:
        """See EngineProtocol."""
        replica = self._replicas.get(base_fingerprint)
        if replica is not None:
            replica.prefetch(adapter)

    async def drop(self, base_fingerprint: str, adapter: str) -> None:
        """See EngineProtocol."""
        replica = self._replicas.get(base_fingerprint)
        if replica is not None:
            replica.drop(adapter)

    def status(self) -> list[ReplicaStatus]:
        """Every engine there is, or was."""
        return [replica.status() for replica in self._replicas.values()]

    async def close(self) -> None:
        """Stop every engine."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(replica.close() for replica in self._replicas.values()))

    def _replica(self, base: OpenBase) -> EngineReplica:
        if not self._tasks:
            self._tasks = [asyncio.create_task(run()) for run in (self._watch, self._stop_idle)]
        replica = self._replicas.get(base.fingerprint)
        if replica is None:
            replica = EngineReplica(
                self._spec(base),
                allot=self._allot,
                max_waiting=self._settings.max_waiting,
                limits=self._limits,
            )
            self._replicas[base.fingerprint] = replica
        return replica

    def _spec(self, base: OpenBase) -> EngineSpec:
        return self._make_spec(
            base=base.base.name,
            fingerprint=base.fingerprint,
            folder=base.facts.folder,
            store=self._home.store,
            cache=self._home.cache,
            slots=self._settings.slots,
            memory=0,
            log_level=self._log_level,
            log_format=self._log_format,
        )

    async def _allot(self, wanted: EngineReplica) -> bool:
        """Give an engine its memory. Where there is too little, engines that nobody is using are
        stopped, the longest unused first; while all are in use, this waits."""
        need = expected_bytes(wanted.spec.folder)
        async with self._allotting:  # two that start together must not be given the same bytes
            while wanted.busy:
                holders = [other for other in self._replicas.values() if other.memory]
                taken = sum(other.memory for other in holders)
                share = share_of(self._budget, need, taken)
                if share is not None:
                    wanted.memory = share
                    return True
                idle = [
                    other
                    for other in holders
                    if not other.busy and other.state is not ReplicaState.LOADING
                ]
                if idle:
                    unused = min(idle, key=lambda other: other.last_used)
                    log.info("the engine of %s makes room", unused.spec.base)
                    await unused.stop()
                else:
                    await asyncio.sleep(_ROOM_EVERY)
        return False

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._limits.every)
            for replica in list(self._replicas.values()):
                replica.look()

    async def _stop_idle(self) -> None:
        """Beside the watch: stopping an engine may take seconds."""
        while self._settings.idle_stop > 0:
            await asyncio.sleep(min(_IDLE_EVERY, self._settings.idle_stop))
            for replica in list(self._replicas.values()):
                idle = time.monotonic() - replica.last_used
                if (
                    idle > self._settings.idle_stop
                    and not replica.busy
                    and replica.state is not ReplicaState.STOPPED
                ):
                    log.info("the engine of %s is stopped: idle", replica.spec.base)
                    await replica.stop()
