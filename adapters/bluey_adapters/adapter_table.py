"""The registry's adapter versions, and which one each bare name means."""

import sqlite3
from types import MappingProxyType
from typing import Any

import msgspec

from bluey_adapters.catalog import AdapterVersion, check_adapter_name
from bluey_adapters.database import NOW, Database
from bluey_adapters.errors import Conflict, UnknownName


class AdapterTable:
    """Versions and promotions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> MappingProxyType[tuple[str, int], AdapterVersion]:
        """Every version, by name and number."""
        rows = self._database.execute("SELECT * FROM adapters ORDER BY name, version")
        versions = (_version(row) for row in rows)
        return MappingProxyType({(found.name, found.version): found for found in versions})

    def current(self) -> MappingProxyType[str, int]:
        """The version that each bare name means now."""
        rows = self._database.execute(
            "SELECT name, version FROM promotions"
            " WHERE id IN (SELECT max(id) FROM promotions GROUP BY name)"
        )
        return MappingProxyType({row["name"]: row["version"] for row in rows})

    def publish(
        self,
        name: str,
        *,
        digest: str,
        base: str,
        base_fingerprint: str,
        dataset_digest: str | None,
        hyperparameters: dict[str, Any],
        metrics: dict[str, Any],
        job_id: str | None,
        promote: bool,
    ) -> AdapterVersion:
        """Record files that the store has as the next version of `name`; perhaps promote it.

        The first version of a name is always promoted: the name would mean nothing otherwise.
        Raises RegistryError for a bad name, Conflict when a base has it.
        """
        check_adapter_name(name)
        with self._database.transaction():
            for table in ("bases", "aliases"):
                if self._database.execute(f"SELECT 1 FROM {table} WHERE name = ?", name).fetchone():
                    raise Conflict(f"{name} is the name of a base; choose another")
            version = self._next_number(name)
            self._database.execute(
                "INSERT INTO adapters (name, version, digest, base, base_fingerprint,"
                " dataset_digest, hyperparameters, metrics, job_id, created_at)"
                f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, {NOW})",
                name,
                version,
                digest,
                base,
                base_fingerprint,
                dataset_digest,
                msgspec.json.encode(hyperparameters).decode(),
                msgspec.json.encode(metrics).decode(),
                job_id,
            )
            if promote or name not in self.current():
                self._promote(name, version)
            return self.all()[name, version]

    def promote(self, name: str, version: int) -> None:
        """Make the bare name mean `version`. Raises UnknownName; idle when it does already."""
        with self._database.transaction():
            self._require(name, version)
            if self.current().get(name) != version:
                self._promote(name, version)

    def rollback(self, name: str) -> int:
        """Undo the name's last promotion; return the version that it means again.

        Raises UnknownName, or Conflict when there is no earlier promotion.
        """
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT id, version FROM promotions WHERE name = ? ORDER BY id DESC LIMIT 2", name
            ).fetchall()
            if not rows:
                raise UnknownName(f"there is no adapter called {name}", name)
            if len(rows) == 1:
                raise Conflict(
                    f"{name} has only ever meant version {rows[0]['version']}; "
                    "there is nothing to roll back to"
                )
            self._database.execute("DELETE FROM promotions WHERE id = ?", rows[0]["id"])
            return int(rows[1]["version"])

    def remove(self, name: str, version: int | None) -> list[AdapterVersion]:
        """Forget one version, or with None all of them; return what was forgotten.

        Raises UnknownName, or Conflict when the bare name means that version while there are
        others that it could mean.
        """
        with self._database.transaction():
            versions = [found for (owner, _), found in self.all().items() if owner == name]
            doomed = [found for found in versions if version in (None, found.version)]
            if not doomed:
                label = name if version is None else f"{name}@{version}"
                raise UnknownName(f"there is no adapter called {label}", label)
            if len(doomed) < len(versions) and self.current().get(name) == version:
                raise Conflict(
                    f"{name} means {name}@{version} at present; promote another version first"
                )
            for found in doomed:
                for table in ("promotions", "adapters"):
                    self._database.execute(
                        f"DELETE FROM {table} WHERE name = ? AND version = ?", name, found.version
                    )
            self._squeeze(name)
        return doomed

    def digests(self) -> set[str]:
        """Digests that some version stands on; the store may forget all others."""
        return {row["digest"] for row in self._database.execute("SELECT digest FROM adapters")}

    def _promote(self, name: str, version: int) -> None:
        self._database.execute(
            f"INSERT INTO promotions (name, version, created_at) VALUES (?, ?, {NOW})",
            name,
            version,
        )

    def _require(self, name: str, version: int) -> None:
        if (name, version) not in self.all():
            raise UnknownName(f"there is no adapter called {name}@{version}", f"{name}@{version}")

    def _next_number(self, name: str) -> int:
        self._database.execute(
            "INSERT INTO version_numbers (name, last) VALUES (?, 1)"
            " ON CONFLICT (name) DO UPDATE SET last = last + 1",
            name,
        )
        row = self._database.execute("SELECT last FROM version_numbers WHERE name = ?", name)
        return int(row.fetchone()["last"])

    def _squeeze(self, name: str) -> None:
        """Drop promotions that follow one of the same version, as a removal can leave them: a
        rollback would then seem to do nothing."""
        previous = None
        for row in self._database.execute(
            "SELECT id, version FROM promotions WHERE name = ? ORDER BY id", name
        ).fetchall():
            if row["version"] == previous:
                self._database.execute("DELETE FROM promotions WHERE id = ?", row["id"])
            previous = row["version"]


def _version(row: sqlite3.Row) -> AdapterVersion:
    fields = dict(row)
    for key in ("hyperparameters", "metrics"):
        fields[key] = msgspec.json.decode(fields[key])
    return AdapterVersion(**fields)
