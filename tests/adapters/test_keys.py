"""Keys at rest: digests in the registry, and a file that only its user may read."""

import hashlib
import os
import re
import stat

import pytest

from bluey_adapters.admin_key import find_admin_key, servers_admin_key
from bluey_adapters.errors import Conflict, RegistryError, SettingsError, UnknownName
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from tests.adapters.conftest import at_once

_MAKE = """
import sys
from pathlib import Path
from bluey_adapters.admin_key import servers_admin_key
from bluey_adapters.home import Home
print(servers_admin_key(Home(Path(sys.argv[1])), None))
"""


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's."""
    monkeypatch.delenv("BLUEY_ADMIN_KEY", raising=False)


def test_a_key_is_kept_as_its_digest_alone(registry: Registry, home: Home) -> None:
    key = registry.keys.add("marie")
    assert re.fullmatch(r"sk-bluey-[A-Za-z0-9]{43}", key)
    [kept] = registry.keys.all()
    assert (kept.name, kept.last_four) == ("marie", key[-4:])
    assert kept.digest == hashlib.sha256(key.encode()).hexdigest()
    assert kept.created_at > 0
    registry.close()
    files = [path.read_bytes() for path in home.root.glob("registry.db*")]
    assert files
    assert not any(key.encode() in content for content in files)


def test_no_two_are_alike_and_a_name_is_one_s_own(registry: Registry) -> None:
    assert registry.keys.add("marie") != registry.keys.add("paul")
    with pytest.raises(Conflict, match="marie"):
        registry.keys.add("marie")
    registry.keys.remove("marie")
    assert [key.name for key in registry.keys.all()] == ["paul"]
    with pytest.raises(UnknownName, match="marie"):
        registry.keys.remove("marie")


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "-a", "key=x", "ä", "x" * 65])
def test_a_name_must_be_fit_for_a_log_line(registry: Registry, name: str) -> None:
    with pytest.raises(RegistryError, match="can't be called"):
        registry.keys.add(name)
    assert not registry.keys.all()


def test_the_admin_key_is_made_once_for_its_user_alone(home: Home) -> None:
    assert find_admin_key(home) is None
    before = os.umask(0)
    try:
        key = servers_admin_key(home, None)
    finally:
        os.umask(before)
    assert re.fullmatch(r"sk-bluey-admin-[A-Za-z0-9]{43}", key)
    assert stat.S_IMODE(home.admin_key.stat().st_mode) == 0o600
    assert servers_admin_key(home, None) == find_admin_key(home) == key
    assert [path.name for path in home.root.iterdir() if "key" in path.name] == ["admin.key"]


def test_starters_at_once_have_one_admin_key(home: Home) -> None:
    assert len(set(at_once(4, _MAKE, str(home.root)))) == 1


def test_one_that_others_may_read_is_closed_to_them(home: Home) -> None:
    key = servers_admin_key(home, None)
    home.admin_key.chmod(0o644)
    assert servers_admin_key(home, None) == key
    assert stat.S_IMODE(home.admin_key.stat().st_mode) == 0o600


def test_one_that_is_given_wins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made = servers_admin_key(home, None)
    assert servers_admin_key(home, "given") == "given"
    assert find_admin_key(home) == made
    home.config.write_text('admin_key = "configured"')
    assert find_admin_key(home) == "configured"
    monkeypatch.setenv("BLUEY_ADMIN_KEY", "exported")
    assert find_admin_key(home) == "exported"


@pytest.mark.parametrize("given", ["", " ", "two words", "schlüssel", "a\n"])
def test_one_that_no_header_carries(home: Home, given: str) -> None:
    with pytest.raises(SettingsError, match="one word"):
        servers_admin_key(home, given)
    home.make().admin_key.write_bytes(b"\n")
    with pytest.raises(SettingsError, match="remove the file"):
        servers_admin_key(home, None)
    assert find_admin_key(home) is None
