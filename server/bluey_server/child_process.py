"""A child process and the link to it: started, talked to, ended, found dead.

The link is a socketpair that the child inherits: no path, no permissions, nothing stale, and
end-of-file means that the other side is gone.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Self, TypeVar

import msgspec
import psutil

from bluey_server.child_watch import Activity
from bluey_server.wire import LENGTH_BYTES, body_length, frame

_GRACE = 5.0  # seconds that a child has to end once its link has ended

Said = TypeVar("Said")


def python_module(module: str, options: Mapping[str, object]) -> list[str]:
    """The command line that runs a module of ours with these options."""
    flags = [f"--{name}={value}" for name, value in options.items()]
    # -P: a random.py in the folder of whoever started us must not stand in for the library's.
    return [sys.executable, "-P", "-m", module, *flags]


class ChildProcess(Generic[Said]):
    """A started process that says messages of type Said. It is never started again."""

    def __init__(self, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._writer = writer
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def launch(
        cls,
        command: Callable[[int], Sequence[str]],
        *,
        read: Callable[[bytes], Said],
        receive: Callable[[Said], None],
        gone: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start a process by the command line for a descriptor, the child's end of the link.
        `receive` gets each of its messages as `read` makes it of bytes; `gone` is called once, with
        what became of the process, when it has ended. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),  # nothing but logs may come from there
                env=environment,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        child = cls(process, writer)
        child._reading = asyncio.create_task(child._read(reader, read, receive, gone))
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, message: msgspec.Struct) -> None:
        """Send a message. No-op when the process is gone; `gone` tells."""
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
        """Let it see the end of its link, and make it end."""
        self._writer.close()
        await self._ended()

    async def _ended(self) -> None:
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(
        self,
        reader: asyncio.StreamReader,
        read: Callable[[bytes], Said],
        receive: Callable[[Said], None],
        gone: Callable[[str], None],
    ) -> None:
        try:
            while True:
                head = await reader.readexactly(LENGTH_BYTES)
                receive(read(await reader.readexactly(body_length(head))))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writer.close()
        # The link ends a moment before the process; one that lingers without a link is no use.
        try:
            code = await asyncio.wait_for(self._process.wait(), _GRACE)
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
