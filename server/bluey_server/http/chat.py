"""POST /v1/chat/completions."""

from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.types import ASGIApp

from bluey_server.http.chat_reply import ChatReply
from bluey_server.http.chat_request import parse_body, read_chat_request
from bluey_server.http.errors import ApiError
from bluey_server.http.exchange import exchange_of
from bluey_server.http.service import Service


@post("/v1/chat/completions", status_code=200)
async def create_chat_completion(
    request: Request[Any, Any, Any], service: NamedDependency[Service]
) -> ASGIApp:
    """Continue a conversation."""
    exchange_of(request.scope).generates = True
    if service.draining:
        raise ApiError(503, "The server is about to stop.", code="server_error", retry_after=5)
    return ChatReply(service, read_chat_request(parse_body(await request.body())))
