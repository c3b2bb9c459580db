"""One engine process, seen from the HTTP process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bluey_server.child_process import ChildProcess, python_module
from bluey_server.messages import FromEngine, Shutdown
from bluey_server.wire import read_from_engine


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
        return python_module("bluey_server.engine", options)


class EngineProcess(ChildProcess[FromEngine]):
    """A started engine process. Its replica starts another when it is gone."""

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
        return await cls.launch(spec.command, read=read_from_engine, receive=receive, gone=gone)

    async def stop(self) -> None:
        """Ask it to end, and make it."""
        self.send(Shutdown())
        await self._ended()
