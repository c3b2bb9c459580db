"""The registry's API keys: several, by name, as digests."""

import re
import sqlite3

import msgspec

from bluey_adapters.database import NOW, Database
from bluey_adapters.errors import Conflict, RegistryError, UnknownName
from bluey_adapters.secret import API_PREFIX, digest_of, new_secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ApiKey(msgspec.Struct, frozen=True):
    """All that is known of a key; the key itself is its holder's alone."""

    name: str
    digest: str  # sha256, hex
    last_four: str
    created_at: float  # seconds since the epoch


class KeyTable:
    """Named API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[ApiKey, ...]:
        """Every key, the oldest first."""
        rows = self._database.execute("SELECT * FROM keys ORDER BY created_at, name")
        return tuple(ApiKey(**dict(row)) for row in rows)

    def add(self, name: str) -> str:
        """Make a key and return it: this is the only time that it can be seen.

        Raises RegistryError for a name that can't stand in a log line, Conflict for a taken one.
        """
        if not _NAME.fullmatch(name):
            raise RegistryError(
                f"a key can't be called {name!r}; use up to 64 letters, digits, '.', '_' and '-', "
                "a letter or digit first"
            )
        key = new_secret(API_PREFIX)
        try:
            self._database.execute(
                f"INSERT INTO keys (name, digest, last_four, created_at) VALUES (?, ?, ?, {NOW})",
                name,
                digest_of(key.encode()),
                key[-4:],
            )
        except sqlite3.IntegrityError:
            raise Conflict(f"there is a key called {name} already; remove it first") from None
        return key

    def remove(self, name: str) -> None:
        """Forget a key. Raises UnknownName."""
        if self._database.execute("DELETE FROM keys WHERE name = ?", name).rowcount == 0:
            raise UnknownName(f"there is no key called {name}", name)
