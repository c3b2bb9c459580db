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
    shown: dict[str, Any] = msgspec.to_builtins(replica)
    held = shown.pop("engine") or {}
    for slot in held.get("slots", []):
        slot["names"] = _names(slot["adapter"], catalog)
    return {**shown, **held}


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
        "model": exchange.model,
        "adapter": exchange.digest,
        "prompt_tokens": exchange.prompt_tokens,
        "completion_tokens": exchange.completion_tokens,
        "seconds": round(exchange.seconds, 3),
    }
