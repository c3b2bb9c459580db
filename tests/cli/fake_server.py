"""A server that says what it is told to, for testing who talks with it."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bluey_adapters.home import Home


class FakeServer(ThreadingHTTPServer):
    """Knows the models in `models`; answers chats with the next item of `script`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models = {"it", "bluey-it"}
        self.script: list[list[str | dict[str, Any]]] = []
        """For each answer its pieces: text, an object to send as it is, or "" to break off."""
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextlib.contextmanager
    def serving(self, home: Home) -> Iterator["FakeServer"]:
        """Serve as the server of `home`."""
        home.make()
        home.server_file.write_text(json.dumps({"url": self.url, "pid": os.getpid()}))
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def do_GET(self) -> None:
        name = self.path.removeprefix("/v1/models/")
        known = self.path == "/health" or name in self.server.models
        self._send(
            {} if known else _error(f"The model `{name}` does not exist"), 200 if known else 404
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(body)
        self.server.keys.add(self.headers["authorization"])
        pieces = self.server.script.pop(0)
        if pieces and isinstance(pieces[0], dict):
            self._send(pieces[0], 400)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for piece in pieces:
            if piece == "":
                return
            event = (
                piece if isinstance(piece, dict) else {"choices": [{"delta": {"content": piece}}]}
            )
            self.wfile.write(f": a comment\n\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, body: dict[str, Any], status: int) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "x", "param": None, "code": None}}
