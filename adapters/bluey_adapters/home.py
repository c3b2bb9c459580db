"""BLUEY_HOME: one folder that holds all that a user makes."""

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bluey_adapters.errors import HomeError


@dataclass(frozen=True)
class Home:
    """The places in BLUEY_HOME. Every process of one user shares them."""

    root: Path

    @property
    def registry(self) -> Path:
        """The SQLite database."""
        return self.root / "registry.db"

    @property
    def store(self) -> Path:
        """Adapters' files, one folder a digest."""
        return self.root / "store"

    @property
    def jobs(self) -> Path:
        """One folder a training job: its log and what it has made so far."""
        return self.root / "jobs"

    @property
    def reports(self) -> Path:
        """One folder a report: its page and the figures that it shows."""
        return self.root / "reports"

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.root / "cache"

    @property
    def server_file(self) -> Path:
        """URL and pid of the running server, as JSON."""
        return self.root / "run" / "server.json"

    @property
    def server_lock(self) -> Path:
        """What the running server holds locked; the file stays, the lock ends with the process."""
        return self.root / "run" / "server.lock"

    @property
    def config(self) -> Path:
        """The user's settings."""
        return self.root / "config.toml"

    @property
    def admin_key(self) -> Path:
        """The key that `/admin/…` asks for; only its user may read it."""
        return self.root / "admin.key"

    def job(self, job_id: str) -> Path:
        """The folder of one training job."""
        return self.jobs / job_id

    def make(self) -> "Home":
        """Make the folders that aren't there. Raises HomeError if that, or writing, fails."""
        try:
            for folder in (
                self.root,
                self.store,
                self.jobs,
                self.reports,
                self.cache,
                self.server_file.parent,
            ):
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise HomeError(
                f"the home {self.root} can't be written ({error.strerror}); "
                "give the folder to this user, or point BLUEY_HOME at another"
            ) from None
        return self


def find_home() -> Home:
    """BLUEY_HOME, or `~/.bluey`. Makes nothing. Raises HomeError where there is neither."""
    given = os.environ.get("BLUEY_HOME")
    if given:
        return Home(Path(given).expanduser().absolute())
    # Path.home() falls back on the user database where HOME is not set.
    with contextlib.suppress(RuntimeError):
        return Home(Path.home() / ".bluey")
    raise HomeError("this user has no home directory; set BLUEY_HOME to a folder for bluey's data")
