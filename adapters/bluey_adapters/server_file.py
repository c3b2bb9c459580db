"""BLUEY_HOME/run/server.json: where the CLI finds the running server, whatever its port."""

import contextlib
import os
import urllib.request

import msgspec

from bluey_adapters.files import write_atomically
from bluey_adapters.home import Home


class ServerFile(msgspec.Struct, frozen=True):
    """What the file holds."""

    url: str
    pid: int
    version: str = ""


def write_server_file(home: Home, entry: ServerFile) -> None:
    """Tell where this server listens."""
    home.server_file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(home.server_file, msgspec.json.encode(entry))


def remove_server_file(home: Home) -> None:
    """Take it back, unless the file is another server's by now."""
    entry = read_server_file(home)
    if entry is not None and entry.pid == os.getpid():
        home.server_file.unlink(missing_ok=True)


def find_running_server(home: Home) -> ServerFile | None:
    """The server of this home, if its process lives and it answers."""
    entry = read_server_file(home)
    if entry is None or not _alive(entry.pid):
        return None
    # Straight to it: a proxy from the environment knows nothing of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{entry.url}/health", timeout=2) as answer:
            return entry if answer.status == 200 else None
    except (OSError, ValueError):
        return None


def read_server_file(home: Home) -> ServerFile | None:
    """What the file says. It proves nothing: a server that was killed leaves it behind."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(home.server_file.read_bytes(), type=ServerFile)
    return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return pid > 0
