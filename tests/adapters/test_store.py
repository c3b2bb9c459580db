"""The store: what it gives is what was published, or an error that says which file isn't."""

import shutil
from pathlib import Path

import pytest

from bluey_adapters.errors import DamagedAdapter, StoreError
from bluey_adapters.store import CARD, CONFIG, MANIFEST, PARTS, WEIGHTS, LocalStore
from tests.adapters.conftest import adapter_folder, at_once


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    root = tmp_path / "a store"
    root.mkdir()
    return LocalStore(root)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return adapter_folder(tmp_path / "adapter")


def test_the_same_bits_have_the_same_digest_and_are_kept_once(
    store: LocalStore, folder: Path, tmp_path: Path
) -> None:
    digest = store.publish(folder)
    assert store.publish(adapter_folder(tmp_path / "again")) == digest
    assert store.publish(adapter_folder(tmp_path / "other", "b")) != digest
    assert sorted(path.name for path in store.fetch(digest).iterdir()) == sorted([*PARTS, MANIFEST])
    assert store.card(digest).base == "tiny-it"


@pytest.mark.parametrize("missing", PARTS)
def test_half_an_adapter_is_not_published(store: LocalStore, folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(StoreError, match=f"has no {missing}"):
        store.publish(folder)
    assert not any(store.path(".staging").iterdir())


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_file_is_named(store: LocalStore, folder: Path, part: str) -> None:
    digest = store.publish(folder)
    path = store.path(digest) / part
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedAdapter, match=f"{part} is damaged"):
        store.fetch(digest)


@pytest.mark.parametrize("part", [WEIGHTS, CONFIG])
def test_a_missing_file_is_named(store: LocalStore, folder: Path, part: str) -> None:
    digest = store.publish(folder)
    (store.path(digest) / part).unlink()
    with pytest.raises(DamagedAdapter, match=part):
        store.fetch(digest)


def test_another_adapters_manifest_convinces_nobody(
    store: LocalStore, folder: Path, tmp_path: Path
) -> None:
    digest = store.publish(folder)
    other = store.publish(adapter_folder(tmp_path / "other", "b"))
    shutil.rmtree(store.path(digest))
    shutil.copytree(store.path(other), store.path(digest))
    with pytest.raises(DamagedAdapter, match="not the manifest that was published"):
        store.fetch(digest)


def test_what_a_crash_leaves_without_a_manifest_is_not_there(
    store: LocalStore, folder: Path
) -> None:
    digest = store.publish(folder)
    (store.path(digest) / MANIFEST).unlink()
    with pytest.raises(StoreError, match="not in the store"):
        store.fetch(digest)
    with pytest.raises(StoreError, match="not in the store"):
        store.card(digest)


def test_publishing_again_mends_a_damaged_copy_and_keeps_it(
    store: LocalStore, folder: Path
) -> None:
    digest = store.publish(folder)
    (store.path(digest) / WEIGHTS).write_bytes(b"gone")
    assert store.publish(folder) == digest
    store.fetch(digest)
    [damaged] = store.path(".").glob(".damaged-*")
    assert (damaged / WEIGHTS).read_bytes() == b"gone"


def test_a_removed_adapter_is_gone_and_removing_is_idempotent(
    store: LocalStore, folder: Path
) -> None:
    digest = store.publish(folder)
    store.remove(digest)
    store.remove(digest)
    with pytest.raises(StoreError):
        store.fetch(digest)


def test_a_card_is_checked_like_the_rest(store: LocalStore, folder: Path) -> None:
    digest = store.publish(folder)
    (store.path(digest) / CARD).write_text("{}")
    with pytest.raises(DamagedAdapter):
        store.card(digest)


def test_publishing_at_once_from_processes_gives_one_sound_copy(
    store: LocalStore, folder: Path
) -> None:
    script = """
import sys
from pathlib import Path
from bluey_adapters.store import LocalStore
print(LocalStore(Path(sys.argv[1])).publish(Path(sys.argv[2])))
"""
    [digest] = set(at_once(6, script, str(store.path(".")), str(folder)))
    store.fetch(digest)
    names = [path.name for path in store.path(".").iterdir()]
    assert sorted(names) == sorted([".staging", digest])
