"""GET /schema: the document, for programs; nothing in it needs a key."""

from typing import Any

from litestar import get

from bluey_server.http.openapi.document import document


@get("/schema")
async def schema() -> dict[str, Any]:
    """What is served, as OpenAPI 3.1."""
    return document()
