"""Whose key a request shows.

`/v1` and `/metrics` ask for an API key as soon as there is one: the settings' own, or any that
`bluey-admin keys` has made. `/admin` asks for the admin key, always; that one opens the rest too,
so that the CLI needs no other.

Named keys are in the registry, and read again when it has moved: one that is made or removed by
another process is so from the next request on. Digests are compared, all of one length and
each to its end, so that the time taken tells nothing of a key.

A browser can show the admin key as the password of HTTP Basic, with any user name, and will then
send it by itself: to this origin only, so that a page from elsewhere, or a name rebound to this
machine, never has it; and for nothing but looking, when the user rather than another page asks.
Whatever changes something wants a Bearer key, which no browser sends by itself.
"""

import base64
import binascii
import hmac
import logging

from bluey_adapters.key_table import ApiKey
from bluey_adapters.registry import Registry
from bluey_adapters.secret import digest_of
from bluey_server.http.access import OPEN_PATHS, Access
from bluey_server.http.errors import ApiError, as_api_error
from bluey_server.http.exchange import Exchange
from bluey_server.http.registry_thread import RegistryThread

log = logging.getLogger(__name__)

_BEARER = 'Bearer realm="bluey"'
_BASIC = 'Basic realm="bluey: any user name, the admin key as password", charset="UTF-8"'


class Keys:
    """All keys of one server."""

    def __init__(self, access: Access, registry: RegistryThread) -> None:
        self._registry = registry
        self._required = access.key_required
        self._own = _digest(access.api_key)
        self._admin = _digest(access.admin_key)
        self._named: tuple[int, tuple[ApiKey, ...]] = (-1, ())  # the registry thread's to touch

    async def refuse(
        self, exchange: Exchange, path: str, headers: dict[str, str]
    ) -> ApiError | None:
        """The error for a missing or wrong key, if one is needed; names the key in `exchange`."""
        if path in OPEN_PATHS:
            return None
        if is_admin(path):
            return self._refuse_admin(exchange.method, headers)
        shown = _shown(headers)
        digest = digest_of(shown)
        for owner, known in (("settings", self._own), ("admin", self._admin)):
            if _is_same(known, digest):
                exchange.owner = owner
                return None
        try:
            named = await self._registry.call(self._refresh)
        except Exception as error:
            log.error("the key of request %s can't be checked", exchange.id, exc_info=error)
            return as_api_error(error)
        holders = [key for key in named if _is_same(key.digest, digest)]
        if holders:
            # By its digest: a new key of the same name may be somebody else's.
            exchange.key, exchange.owner = holders[0].name, holders[0].digest
            return None
        if not (named or self._own or self._required):
            return None
        hint = "" if shown else " None was given: send it as `Authorization: Bearer KEY`."
        return _unauthorized(f"Incorrect API key provided.{hint}", _BEARER)

    def _refuse_admin(self, method: str, headers: dict[str, str]) -> ApiError | None:
        looks = _user_looks(method, headers)
        shown = _shown(headers) or (_password(headers) if looks else b"")
        if _is_same(self._admin, digest_of(shown)):
            return None
        # Only where somebody can be asked: to a program, a browser's dialog is no help.
        asks = looks and "text/html" in headers.get("accept", "")
        return _unauthorized(
            "Incorrect API key provided. /admin wants the admin key, as `Authorization: Bearer "
            "KEY`; it is in BLUEY_HOME/admin.key, unless --admin-key or BLUEY_ADMIN_KEY gave "
            "another.",
            _BASIC if asks else _BEARER,
        )

    def _refresh(self, registry: Registry) -> tuple[ApiKey, ...]:
        moved = registry.data_version()
        if self._named[0] != moved:
            self._named = (moved, registry.keys.all())
        return self._named[1]


def is_admin(path: str) -> bool:
    """Whether a path is for those who run the server. Slashes may be doubled."""
    return next(filter(None, path.split("/")), "") == "admin"


def _unauthorized(message: str, challenge: str) -> ApiError:
    return ApiError(401, message, code="invalid_api_key", challenge=challenge)


def _shown(headers: dict[str, str]) -> bytes:
    """The key as it was sent, in OpenAI's way or in Azure's."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    shown = token.strip() if scheme.lower() == "bearer" else headers.get("api-key", "")
    # Headers were read as latin-1: this way their bytes come back as they were sent.
    return shown.encode("latin-1")


def _password(headers: dict[str, str]) -> bytes:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(token.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _user_looks(method: str, headers: dict[str, str]) -> bool:
    """Whether this only looks, and no page from elsewhere can have made the browser ask. Links
    are followed; frames, pictures and scripts for such a page are not. Programs send none of
    these headers, nor do browsers over plain HTTP beyond this machine: there the answer's own
    headers keep such a page from it."""
    if method not in ("GET", "HEAD"):
        return False
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    goal = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return goal == ("navigate", "document")


def _digest(key: str | None) -> str | None:
    return None if key is None else digest_of(key.encode())


def _is_same(known: str | None, digest: str) -> bool:
    return known is not None and hmac.compare_digest(known, digest)
