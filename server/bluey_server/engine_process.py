"""One engine process, seen from the HTTP process: started, talked to, ended, found dead.

The link is a socketpair that the child inherits: no path, no permissions, nothing stale, and
end-of-file means that the other side is gone.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bluey_server.engine_watch import Activity
from bluey_server.messages import FromEngine, Shutdown, ToEngine
from bluey_server.wire import LENGTH_BYTES, body_length, frame, read_from_engine

_SHUTDOWN_GRACE = 5.0  # seconds


@dataclass(frozen=True)
class EngineSpec:
    """All that an engine process is told when it starts."""

    base: str  # the base's name, for people
    fingerprint: str
    folder: Path
    store: Path
    cache: Path
    slots: int
    memory: int  # bytes
    log_level: str
    log_format: str

    def command(self, descriptor: int) -> list[str]:
        """The command line of an engine whose end of the link is `descriptor`."""
        options = {
            "fd": descriptor,
            "model": self.folder,
            "fingerprint": self.fingerprint,
            "store": self.store,
            "cache": self.cache,
            "slots": self.slots,
            "memory": self.memory,
            "log-level": self.log_level,
            "log-format": self.log_format,
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        # -P: a random.py in the folder of whoever started us must not stand in for the library's.
        return [sys.executable, "-P", "-m", "bluey_server.engine", *flags]


class EngineProcess:
    """A started engine process. It is never started again; its replica starts another."""

    def __init__(self, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._writer = writer
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        spec: EngineSpec,
        *,
        receive: Callable[[FromEngine], None],
        gone: Callable[[str], None],
    ) -> "EngineProcess":
        """Start a process. `receive` gets each of its messages; `gone` is called once, with what
        became of it, when it has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *spec.command(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),  # nothing but logs may come from there
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        engine = cls(process, writer)
        engine._reading = asyncio.create_task(engine._read(reader, receive, gone))
        return engine

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, message: ToEngine) -> None:
        """Send a message. Idle when the process is gone; `gone` tells."""
        if not self._writer.is_closing():
            self._writer.write(frame(message))

    def activity(self) -> Activity | None:
        """What it looks like from outside; None when it can't be seen (any more)."""
        try:
            with (process := psutil.Process(self.pid)).oneshot():
                times = process.cpu_times()
                # Of the main thread, which does the work; macOS doesn't tell.
                waits = process.status() in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
                return Activity(times.user + times.system, waits and psutil.LINUX)
        except psutil.Error:
            return None

    def kill(self) -> None:
        """End it without asking."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """Ask it to end, and make it."""
        self.send(Shutdown())
        try:
            await asyncio.wait_for(self._process.wait(), _SHUTDOWN_GRACE)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(
        self,
        reader: asyncio.StreamReader,
        receive: Callable[[FromEngine], None],
        gone: Callable[[str], None],
    ) -> None:
        try:
            while True:
                head = await reader.readexactly(LENGTH_BYTES)
                receive(read_from_engine(await reader.readexactly(body_length(head))))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writer.close()
        # The link ends a moment before the process; one that lingers without a link is no use.
        try:
            code = await asyncio.wait_for(self._process.wait(), _SHUTDOWN_GRACE)
        except TimeoutError:
            self.kill()
            code = await self._process.wait()
        gone(_describe(code))


def _describe(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
