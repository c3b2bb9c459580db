"""What surrounds every request, known URL or not: its id, who may ask, CORS, its log line."""

from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPResponseStartEvent

from bluey_server.http.access import Access
from bluey_server.http.errors import ApiError
from bluey_server.http.exchange import Exchange
from bluey_server.http.keys import Keys, is_admin
from bluey_server.http.openapi.operations import methods_of

_METHODS = "GET, POST, DELETE, OPTIONS"
_EXPOSED = "x-request-id, retry-after, retry-after-ms, x-should-retry, x-bluey-ignored"

# Also where a browser doesn't say for which page it asks, as on plain HTTP beyond this machine.
_ADMIN_HEADERS = {"cross-origin-resource-policy": "same-origin", "x-frame-options": "DENY"}


class Shell:
    """Wraps the application."""

    def __init__(
        self, app: ASGIApp, access: Access, keys: Keys, *, over: Callable[[Exchange], None]
    ) -> None:
        """`over` is told of each exchange when it is."""
        self._app = app
        self._access = access
        self._keys = keys
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        await self._http(scope, receive, send)

    async def _http(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        exchange = Exchange(scope["method"], scope["path"])
        exchange.attach(scope)
        cors = _cors_headers(headers) if self._reflects(headers) else {}

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                _dress(message, exchange, cors)
            await send(message)

        try:
            await self._serve(scope, receive, dressed, headers, exchange)
        finally:
            exchange.write_log()
            self._over(exchange)

    async def _serve(
        self,
        scope: HTTPScope,
        receive: Receive,
        send: Send,
        headers: dict[str, str],
        exchange: Exchange,
    ) -> None:
        path = "/" + scope["path"].strip("/")
        server = scope["server"]
        refusal = self._access.refuse_place(path, headers, server[0] if server else None)
        if refusal is None and scope["method"] == "OPTIONS":
            # Before the key is asked for: browsers send none with a preflight.
            await _send(send, 204, {"allow": ", ".join(methods_of(path))})
            return
        refusal = refusal or await self._keys.refuse(exchange, path, headers)
        if refusal is not None:
            await send_error(send, refusal)
            return
        if scope["method"] == "HEAD":
            # The server beneath us leaves the body out by its own copy of the method.
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)

    def _reflects(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin")
        return origin is not None and self._access.allows_origin(origin, headers.get("host"))


async def send_error(send: Send, error: ApiError) -> None:
    """Answer with an error's envelope."""
    body = error.body()
    headers = {"content-type": "application/json", **error.headers()}
    await _send(send, error.status, headers, body)


async def _send(send: Send, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    if status != 204:
        headers = {**headers, "content-length": str(len(body))}
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _cors_headers(headers: dict[str, str]) -> dict[str, str]:
    cors = {
        "access-control-allow-origin": headers["origin"],
        "access-control-expose-headers": _EXPOSED,
        "vary": "origin",
    }
    if "access-control-request-method" in headers:
        cors["access-control-allow-methods"] = _METHODS
        cors["access-control-max-age"] = "600"
        # Clients send headers of their own (x-stainless-…): whatever is asked for is allowed.
        if "access-control-request-headers" in headers:
            cors["access-control-allow-headers"] = headers["access-control-request-headers"]
        if headers.get("access-control-request-private-network") == "true":
            cors["access-control-allow-private-network"] = "true"
    return cors


def _dress(message: HTTPResponseStartEvent, exchange: Exchange, cors: dict[str, str]) -> None:
    extra = {"x-request-id": exchange.id, **cors}
    if is_admin(exchange.path):
        extra |= _ADMIN_HEADERS
    ignored = exchange.ignored_header()
    if ignored is not None:
        extra["x-bluey-ignored"] = ignored
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in extra.items()]
    message["headers"] = [*message.get("headers", []), *encoded]
