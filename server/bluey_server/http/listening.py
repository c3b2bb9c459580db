"""The listening socket: bound before anything else is touched, so that a port in use costs
nothing."""

import contextlib
import errno
import socket

from bluey_adapters.errors import SettingsError

BACKLOG = 2048


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to an address; port 0 takes a free one.

    Raises SettingsError saying who has the port, or what is wrong with the host.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"there is no host {host!r} to listen on: {error}") from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        # Now, not when all is loaded: a second server must fail here rather than later.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(_why(host, port, error)) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Where clients on this machine find the server."""
    host, port = listener.getsockname()[:2]
    loopback = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return f"http://{loopback.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use{_by_whom(port)}; stop that, or choose another with "
            "--port (--port 0 takes a free one)"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges that this user lacks; choose one above 1023"
    return f"{host}, port {port}, can't be listened on: {error.strerror}"


def _by_whom(port: int) -> str:
    import psutil

    # Other users' sockets may be hidden from us; then the port alone has to do.
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" by process {connection.pid} ({name})"
    return ""
