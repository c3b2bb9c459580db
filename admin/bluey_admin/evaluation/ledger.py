"""What a comparison has been told so far, on disk as it comes, so that nothing is asked twice."""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

Entry = TypeVar("Entry", bound=msgspec.Struct)


class Ledger(Generic[Entry]):
    """A file of JSON lines that only grows. Threads may share it; use it as a context manager."""

    def __init__(self, path: Path, kind: type[Entry]) -> None:
        """Read what is there; a last line that a kill cut short is dropped."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._encode = msgspec.json.Encoder().encode
        whole = path.read_bytes() if path.is_file() else b""
        kept = whole[: whole.rfind(b"\n") + 1]
        self.entries: list[Entry] = [
            msgspec.json.decode(line, type=kind) for line in kept.splitlines()
        ]
        self._file = path.open("ab")
        self._file.truncate(len(kept))

    def add(self, entry: Entry) -> None:
        """Write an entry down; it is on its way to the disk when this returns."""
        with self._lock:
            self.entries.append(entry)
            self._file.write(self._encode(entry) + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Make sure of it all, and close."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
