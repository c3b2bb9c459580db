"""Finding and checking adapters' files, off the thread that owns MLX.

Checking means hashing, and hashing reads the whole file: seconds for a large adapter on a slow
disk, in which no stream may stand still. Afterwards the file lies in the system's page cache and
the upload costs little.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bluey_adapters.errors import DamagedAdapter, StoreError
from bluey_adapters.store import Store


@dataclass(frozen=True)
class Checked:
    """An adapter's files are here and sound."""

    adapter: str
    slot: int
    folder: Path


@dataclass(frozen=True)
class Unusable:
    """An adapter's files are not."""

    adapter: str
    kind: str
    message: str


class AdapterLoader:
    """One thread that fetches adapters from the store, in the order asked."""

    def __init__(
        self, store: Store, base_fingerprint: str, report: Callable[[Checked | Unusable], None]
    ) -> None:
        self._store = store
        self._base_fingerprint = base_fingerprint
        self._report = report
        self._wanted: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="adapter-loader", daemon=True).start()

    def fetch(self, adapter: str, slot: int) -> None:
        """Ask for an adapter that shall go into `slot`; the answer comes by `report`."""
        self._wanted.put((adapter, slot))

    def _run(self) -> None:
        while True:
            self._report(self._fetch(*self._wanted.get()))

    def _fetch(self, adapter: str, slot: int) -> Checked | Unusable:
        try:
            folder = self._store.fetch(adapter)
            card = self._store.card(adapter)
        except DamagedAdapter as error:
            return Unusable(adapter, "adapter_damaged", str(error))
        except StoreError as error:
            return Unusable(adapter, "adapter_missing", str(error))
        except OSError as error:
            return Unusable(adapter, "adapter_missing", f"it can't be read: {error}")
        if card.base_fingerprint != self._base_fingerprint:
            return Unusable(
                adapter,
                "wrong_base",
                f"it was trained on other weights than this base's ({card.base}, "
                f"{card.base_fingerprint[:12]}, not {self._base_fingerprint[:12]})",
            )
        return Checked(adapter, slot, folder)
