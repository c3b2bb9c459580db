"""GET /admin/status: every process, what each holds, and for whom."""

import os

import msgspec
from litestar import get
from litestar.di import NamedDependency

from bluey_adapters.catalog import Catalog
from bluey_adapters.jobs import Job
from bluey_server.engine_protocol import ReplicaStatus
from bluey_server.http.exchange import Exchange
from bluey_server.http.monitoring.status_answer import (
    Adapters,
    Batch,
    EngineShown,
    Memory,
    Prefixes,
    Queue,
    RequestShown,
    ServerStatus,
    Slot,
    Worker,
)
from bluey_server.http.service import Service
from bluey_server.http.version import version
from bluey_server.messages import EngineStatus


@get("/admin/status")
async def status(service: NamedDependency[Service]) -> ServerStatus:
    """The whole server at a glance."""
    catalog = await service.names.catalog()
    job = await service.registry.call(lambda registry: registry.jobs.running())
    return ServerStatus(
        version(),
        os.getpid(),
        service.draining,
        service.not_ready(),
        [_engine(replica, catalog) for replica in service.engine.status()],
        service.tokenizers.status(),
        None if job is None else _worker(job),
        [_request(exchange) for exchange in service.in_flight],
    )


def _engine(replica: ReplicaStatus, catalog: Catalog) -> EngineShown:
    shown = EngineShown(
        replica=replica.replica,
        base=replica.base,
        base_fingerprint=replica.base_fingerprint,
        state=replica.state,
        error=replica.error,
        retry_in_seconds=replica.retry_in,
        pid=replica.pid,
        restarts=replica.restarts,
        device=replica.device,
        blas=replica.blas,
        load_seconds=replica.load_seconds,
        queue=Queue(replica.waiting, replica.max_waiting),
        totals=replica.totals,
    )
    if replica.engine is None:
        return shown
    return _holding(shown, replica.engine, replica.memory_limit, catalog)


def _holding(
    shown: EngineShown, held: EngineStatus, memory_limit: int, catalog: Catalog
) -> EngineShown:
    return msgspec.structs.replace(
        shown,
        batch=Batch(held.running, held.waiting, _ratio(held.rows_stepped, held.steps)),
        slots=[
            Slot(slot.slot, slot.adapter, slot.requests, _names(slot.adapter, catalog))
            for slot in held.slots
        ],
        slots_total=held.slots_total,
        adapters=Adapters(
            len(held.slots),
            held.adapter_loads,
            held.adapter_evictions,
            _ratio(held.adapter_load_seconds, held.adapter_loads),
        ),
        prefix_cache=Prefixes(
            held.prefix_entries,
            held.prefix_bytes,
            held.prompt_tokens,
            held.cached_tokens,
            _ratio(held.cached_tokens, held.prompt_tokens),
        ),
        memory=Memory(held.memory_bytes, memory_limit, held.kv_bytes),
    )


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _names(digest: str, catalog: Catalog) -> list[str]:
    """Everything that means an adapter now, the bare names first."""
    pinned = [version for version in catalog.versions.values() if version.digest == digest]
    bare = [found.name for found in pinned if catalog.current.get(found.name) == found.version]
    return [*bare, *(found.pinned for found in pinned)]


def _worker(job: Job) -> Worker:
    return Worker(
        job.pid,
        job.host,
        job.id,
        job.request.adapter,
        job.request.base,
        job.started_at,
        job.heartbeat_at,
    )


def _request(exchange: Exchange) -> RequestShown:
    return RequestShown(
        exchange.id,
        exchange.key,
        exchange.model,
        exchange.digest,
        exchange.prompt_tokens,
        exchange.completion_tokens,
        round(exchange.seconds, 3),
    )
