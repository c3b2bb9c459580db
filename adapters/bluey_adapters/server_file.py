"""BLUEY_HOME/run: where the CLI finds the running server, whatever its port, and the lock by which
there is only one."""

import contextlib
import logging
import os
import time
import urllib.request
from collections.abc import Iterator

import msgspec
from filelock import FileLock, Timeout

from bluey_adapters.errors import HomeError
from bluey_adapters.files import write_atomically
from bluey_adapters.home import Home

log = logging.getLogger(__name__)

_PATIENCE = 15.0  # seconds: another server is starting, or lets its streams end
_PAUSE = 0.2


class ServerFile(msgspec.Struct, frozen=True):
    """What the file holds."""

    url: str
    pid: int
    version: str = ""


@contextlib.contextmanager
def only_server(home: Home, patience: float = _PATIENCE) -> Iterator[None]:
    """Be the one server of a home for the length of the block, or as long as this process lives.

    A server that is starting or ending is waited for, for `patience` seconds. Raises HomeError,
    saying where the other one is.
    """
    lock = FileLock(home.make().server_lock, thread_local=False)
    until = time.monotonic() + patience
    while not _locked(lock):
        refuse_second(home)
        if time.monotonic() > until:
            raise HomeError(
                f"another server of the home {home.root} is starting or ending; try again when "
                "it has, or point BLUEY_HOME at another folder"
            )
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        lock.release()


def refuse_second(home: Home) -> None:
    """Raise HomeError if a server of this home answers already."""
    running = find_running_server(home)
    if running is not None:
        raise HomeError(
            f"a server of the home {home.root} is running already, at {running.url} "
            f"(process {running.pid}); stop it, or point BLUEY_HOME at another folder"
        )


def _locked(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except (OSError, NotImplementedError) as error:
        # Some network file systems know no locks. Better two servers there than none.
        log.warning("%s can't be locked (%s): see to it that only one server runs", lock, error)
    return True


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
