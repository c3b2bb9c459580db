"""The engine's end of the socketpair: a thread that reads, a thread that writes.

The thread that owns MLX never touches the socket: a peer that reads slowly must not stop a step.
End-of-file means that the HTTP process is gone, and then this one ends as well.
"""

import contextlib
import os
import queue
import socket
import threading
import time
from collections.abc import Callable

from bluey_server.messages import Alive, EngineStatus, FromEngine, Shutdown, ToEngine
from bluey_server.wire import LENGTH_BYTES, body_length, frame, read_to_engine

ALIVE_EVERY = 1.0  # seconds
_GRACE = 5.0  # seconds that a step may still take once the parent is gone


class EngineLink:
    """Messages in by `deliver`, messages out by `send`."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        deliver: Callable[[ToEngine], None],
        status: Callable[[], EngineStatus | None],
    ) -> None:
        """`status` is called on the writing thread, for the Alive that is said every second."""
        self._connection = connection
        self._deliver = deliver
        self._status = status
        self._outbox: queue.SimpleQueue[FromEngine | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="link-writer", daemon=True)
        self._writer.start()
        threading.Thread(target=self._read, name="link-reader", daemon=True).start()

    def send(self, message: FromEngine) -> None:
        """Send a message, from any thread, without waiting."""
        self._outbox.put(message)

    def close(self) -> None:
        """Send what is waiting to be sent, and hang up."""
        self._outbox.put(None)
        self._writer.join(timeout=_GRACE)

    def _read(self) -> None:
        try:
            with self._connection.makefile("rb") as stream:
                while len(head := stream.read(LENGTH_BYTES)) == LENGTH_BYTES:
                    self._deliver(read_to_engine(stream.read(body_length(head))))
        except OSError:
            pass  # a reset says what end-of-file says
        # The parent is gone: nobody is left to serve. A step may be running; give it a moment.
        threading.Timer(_GRACE, lambda: os._exit(0)).start()
        self._deliver(Shutdown())

    def _write(self) -> None:
        due = time.monotonic() + ALIVE_EVERY
        try:
            while True:
                with contextlib.suppress(queue.Empty):
                    message = self._outbox.get(timeout=max(due - time.monotonic(), 0))
                    if message is None:
                        self._connection.shutdown(socket.SHUT_RDWR)
                        return
                    self._connection.sendall(frame(message))
                if time.monotonic() >= due:
                    due = time.monotonic() + ALIVE_EVERY
                    status = self._status()
                    if status is not None:
                        self._connection.sendall(frame(Alive(status)))
        except OSError:
            return  # the reader sees it too, and ends the process
