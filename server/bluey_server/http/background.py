"""What the server does by itself: preload, notice what others have changed, bury the dead, forget
what was kept for long enough."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bluey_adapters.catalog import AdapterVersion, Catalog
from bluey_data.errors import BlueyError
from bluey_server.engine_protocol import EngineProtocol
from bluey_server.http.errors import ApiError
from bluey_server.http.service import Service

log = logging.getLogger(__name__)


@asynccontextmanager
async def background(service: Service) -> AsyncIterator[None]:
    """Run it all as long as the server runs."""
    known = [await service.names.catalog()]

    async def watch() -> None:
        catalog = await service.names.catalog()
        if catalog is not known[0]:
            before, known[0] = known[0], catalog
            await tell_engines(service.engine, before, catalog)

    async def bury() -> None:
        for job in await service.registry.call(lambda registry: registry.jobs.bury_dead()):
            log.warning("the job %s has failed: %s", job.id, job.error)

    async def sweep() -> None:
        swept = await service.registry.call(lambda registry: registry.responses.sweep())
        if swept:
            log.info("%d responses have expired", swept)

    service.preloads.update(dict.fromkeys(service.preload, "loading"))
    tasks = [
        asyncio.create_task(_every(service.timings.watch, watch)),
        asyncio.create_task(_every(service.timings.bury, bury)),
        asyncio.create_task(_every(service.timings.sweep, sweep)),
        *(asyncio.create_task(preload(service, name)) for name in service.preload),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def preload(service: Service, name: str) -> None:
    """Start the engine that `name` needs, load its tokenizer and its adapter; note how that
    went."""
    try:
        model = await service.names.resolve(name)
        await asyncio.gather(
            service.engine.preload(model.base), service.tokenizers.preload(model.base)
        )
        found = [
            replica
            for replica in service.engine.status()
            if replica.base_fingerprint == model.base.fingerprint
        ]
        if not any(replica.state == "ready" for replica in found):
            reason = next((replica.error for replica in found if replica.error), "it did not start")
            service.preloads[name] = f"failed: {reason}"
            return
        if model.digest is not None:
            await service.engine.prefetch(model.base.fingerprint, model.digest)
        service.preloads[name] = "ready"
    except (ApiError, BlueyError) as error:
        service.preloads[name] = f"failed: {error}"
    finally:
        log.info("preload of %s: %s", name, service.preloads[name])


async def tell_engines(engine: EngineProtocol, before: Catalog, now: Catalog) -> None:
    """Let running engines load what a bare name has newly come to mean, and forget what no name
    means any more."""
    running = {status.base_fingerprint for status in engine.status() if status.state == "ready"}
    for name, version in now.current.items():
        if before.current.get(name) != version:
            adapter = now.versions[name, version]
            log.info("%s now means %s", name, adapter.pinned)
            if adapter.base_fingerprint in running:
                await engine.prefetch(adapter.base_fingerprint, adapter.digest)
    for base_fingerprint, digest in _stored(before) - _stored(now):
        await engine.drop(base_fingerprint, digest)


def _stored(catalog: Catalog) -> set[tuple[str, str]]:
    versions: list[AdapterVersion] = list(catalog.versions.values())
    return {(version.base_fingerprint, version.digest) for version in versions}


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
        except Exception:
            # A locked database, say: the next time will tell. The loop itself must not end.
            log.exception("a periodic task failed")
