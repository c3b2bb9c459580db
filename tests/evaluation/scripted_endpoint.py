"""An OpenAI-compatible endpoint whose answer to each request a function gives."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request as it came; `number` counts from 0."""

    number: int
    body: dict[str, Any]
    key: str | None  # the authorization header

    @property
    def prompt(self) -> str:
        """What the last message says."""
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Response:
    """What goes back: bytes as they are, anything else as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Callable[[Request], Response | None]
"""What is said to a request; None hangs up without a word."""


def says(text: str | None, finish_reason: str = "stop", refusal: str | None = None) -> Response:
    """A whole completion."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return Response(body={"choices": [{"message": message, "finish_reason": finish_reason}]})


def fails(status: int, message: str, code: str | None = None, **headers: str) -> Response:
    """An error in OpenAI's form; `retry_after="3"` becomes the header `retry-after`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"error": {"message": message, "code": code}}, sent)


class ScriptedEndpoint(ThreadingHTTPServer):
    """Listens as soon as it is made; `requests` holds all that came, in that order."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def take(self, body: dict[str, Any], key: str | None) -> Request:
        """Note down a request."""
        with self._lock:
            self.requests.append(Request(len(self.requests), body, key))
            return self.requests[-1]


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedEndpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        request = self.server.take(body, self.headers["authorization"])
        known = self.path == "/v1/chat/completions"
        said = self.server.behaviour(request) if known else fails(404, f"no {self.path}")
        if said is None:
            return
        content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        self.send_response(said.status)
        for name, value in {"content-length": str(len(content)), **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def scripted(behaviour: Behaviour) -> Iterator[ScriptedEndpoint]:
    """An endpoint for as long as the block lasts."""
    with ScriptedEndpoint(behaviour) as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.shutdown()
            thread.join()


def dead_url() -> str:
    """The address of an endpoint that is there no more."""
    with ScriptedEndpoint(lambda _: None) as endpoint:
        return endpoint.url
