"""Who may ask: the host that is named, the page that asks; keys.py sees to the key.

A web page anywhere can make a browser send requests to this machine, and by DNS rebinding even
read the answers. So the Host header must be a name of ours and the Origin, where there is one,
a page of this machine's, unless flags say otherwise.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from bluey_server.http.errors import ApiError

OPEN_PATHS = frozenset({"/", "/health", "/ready", "/schema"})
"""They tell nothing that would need a key or a name."""


@dataclass(frozen=True)
class Access:
    """What is let in. `*` among hosts or origins lets in all."""

    api_key: str | None = None  # the settings' own; the registry may have more
    admin_key: str | None = None  # None: nobody is let into /admin
    key_required: bool = False  # even when there is no key that could be shown
    hosts: frozenset[str] = frozenset()  # beside the loopback names and host.docker.internal
    origins: frozenset[str] = frozenset()  # beside pages from loopback addresses

    @classmethod
    def of(
        cls,
        *,
        api_key: str | None,
        bound: str,
        hosts: Iterable[str],
        origins: Iterable[str],
        admin_key: str | None = None,
        insecure: bool = False,
    ) -> "Access":
        """Access by the command line's flags; `bound` is the address that is listened on."""
        return cls(
            api_key,
            admin_key,
            # What others can reach must not stand open when its last named key is removed.
            not (insecure or is_loopback(bound)),
            frozenset(_bare(host) for host in (*hosts, bound)),
            frozenset(origin.rstrip("/").lower() for origin in origins),
        )

    def allows_host(self, host: str | None, own_address: str | None) -> bool:
        """Whether a Host header is a name of this server's. A client without one is no browser,
        and the address that a connection came in at is no name that somebody could rebind."""
        if host is None or "*" in self.hosts:
            return True
        name = _bare(host)
        return (
            is_loopback(name)
            or name in self.hosts
            or name == "host.docker.internal"
            or name == own_address
        )

    def allows_origin(self, origin: str, host: str | None) -> bool:
        """Whether a page may ask: one of this machine's, one of the server's own, or one listed."""
        if "*" in self.origins or origin.lower() in self.origins:
            return True
        try:
            parts = urlsplit(origin)
            name = parts.hostname
        except ValueError:
            return False
        return name is not None and (is_loopback(name) or parts.netloc.lower() == host)

    def refuse_place(
        self, path: str, headers: dict[str, str], own_address: str | None
    ) -> ApiError | None:
        """Why a request isn't answered, if it isn't. `headers` have lower-case names."""
        host, origin = headers.get("host"), headers.get("origin")
        if path not in OPEN_PATHS and not self.allows_host(host, own_address):
            return ApiError(
                403,
                f"The host `{host}` is not one of this server's names. If it should be, start "
                f"bluey-server with --allow-host {_bare(host or '')}.",
                code="host_not_allowed",
            )
        if origin is not None and not self.allows_origin(origin, host):
            return ApiError(
                403,
                f"Pages from `{origin}` may not use this server. If they should, start "
                f"bluey-server with --allow-origin {origin}.",
                code="origin_not_allowed",
            )
        return None


def is_loopback(name: str) -> bool:
    """Whether a host, by name or address, can only be this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _bare(host: str) -> str:
    """A host without port, brackets, final dot and capitals."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name, colon, port = host.rpartition(":")
    bare = name if colon and port.isdigit() and ":" not in name else host
    return bare.rstrip(".").lower()
