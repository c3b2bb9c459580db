"""The server of a home: the one that runs, or one for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bluey_adapters.admin_key import find_admin_key
from bluey_adapters.home import Home
from bluey_adapters.server_file import find_running_server
from bluey_admin.server_process import ServerProcess
from bluey_admin.terminal import say


class Server(NamedTuple):
    """Where a server is, and what opens it."""

    url: str  # without `/v1`
    key: str | None


@contextmanager
def server_of(home: Home, api_key: str | None, *, meanwhile: str) -> Iterator[Server]:
    """The server, and the key to show it: the one given, or else the home's admin key, which opens
    everything. `meanwhile` names what it is started for, if it must be.

    Raises Failure when it can't be started.
    """
    found = find_running_server(home)
    if found is not None:
        yield Server(found.url, api_key or find_admin_key(home))
        return
    say(f"no server is running: starting one for {meanwhile}")
    server = ServerProcess(home, ["--port", "0", "--log-level", "warning"], api_key)
    try:
        url = server.wait_until_up().url
        yield Server(url, api_key or find_admin_key(home))
    finally:
        server.stop()
