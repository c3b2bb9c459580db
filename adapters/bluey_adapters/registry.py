"""The registry: bases, adapter versions, names, jobs, keys and responses, in one SQLite file that
all share.

One Registry belongs to one thread. The database never holds weights; those are the store's.
"""

from bluey_adapters.adapter_table import AdapterTable
from bluey_adapters.base_table import BaseTable
from bluey_adapters.bases import OpenBase, open_base
from bluey_adapters.catalog import AdapterVersion, Catalog
from bluey_adapters.closing import Closing
from bluey_adapters.database import Database
from bluey_adapters.home import Home
from bluey_adapters.job_table import JobTable
from bluey_adapters.key_table import KeyTable
from bluey_adapters.response_table import ResponseTable
from bluey_adapters.store import LocalStore


class Registry(Closing):
    """Everything that is known by name."""

    def __init__(self, home: Home) -> None:
        """Open the registry of a home, making both where there is none.

        Raises HomeError or RegistryError when that fails.
        """
        home.make()
        self._database = Database(home.registry)
        self.store = LocalStore(home.store)
        self.bases = BaseTable(self._database)
        self.adapters = AdapterTable(self._database)
        self.jobs = JobTable(self._database)
        self.keys = KeyTable(self._database)
        self.responses = ResponseTable(self._database)
        self.bases.seed()

    def catalog(self) -> Catalog:
        """Every name as it stands now."""
        with self._database.snapshot():
            return Catalog(
                bases=self.bases.all(),
                aliases=self.bases.aliases(),
                versions=self.adapters.all(),
                current=self.adapters.current(),
            )

    def data_version(self) -> int:
        """A number that moves when another connection has changed something."""
        return self._database.data_version()

    def promote(self, version: AdapterVersion) -> None:
        """Make the bare name mean `version`, after checking its files.

        Raises DamagedAdapter or StoreError and changes nothing when they are not sound.
        """
        self.store.fetch(version.digest)
        self.adapters.promote(version.name, version.version)

    def open_base(self, name: str) -> OpenBase:
        """The base called `name`, identified by the files that are there now.

        Raises UnknownName, or BaseError when they can't be found or aren't a model's.
        """
        base = self.bases.identify(self.catalog().require_base(name))
        return open_base(base, base.fingerprint or "")

    def remove(self, name: str, version: int | None) -> list[AdapterVersion]:
        """Forget versions, and the files that no other version stands on; return what went."""
        gone = self.adapters.remove(name, version)
        kept = self.adapters.digests()
        for digest in {found.digest for found in gone} - kept:
            self.store.remove(digest)
        return gone

    def close(self) -> None:
        """Close the database."""
        self._database.close()
