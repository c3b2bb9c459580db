"""The SQLite file: opening it, its migrations, its transactions, its clock."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from bluey_adapters.errors import RegistryError

NOW = "(julianday('now') - 2440587.5) * 86400.0"
"""SQL for the database's clock, in seconds since the epoch: leases are measured by no other."""

_BUSY = 10_000  # milliseconds to wait for another process's transaction


class Database:
    """One connection, to be used by one thread."""

    def __init__(self, path: Path) -> None:
        """Open, or make, the database and bring its schema up to date.

        Raises RegistryError when the file can't be used.
        """
        self._path = path
        _keep_private(path)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        try:
            self._connection.row_factory = sqlite3.Row
            self._connection.execute(f"PRAGMA busy_timeout = {_BUSY}")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            # What is forgotten is gone: some of it was said in confidence.
            self._connection.execute("PRAGMA secure_delete = ON")
            self._migrate()
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from None
        except RegistryError:
            self.close()
            raise

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing. Takes the write lock at once: a transaction that
        reads first and asks for the lock later can lose it to another one in between."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside is of one moment; nobody is kept from writing."""
        self._connection.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def data_version(self) -> int:
        """A number that moves when another connection has changed the database."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _unusable(self, error: sqlite3.Error) -> RegistryError:
        return RegistryError(f"the registry {self._path} can't be opened: {error}")

    def _migrate(self) -> None:
        migrations = sorted(
            (entry.name, entry.read_text("utf-8"))
            for entry in (resources.files("bluey_adapters") / "migrations").iterdir()
            if entry.name.endswith(".sql")
        )
        if self._schema_version() == len(migrations):
            return
        with self.transaction():
            version = self._schema_version()  # again: another starter may have been faster
            if version > len(migrations):
                raise RegistryError(
                    f"the registry {self._path} was written by a newer bluey "
                    f"(schema {version}, this one knows {len(migrations)}); upgrade bluey"
                )
            for _, script in migrations[version:]:
                # Not executescript(): it would commit our transaction first.
                for statement in _statements(script):
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {len(migrations)}")

    def _schema_version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


def _keep_private(path: Path) -> None:
    """Make the file its user's alone, conversations being in it; SQLite gives the files beside it
    the same mode. Left to SQLite to complain about, where it can't be had."""
    with contextlib.suppress(OSError):
        path.touch(mode=0o600)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
