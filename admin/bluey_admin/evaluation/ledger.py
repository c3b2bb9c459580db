"""What a comparison has been told so far, on disk as it comes, so that nothing is asked twice."""

import os
import threading
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from bluey_adapters.closing import Closing

Entry = TypeVar("Entry", bound=msgspec.Struct)


class Ledger(Closing, Generic[Entry]):
    """A file of JSON lines that only grows. Threads may share it; use it as a context manager."""

    def __init__(self, path: Path, kind: type[Entry]) -> None:
        """Read what is there; a last line that a kill cut short is dropped."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._encode = msgspec.json.Encoder().encode
        kept = _whole_lines(path)
        self.entries = _decoded(kept, kind)
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


def read_entries(path: Path, kind: type[Entry]) -> list[Entry]:
    """What a ledger holds, oldest first; nothing where there is none."""
    return _decoded(_whole_lines(path), kind)


def _whole_lines(path: Path) -> bytes:
    content = path.read_bytes() if path.is_file() else b""
    return content[: content.rfind(b"\n") + 1]


def _decoded(lines: bytes, kind: type[Entry]) -> list[Entry]:
    return [msgspec.json.decode(line, type=kind) for line in lines.splitlines()]
