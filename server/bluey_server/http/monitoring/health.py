"""/, /health, /ready: for people and for whoever watches the server."""

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from bluey_server.http.service import Service
from bluey_server.http.version import version


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Where things are."""

    name: str = "bluey"
    version: str
    openai_base_url: str = "/v1"
    models: str = "/v1/models"
    schema: str = "/schema"
    status: str = "/admin/status"
    metrics: str = "/metrics"
    reports: str = "/admin/reports"


class Health(msgspec.Struct, frozen=True):
    """The process runs; that is all."""

    status: str = "ok"


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests should be sent here, and if not, why."""

    ready: bool
    reasons: list[str]


@get("/")
async def pointer() -> Pointer:
    """Where things are."""
    return Pointer(version=version())


@get("/health")
async def health() -> Health:
    """The process runs; that is all."""
    return Health()


@get("/ready")
async def ready(service: NamedDependency[Service]) -> Response[Readiness]:
    """Whether requests should be sent here, and if not, why."""
    reasons = service.not_ready()
    return Response(Readiness(not reasons, reasons), status_code=503 if reasons else 200)
