"""The server of a home: the one that runs, or one for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from bluey_adapters.home import Home
from bluey_adapters.server_file import find_running_server
from bluey_admin.server_process import ServerProcess
from bluey_admin.terminal import say


@contextmanager
def server_of(home: Home, api_key: str | None, *, meanwhile: str) -> Iterator[str]:
    """Its URL, without `/v1`. `meanwhile` names what it is started for, if it must be.

    Raises Failure when it can't be started.
    """
    found = find_running_server(home)
    if found is not None:
        yield found.url
        return
    say(f"no server is running: starting one for {meanwhile}")
    server = ServerProcess(home, ["--port", "0", "--log-level", "warning"], api_key)
    try:
        yield server.wait_until_up().url
    finally:
        server.stop()
