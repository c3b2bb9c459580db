"""The composition root: the whole HTTP application from its parts."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException

from bluey_server.http.access import Access
from bluey_server.http.background import background
from bluey_server.http.chat.endpoint import create_chat_completion
from bluey_server.http.completions.endpoint import create_completion
from bluey_server.http.errors import ApiError, as_api_error
from bluey_server.http.exchange import Exchange, exchange_of
from bluey_server.http.keys import Keys
from bluey_server.http.models import ModelsController
from bluey_server.http.monitoring.health import health, pointer, ready
from bluey_server.http.monitoring.metrics import Metrics, metrics
from bluey_server.http.monitoring.status import status
from bluey_server.http.openapi.operations import methods_of
from bluey_server.http.openapi.page import schema
from bluey_server.http.reports.endpoint import ReportsController
from bluey_server.http.responses.endpoint import count_input_tokens, create_response
from bluey_server.http.responses.stored import StoredResponsesController
from bluey_server.http.service import Service
from bluey_server.http.shell import Shell

log = logging.getLogger(__name__)

MAX_BODY = 64 * 2**20  # bytes
_THREADS = 32  # for what takes a while; large requests are few at a time (request/body.py)


def create_app(service: Service, access: Access) -> Litestar:
    """The application. It closes `service` when it is shut down."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        # The default has four more than there are cores: a few that take long would be all.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "worker"))
        try:
            async with background(service):
                yield
        finally:
            await service.close()

    figures = Metrics(service)
    app = Litestar(
        route_handlers=[
            create_chat_completion,
            create_completion,
            create_response,
            count_input_tokens,
            StoredResponsesController,
            ModelsController,
            ReportsController,
            status,
            metrics,
            schema,
            pointer,
            health,
            ready,
        ],
        dependencies={
            "service": Provide(lambda: service, sync_to_thread=False),
            "figures": Provide(lambda: figures, sync_to_thread=False),
        },
        exception_handlers={Exception: _answer_error},
        lifespan=[lifespan],
        request_max_body_size=MAX_BODY,
        openapi_config=None,
        logging_config=None,
        state=State({"service": service}),
    )
    # Litestar runs middleware for known URLs only; ids, access and logs are for all.
    keys = Keys(access, service.registry)
    app.asgi_handler = Shell(app.asgi_handler, access, keys, over=figures.observe)
    return app


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if isinstance(error, HTTPException):
        answer = _of_litestar(request, error)
    else:
        answer = as_api_error(error)
        if answer is not error and answer.status >= 500:
            log.error("request %s failed", exchange_of(request.scope).id, exc_info=error)
    return Response(
        answer.body(),
        status_code=answer.status,
        headers=answer.headers(),
        media_type="application/json",
    )


def _of_litestar(request: Request[Any, Any, Any], error: HTTPException) -> ApiError:
    exchange = exchange_of(request.scope)
    match error.status_code:
        case 404:
            hint = ": embeddings are not made here." if _asks_for_embeddings(exchange) else ""
            return ApiError(404, f"Invalid URL ({exchange.method} {exchange.path}){hint}")
        case 405:
            return ApiError(
                405,
                f"Not allowed to {exchange.method} on {exchange.path}.",
                code="method_not_supported",
                allow=methods_of(exchange.path),
            )
        case 413:
            return ApiError(
                413,
                f"The request's body is larger than {MAX_BODY // 2**20} MB.",
                code="request_too_large",
            )
        case status_code:
            return ApiError(status_code, error.detail)


def _asks_for_embeddings(exchange: Exchange) -> bool:
    return exchange.path.rstrip("/").endswith("/embeddings")
