"""Running the application: uvicorn, its signals, and the way it ends.

The first SIGTERM or SIGINT drains: no new connections, streams get their time, then the engines
are closed, which ends what is left with a proper error. The second one ends it at once.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from litestar import Litestar

from bluey_server.http.service import Service

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_HASTE = 2.0  # seconds for the engines to end, when told to end at once
_GRACE = 3.0  # seconds for failed streams to be written out, after the engines are closed


class Serving(uvicorn.Server):
    """One server from start to end."""

    def __init__(
        self, app: Litestar, service: Service, on_listening: Callable[[], None] = lambda: None
    ) -> None:
        """`on_listening` is called once requests are answered."""
        drain = service.timings.drain
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                # Longer than clients keep idle connections: whoever closes first should be they.
                timeout_keep_alive=75,
                timeout_graceful_shutdown=int(drain + _GRACE) + 1,
            )
        )
        self._service = service
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        await super().startup(sockets)
        if self.started:
            self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is in flight end."""
        self._service.draining = True
        hurrying = asyncio.create_task(self._hurry())
        try:
            await super().shutdown(sockets)
        finally:
            hurrying.cancel()
            if self.force_exit:  # uvicorn then leaves the application's own end out
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_HASTE):
                        await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on signals. Unlike uvicorn's own, this doesn't raise them again at the end: the
        caller has things to put away, and a drained server has ended well."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Drain; the second time, end at once."""
        if self.should_exit:
            self.force_exit = True
            return
        self._service.draining = True
        self.should_exit = True
        log.info("draining: %d requests in flight", len(self._service.in_flight))

    async def _hurry(self) -> None:
        await asyncio.sleep(self._service.timings.drain)
        log.warning("%d requests in flight are cut off", len(self._service.in_flight))
        await self._service.engine.close()
