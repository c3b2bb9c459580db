"""The store: adapters' files, immutable, named by their digest.

A stored adapter is a folder of

    adapters.safetensors    the LoRA tensors, as mlx-lm writes and reads them
    adapter_config.json     rank, scale, layers, as mlx-lm writes and reads them
    bluey.json              what bluey must know to serve it: base fingerprint, chat template
    manifest.json           name, size and sha256 of each of the above; written last

The digest is taken over the first three, so that the same data and seed give the same digest.
Readers trust nothing without a manifest: its presence means complete. Publishing writes to a
staging folder, syncs, writes the manifest, and renames into place.
"""

import contextlib
import shutil
import uuid
from pathlib import Path
from typing import Protocol

import msgspec

from bluey_adapters.errors import DamagedAdapter, StoreError
from bluey_adapters.files import combine_digests, file_digest, sync, write_atomically

WEIGHTS = "adapters.safetensors"
CONFIG = "adapter_config.json"
CARD = "bluey.json"
MANIFEST = "manifest.json"
PARTS = (WEIGHTS, CONFIG, CARD)

_FORMAT = 1


class AdapterCard(msgspec.Struct, frozen=True, kw_only=True):
    """bluey.json: what must be known to serve the adapter, whatever became of the registry."""

    base_fingerprint: str
    base: str  # the base's name at training time, for people
    chat_template: str
    format: int = _FORMAT


class StoredFile(msgspec.Struct, frozen=True):
    """One file of a stored adapter."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """manifest.json."""

    format: int
    digest: str
    files: tuple[StoredFile, ...]


class Store(Protocol):
    """Where adapters' files live."""

    def publish(self, folder: Path) -> str:
        """Take over a copy of `folder` (the three PARTS) and return its digest. Idempotent."""
        ...

    def fetch(self, digest: str) -> Path:
        """A local folder with the files of `digest`, each checked against the manifest.

        Raises DamagedAdapter when they are not what was published, StoreError if absent.
        """
        ...

    def card(self, digest: str) -> AdapterCard:
        """The card of a stored adapter. Raises like `fetch`, though only the card is checked."""
        ...

    def remove(self, digest: str) -> None:
        """Forget the files of `digest`, if they are there."""
        ...


class LocalStore:
    """A store in a folder on this machine's disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, digest: str) -> Path:
        """Where the files of `digest` are, or would be."""
        return self._root / digest

    def publish(self, folder: Path) -> str:
        staging = self._root / ".staging" / uuid.uuid4().hex
        staging.mkdir(parents=True)
        try:
            manifest = _stage(folder, staging)
            return self._move_in(staging, manifest.digest)
        except OSError as error:
            raise StoreError(f"the adapter can't be stored in {self._root}: {error}") from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def fetch(self, digest: str) -> Path:
        folder = self.path(digest)
        manifest = self._manifest(folder, digest)
        for entry in manifest.files:
            _check(folder / entry.name, entry)
        return folder

    def card(self, digest: str) -> AdapterCard:
        folder = self.path(digest)
        for entry in self._manifest(folder, digest).files:
            if entry.name == CARD:
                _check(folder / CARD, entry)
        return read_card(folder)

    def remove(self, digest: str) -> None:
        folder = self.path(digest)
        # Without its manifest it is gone for every reader; what a crash leaves is garbage.
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def _move_in(self, staging: Path, digest: str) -> str:
        target = self.path(digest)
        with contextlib.suppress(StoreError):
            self.fetch(digest)
            return digest  # the same bits are here already
        if target.exists():
            # Damaged: keep it for whoever wants to look, out of the way of the sound copy.
            target.rename(self._root / f".damaged-{digest[:12]}-{uuid.uuid4().hex[:6]}")
        try:
            staging.rename(target)
        except OSError:
            self.fetch(digest)  # somebody published the same bits meanwhile, or this raises
        sync(self._root)
        return digest

    def _manifest(self, folder: Path, digest: str) -> Manifest:
        try:
            manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        except FileNotFoundError:
            raise StoreError(f"the files of adapter {digest[:12]} are not in the store") from None
        except (OSError, msgspec.MsgspecError) as error:
            raise DamagedAdapter(f"{folder / MANIFEST} can't be read: {error}") from None
        listed = combine_digests((entry.name, entry.sha256) for entry in manifest.files)
        if listed != digest or manifest.digest != digest:
            raise DamagedAdapter(f"{folder / MANIFEST} is not the manifest that was published")
        return manifest


def read_card(folder: Path) -> AdapterCard:
    """The card in an adapter's folder. Raises DamagedAdapter when it can't be read."""
    try:
        return msgspec.json.decode((folder / CARD).read_bytes(), type=AdapterCard)
    except (OSError, msgspec.MsgspecError) as error:
        raise DamagedAdapter(f"{folder / CARD} can't be read: {error}") from None


def write_card(folder: Path, card: AdapterCard) -> None:
    """Write the card into an adapter's folder, the same bytes for the same card."""
    write_atomically(folder / CARD, msgspec.json.encode(card, order="sorted"))


def _stage(folder: Path, staging: Path) -> Manifest:
    entries = []
    for name in PARTS:
        source, copy = folder / name, staging / name
        if not source.is_file():
            raise StoreError(f"{folder} is no adapter: it has no {name}")
        shutil.copyfile(source, copy)
        sync(copy)
        entries.append(StoredFile(name, copy.stat().st_size, file_digest(copy)))
    digest = combine_digests((entry.name, entry.sha256) for entry in entries)
    manifest = Manifest(_FORMAT, digest, tuple(entries))
    write_atomically(staging / MANIFEST, msgspec.json.encode(manifest))
    return manifest


def _check(path: Path, entry: StoredFile) -> None:
    try:
        size = path.stat().st_size
        sound = size == entry.size and file_digest(path) == entry.sha256
    except OSError as error:
        raise DamagedAdapter(f"{path} can't be read: {error.strerror}") from None
    if not sound:
        raise DamagedAdapter(
            f"{path} is damaged: it is not the file that was published "
            f"(sha256 should be {entry.sha256[:12]}…)"
        )
