"""The registry's promises: they hold between processes, and nothing half-done is ever seen."""

import sqlite3
from pathlib import Path

import pytest

from bluey_adapters.bases import Base
from bluey_adapters.errors import (
    Conflict,
    DamagedAdapter,
    HomeError,
    RegistryError,
    UnknownName,
)
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_adapters.store import WEIGHTS
from tests.adapters.conftest import Publish, at_once

_OPEN = """
import sys
from pathlib import Path
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
registry = Registry(Home(Path(sys.argv[1])))
"""


def test_six_starters_at_once_make_one_registry(home: Home) -> None:
    script = _OPEN + "print(len(registry.catalog().bases), dict(registry.catalog().aliases))"
    assert set(at_once(6, script, str(home.root))) == {"4 {'it': 'tiny-it', 'pt': 'tiny-pt'}"}


def test_versions_published_at_once_get_different_numbers(home: Home) -> None:
    script = (
        _OPEN
        + """
for _ in range(5):
    version = registry.adapters.publish(
        "pup", digest="d" * 64, base="tiny-it", base_fingerprint="f", dataset_digest=None,
        hyperparameters={}, metrics={}, job_id=None, promote=True)
    print(version.version, end=" ")
"""
    )
    Registry(home).close()
    numbers = [int(word) for line in at_once(4, script, str(home.root)) for word in line.split()]
    assert sorted(numbers) == list(range(1, 21))


def test_versions_count_publications_and_the_first_is_promoted(
    registry: Registry, publish: Publish
) -> None:
    first, second = publish(promote=False), publish(promote=False)
    assert (first.pinned, second.pinned) == ("pup@1", "pup@2")
    assert first.digest == second.digest
    assert registry.catalog().resolve("pup").adapter == first


def test_promote_and_rollback_move_the_bare_name(registry: Registry, publish: Publish) -> None:
    first, second = publish(content="a"), publish(content="b")
    assert registry.catalog().resolve("pup").adapter == second
    assert registry.adapters.rollback("pup") == 1
    assert registry.catalog().resolve("pup").adapter == first
    with pytest.raises(Conflict, match="nothing to roll back to"):
        registry.adapters.rollback("pup")
    registry.promote(second)
    registry.promote(second)  # idle, so that one rollback undoes it
    assert registry.adapters.rollback("pup") == 1


def test_a_damaged_version_cannot_be_promoted(registry: Registry, publish: Publish) -> None:
    first, second = publish(content="a"), publish(content="b", promote=False)
    (registry.store.path(second.digest) / WEIGHTS).write_bytes(b"x" * 100)
    with pytest.raises(DamagedAdapter, match="not the file that was published"):
        registry.promote(second)
    assert registry.catalog().resolve("pup").adapter == first


def test_a_removed_number_is_never_given_again(registry: Registry, publish: Publish) -> None:
    publish(content="a")
    second = publish(content="b")
    with pytest.raises(Conflict, match="promote another version first"):
        registry.remove("pup", 2)
    registry.adapters.rollback("pup")
    registry.remove("pup", 2)
    assert not registry.store.path(second.digest).exists()
    assert publish(content="c").version == 3


def test_removing_keeps_files_that_another_version_stands_on(
    registry: Registry, publish: Publish
) -> None:
    version, _ = publish("pup", "a"), publish("cat", "a")
    registry.remove("pup", None)
    assert registry.store.fetch(version.digest).is_dir()
    registry.remove("cat", None)
    assert not registry.store.path(version.digest).exists()
    with pytest.raises(UnknownName):
        registry.remove("pup", None)


def test_removing_a_version_leaves_no_rollback_that_does_nothing(
    registry: Registry, publish: Publish
) -> None:
    first, second = publish(content="a"), publish(content="b")
    registry.promote(first)
    registry.remove("pup", second.version)
    with pytest.raises(Conflict):
        registry.adapters.rollback("pup")


@pytest.mark.parametrize("name", ["it", "pt", "tiny-it"])
def test_an_adapter_cannot_take_the_name_of_a_base(publish: Publish, name: str) -> None:
    with pytest.raises(Conflict, match="name of a base"):
        publish(name)


@pytest.mark.parametrize("name", ["", "a@1", "a b", "-a", "ü", "a/b", "x" * 65])
def test_names_that_no_adapter_can_have(publish: Publish, name: str) -> None:
    with pytest.raises(RegistryError, match="can't name an adapter"):
        publish(name)


def test_another_connection_sees_a_change_by_the_data_version(home: Home, publish: Publish) -> None:
    with Registry(home) as other:
        before = other.data_version()
        publish()
        assert other.data_version() != before
        assert "pup" in other.catalog().current


def test_the_pair_moves_together_and_alone(registry: Registry) -> None:
    assert registry.bases.use("gemma-3-1b") == {"it": "gemma-3-1b-it", "pt": "gemma-3-1b-pt"}
    assert registry.bases.use("tiny-it") == {"it": "tiny-it"}
    assert dict(registry.bases.aliases()) == {"it": "tiny-it", "pt": "gemma-3-1b-pt"}
    registry.bases.add(Base(name="llama", source="hub:a/b"))
    with pytest.raises(RegistryError, match="--as it"):
        registry.bases.use("llama")
    with pytest.raises(UnknownName):
        registry.bases.use("nothing")
    with pytest.raises(UnknownName):
        registry.bases.point("it", "nothing")
    assert dict(registry.bases.aliases()) == {"it": "tiny-it", "pt": "gemma-3-1b-pt"}


def test_a_base_cannot_take_the_name_of_an_alias_or_adapter(
    registry: Registry, publish: Publish
) -> None:
    publish("pup")
    for name in ("it", "pup"):
        with pytest.raises(Conflict):
            registry.bases.add(Base(name=name, source="hub:a/b"))


def test_weights_are_hashed_again_only_when_they_change(registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"1")
    registry.bases.add(Base(name="mine", source=f"path:{folder}"))
    first = registry.bases.identify(registry.catalog().bases["mine"])
    stored = registry.catalog().bases["mine"]
    assert stored.fingerprint == first.fingerprint is not None
    assert registry.bases.identify(stored) is stored
    (folder / "model.safetensors").write_bytes(b"22")
    assert registry.bases.identify(stored).fingerprint != first.fingerprint


def test_a_registry_of_a_newer_bluey_is_refused(home: Home) -> None:
    Registry(home).close()
    connection = sqlite3.connect(home.registry)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RegistryError, match="newer bluey"):
        Registry(home)


def test_a_file_that_is_no_database_is_refused_and_kept(home: Home) -> None:
    home.make()
    home.registry.write_text("not a database, but somebody's letter")
    with pytest.raises(RegistryError, match="can't be opened"):
        Registry(home)
    assert home.registry.read_text().startswith("not a database")


def test_a_home_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="can't be written"):
        Registry(Home(tmp_path / "file" / "home"))
