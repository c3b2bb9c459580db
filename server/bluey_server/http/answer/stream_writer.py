"""The writing end of one event stream."""

import time
from collections.abc import Iterable

import msgspec
from litestar.types import Send

from bluey_server.http.answer import sse
from bluey_server.http.answer.off_loop import off_loop


class StreamWriter:
    """Sends events; knows whether anything was sent, and how long ago."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last = time.monotonic()
        self.opened = False

    @property
    def quiet_for(self) -> float:
        """Seconds since the last byte, or since there could have been one."""
        return time.monotonic() - self._last

    async def open(self, *first: msgspec.Struct, much: bool = False) -> None:
        """Send the headers and the first events, if there are any; `much` as for `write`. From now
        on a failure is an event, not a status."""
        headers = [(key.encode(), value.encode()) for key, value in sse.HEADERS.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        self.opened = True
        await self.write(*first, much=much)

    async def write(self, *payloads: msgspec.Struct, much: bool = False) -> None:
        """Send events, in one piece. If they are `much`, they are encoded in a thread."""
        await self._bytes(await off_loop(lambda: _joined(payloads), much=much))

    async def keep_alive(self, *payloads: msgspec.Struct) -> None:
        """Send events that say nothing new; without any, a comment."""
        await (self.write(*payloads) if payloads else self._bytes(sse.KEEPALIVE))

    async def done(self, *payloads: msgspec.Struct, mark: bytes, much: bool = False) -> None:
        """Send the last events and the mark that all is well; `much` as for `write`."""
        joined = await off_loop(lambda: _joined(payloads) + mark, much=much)
        await self._bytes(joined, more=False)

    async def fail(self, payload: msgspec.Struct) -> None:
        """Send an error and end without what ends a stream well: to every client that is a
        failure."""
        await self._bytes(sse.json_event(payload), more=False)

    async def _bytes(self, body: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
        self._last = time.monotonic()


def _joined(payloads: Iterable[msgspec.Struct]) -> bytes:
    return b"".join(sse.json_event(payload) for payload in payloads)
