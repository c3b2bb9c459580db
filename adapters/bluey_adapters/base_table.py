"""The registry's bases, and the names (`it`, `pt`) that point at them."""

from types import MappingProxyType

from bluey_adapters.bases import Base, known_bases
from bluey_adapters.database import NOW, Database
from bluey_adapters.errors import Conflict, RegistryError, UnknownName
from bluey_adapters.model_folder import fingerprint, signature

PAIR = ("it", "pt")
"""The names that every home has; `bluey-admin bases use FAMILY` moves both."""


class BaseTable:
    """Bases and aliases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seed(self) -> None:
        """Give a home the bases that every home knows, and what `it` and `pt` mean in a new one."""
        have = {row["name"] for row in self._database.execute("SELECT name FROM bases")}
        missing = [base for base in known_bases() if base.name not in have]
        if not missing and self._database.execute("SELECT 1 FROM aliases").fetchone():
            return
        with self._database.transaction():
            for base in missing:
                self._insert(base, or_ignore=True)
            for name in PAIR:
                self._database.execute(
                    "INSERT OR IGNORE INTO aliases (name, base) VALUES (?, ?)", name, f"tiny-{name}"
                )

    def all(self) -> MappingProxyType[str, Base]:
        """Every base, by name."""
        rows = self._database.execute("SELECT * FROM bases ORDER BY rowid")
        return MappingProxyType({row["name"]: Base(**dict(row)) for row in rows})

    def aliases(self) -> MappingProxyType[str, str]:
        """What each alias points at."""
        rows = self._database.execute("SELECT name, base FROM aliases ORDER BY name")
        return MappingProxyType({row["name"]: row["base"] for row in rows})

    def add(self, base: Base) -> None:
        """Register a base, or give a registered one a new source or template.

        Raises Conflict when an alias or an adapter has the name.
        """
        with self._database.transaction():
            if base.name in self.aliases():
                raise Conflict(f"{base.name} is a name that points at a base; choose another")
            taken = self._database.execute("SELECT 1 FROM adapters WHERE name = ?", base.name)
            if taken.fetchone():
                raise Conflict(f"{base.name} is the name of an adapter; choose another")
            self._insert(base, or_ignore=False)

    def use(self, name: str) -> dict[str, str]:
        """Point `it` and `pt` at a family's pair (`gemma-3-1b`, `tiny`), or one of them at a base
        whose name ends in `-it` or `-pt`. Returns what was moved.

        Raises UnknownName when there is neither.
        """
        with self._database.transaction():
            bases = self.all()
            moves = {alias: f"{name}-{alias}" for alias in PAIR if f"{name}-{alias}" in bases}
            if not moves and name in bases:
                moves = {alias: name for alias in PAIR if name.endswith(f"-{alias}")}
                if not moves:
                    raise RegistryError(
                        f"it is not clear whether {name} is a base or an instruction-tuned model; "
                        f"say --as it or --as pt"
                    )
            if not moves:
                raise UnknownName(f"there is no base or family called {name}", name)
            self._point(moves)
        return moves

    def point(self, alias: str, base: str) -> None:
        """Make `alias` (one of PAIR) mean `base`. Raises UnknownName."""
        with self._database.transaction():
            if base not in self.all():
                raise UnknownName(f"there is no base called {base}", base)
            self._point({alias: base})

    def identify(self, base: Base) -> Base:
        """The base with the fingerprint of the files that are there now.

        Hashes the weights only when a file's size or time differs from when they were last
        hashed. Raises BaseError when the files can't be found.
        """
        folder = base.locate()
        now = signature(folder)
        if base.fingerprint is not None and base.signature == now:
            return base
        found = fingerprint(folder)
        self._database.execute(
            "UPDATE bases SET fingerprint = ?, signature = ? WHERE name = ? AND source = ?",
            found,
            now,
            base.name,
            base.source,
        )
        return Base(
            name=base.name,
            source=base.source,
            chat_template=base.chat_template,
            fingerprint=found,
            signature=now,
            created_at=base.created_at,
        )

    def _point(self, moves: dict[str, str]) -> None:
        for alias, base in moves.items():
            self._database.execute(
                "INSERT INTO aliases (name, base) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET base = excluded.base",
                alias,
                base,
            )

    def _insert(self, base: Base, *, or_ignore: bool) -> None:
        clash = (
            "NOTHING"
            if or_ignore
            else "UPDATE SET source = excluded.source, chat_template = excluded.chat_template,"
            " fingerprint = NULL, signature = NULL"
        )
        self._database.execute(
            f"INSERT INTO bases (name, source, chat_template, created_at) VALUES (?, ?, ?, {NOW})"
            f" ON CONFLICT (name) DO {clash}",
            base.name,
            base.source,
            base.chat_template,
        )
