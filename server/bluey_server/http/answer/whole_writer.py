"""The writing end of an answer in one piece.

Node's fetch gives up when no headers have come for 300 seconds, or nothing of a body for as long;
so after a long while the headers go out, and then blanks, which JSON allows before its value. A
failure after that can have no status: the connection is cut within the body, which no client takes
for an answer.
"""

import time

import msgspec
from litestar.types import Send

from bluey_server.http.answer.off_loop import off_loop

_BLANK = b" "


class WholeWriter:
    """Sends one JSON value, and blanks before it when it takes long."""

    def __init__(self, send: Send, patience: float) -> None:
        """`patience` is in seconds: no client waits longer for a byte."""
        self._send = send
        self._patience = patience
        self._last = time.monotonic()
        self.opened = False

    async def wait(self) -> None:
        """Say that it goes on, if nothing was said for long."""
        if time.monotonic() - self._last < self._patience:
            return
        if not self.opened:
            await self._open()
        await self._send({"type": "http.response.body", "body": _BLANK, "more_body": True})
        self._last = time.monotonic()

    async def done(self, payload: msgspec.Struct, *, much: bool) -> None:
        """Send the value. If it is `much`, it is encoded in a thread."""
        body = await off_loop(lambda: msgspec.json.encode(payload), much=much)
        if not self.opened:
            await self._open((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _open(self, *more: tuple[bytes, bytes]) -> None:
        headers = [(b"content-type", b"application/json"), *more]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        self.opened = True
