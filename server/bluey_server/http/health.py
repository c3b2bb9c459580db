"""/, /health, /ready: for people and for whoever watches the server."""

from litestar import Response, get
from litestar.di import NamedDependency

from bluey_server.http.service import Service
from bluey_server.http.version import version


@get("/")
async def pointer() -> dict[str, str]:
    """Where things are."""
    return {
        "name": "bluey",
        "version": version(),
        "openai_base_url": "/v1",
        "models": "/v1/models",
        "status": "/admin/status",
        "metrics": "/metrics",
        "reports": "/admin/reports",
    }


@get("/health")
async def health() -> dict[str, str]:
    """The process runs; that is all."""
    return {"status": "ok"}


@get("/ready")
async def ready(service: NamedDependency[Service]) -> Response[dict[str, object]]:
    """Whether requests should be sent here, and if not, why."""
    reasons = service.not_ready()
    return Response({"ready": not reasons, "reasons": reasons}, status_code=503 if reasons else 200)
