"""All engines on this machine: one a base, started when first asked for, stopped when idle."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import psutil

from bluey_adapters.bases import OpenBase
from bluey_adapters.home import Home
from bluey_adapters.model_folder import weight_files
from bluey_server.engine_process import EngineSpec
from bluey_server.engine_protocol import (
    GeneratedTokens,
    GenerationEvent,
    GenerationFailed,
    GenerationRequest,
    ReplicaStatus,
)
from bluey_server.engine_replica import EngineReplica

log = logging.getLogger(__name__)

_WATCH_EVERY = 2.0  # seconds
_IDLE_STOP = 30 * 60.0  # seconds
_SLOTS = 32
_BUDGET_SHARE = 0.6
"""Of the machine's memory, for all engines together; the rest is the user's and the worker's."""

_WORKING_SHARE = 1.5
"""Memory of an engine over the size of its weights, as a first guess: caches and adapters."""


class EnginePool:
    """The EngineProtocol, answered by processes on this machine."""

    def __init__(self, home: Home, *, log_level: str = "info", log_format: str = "text") -> None:
        """Starts nothing; engines are started by the requests that need them."""
        self._home = home
        self._log_level = log_level
        self._log_format = log_format
        self._replicas: dict[str, EngineReplica] = {}
        self._budget = int(psutil.virtual_memory().total * _BUDGET_SHARE)
        self._watching: asyncio.Task[None] | None = None

    async def submit(
        self, base: OpenBase, request: GenerationRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """See EngineProtocol. A request whose engine dies before its first token was handed on is
        tried once more, on the engine that follows."""
        replica = await self._replica(base)
        forwarded = False
        for last_try in (False, True):
            async with aclosing(replica.run(request)) as events:
                async for event in events:
                    if (
                        isinstance(event, GenerationFailed)
                        and event.retryable
                        and not (forwarded or last_try)
                    ):
                        log.warning("request %s is tried again: %s", request.id, event.message)
                        break
                    forwarded = forwarded or isinstance(event, GeneratedTokens)
                    yield event
                else:
                    return

    async def preload(self, base: OpenBase) -> None:
        """Start the engine of a base; returns when it is ready, or has failed to become so."""
        await (await self._replica(base)).ready()

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
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(replica.stop() for replica in self._replicas.values()))

    async def _replica(self, base: OpenBase) -> EngineReplica:
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        replica = self._replicas.get(base.fingerprint)
        if replica is None:
            replica = EngineReplica(self._spec(base))
            self._replicas[base.fingerprint] = replica
        if not replica.live:
            await self._make_room(replica)
        return replica

    def _spec(self, base: OpenBase) -> EngineSpec:
        return EngineSpec(
            base=base.base.name,
            fingerprint=base.fingerprint,
            folder=base.facts.folder,
            store=self._home.store,
            cache=self._home.cache,
            slots=_SLOTS,
            memory=self._budget,
            log_level=self._log_level,
            log_format=self._log_format,
        )

    async def _make_room(self, wanted: EngineReplica) -> None:
        """Stop engines that nobody is using, the longest unused first, until another one fits."""
        others = [replica for replica in self._replicas.values() if replica is not wanted]
        live = sorted((other for other in others if other.live), key=lambda other: other.last_used)
        need = _expected_bytes(wanted) + sum(_expected_bytes(other) for other in live)
        for replica in live:
            if need <= self._budget:
                return
            if not replica.busy:
                log.info("the engine of %s makes room", replica.spec.base)
                need -= _expected_bytes(replica)
                await replica.stop()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            for replica in list(self._replicas.values()):
                replica.check_silence()
                idle = time.monotonic() - replica.last_used
                if replica.live and not replica.busy and idle > _IDLE_STOP:
                    log.info("the engine of %s is stopped: idle", replica.spec.base)
                    await replica.stop()


def _expected_bytes(replica: EngineReplica) -> float:
    files = weight_files(replica.spec.folder)
    return _WORKING_SHARE * sum(path.stat().st_size for path in files if path.is_file())
