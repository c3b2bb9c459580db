"""GET /admin/status: every process, what each holds, and for whom."""

import os
from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency

from bluey_adapters.catalog import Catalog
from bluey_adapters.jobs import Job
from bluey_server.engine_protocol import ReplicaStatus
from bluey_server.http.exchange import Exchange
from bluey_server.http.service import Service
from bluey_server.http.version import version


@get("/admin/status")
async def status(service: NamedDependency[Service]) -> dict[str, Any]:
    """The whole server at a glance."""
    catalog = await service.names.catalog()
    job = await service.registry.call(lambda registry: registry.jobs.running())
    return {
        "version": version(),
        "pid": os.getpid(),
        "draining": service.draining,
        "not_ready": service.not_ready(),
        "engines": [_engine(replica, catalog) for replica in service.engine.status()],
        "worker": None if job is None else _worker(job),
        "requests": [_request(exchange) for exchange in service.in_flight],
    }


def _engine(replica: ReplicaStatus, catalog: Catalog) -> dict[str, Any]:
    held, totals = replica.engine, replica.totals
    shown = {
        "replica": replica.replica,
        "base": replica.base,
        "base_fingerprint": replica.base_fingerprint,
        "state": replica.state,
        "error": replica.error,
        "retry_in_seconds": replica.retry_in,
        "pid": replica.pid,
        "restarts": replica.restarts,
        "device": replica.device,
        "blas": replica.blas,
        "load_seconds": replica.load_seconds,
        "queue": {"waiting": replica.waiting, "most": replica.max_waiting},
    }
    if held is None:
        return {**shown, "totals": msgspec.to_builtins(totals)}
    return {
        **shown,
        "batch": {
            "running": held.running,
            "waiting": held.waiting,
            "mean_rows": _ratio(held.rows_stepped, held.steps),
        },
        "slots": [
            {**msgspec.to_builtins(slot), "names": _names(slot.adapter, catalog)}
            for slot in held.slots
        ],
        "slots_total": held.slots_total,
        "adapters": {
            "resident": len(held.slots),
            "loads": held.adapter_loads,
            "evictions": held.adapter_evictions,
            "mean_load_seconds": _ratio(held.adapter_load_seconds, held.adapter_loads),
        },
        "prefix_cache": {
            "entries": held.prefix_entries,
            "bytes": held.prefix_bytes,
            "prompt_tokens": held.prompt_tokens,
            "cached_tokens": held.cached_tokens,
            "share_cached": _ratio(held.cached_tokens, held.prompt_tokens),
        },
        "memory": {
            "bytes": held.memory_bytes,
            "limit_bytes": replica.memory_limit,
            "kv_bytes": held.kv_bytes,
        },
        # Over all processes that this base's engine has had; the figures above are this one's.
        "totals": msgspec.to_builtins(totals),
    }


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _names(digest: str, catalog: Catalog) -> list[str]:
    """Everything that means an adapter now, the bare names first."""
    pinned = [version for version in catalog.versions.values() if version.digest == digest]
    bare = [found.name for found in pinned if catalog.current.get(found.name) == found.version]
    return [*bare, *(found.pinned for found in pinned)]


def _worker(job: Job) -> dict[str, Any]:
    return {
        "pid": job.pid,
        "host": job.host,
        "job": job.id,
        "adapter": job.request.adapter,
        "base": job.request.base,
        "started_at": job.started_at,
        "heartbeat_at": job.heartbeat_at,
    }


def _request(exchange: Exchange) -> dict[str, Any]:
    return {
        "id": exchange.id,
        "key": exchange.key,
        "model": exchange.model,
        "adapter": exchange.digest,
        "prompt_tokens": exchange.prompt_tokens,
        "completion_tokens": exchange.completion_tokens,
        "seconds": round(exchange.seconds, 3),
    }
