"""`bluey-admin keys`, and which key the other commands show."""

import json
import re

import pytest

from bluey_adapters.admin_key import servers_admin_key
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from tests.cli.conftest import Admin, fails
from tests.cli.fake_server import FakeServer


def test_a_key_is_shown_once(admin: Admin) -> None:
    added = admin("keys", "add", "marie")
    assert added.exit_code == 0
    key = added.stdout.strip()  # alone on stdout, for a script to take
    assert re.fullmatch(r"sk-bluey-\w{43}", key)
    assert "from now on" in added.stderr
    assert "from now on" not in admin("keys", "add", "paul").stderr
    table = admin("keys", "list").stdout
    assert key not in table
    assert table.splitlines()[1].split()[:2] == ["marie", f"…{key[-4:]}"]
    listed = json.loads(admin("keys", "list", "--json").stdout)
    assert [entry["name"] for entry in listed] == ["marie", "paul"]
    assert set(listed[0]) == {"name", "last_four", "created_at"}
    assert listed[0]["last_four"] == key[-4:]


def test_removing_and_the_last_one(admin: Admin) -> None:
    admin("keys", "add", "marie")
    admin("keys", "add", "paul")
    assert "last one" not in admin("keys", "rm", "paul").stderr
    assert "last one" in admin("keys", "rm", "marie").stderr
    assert json.loads(admin("keys", "list", "--json").stdout) == []
    assert "no keys yet" in admin("keys", "list").stderr


def test_failures_are_one_line(admin: Admin) -> None:
    admin("keys", "add", "marie")
    fails(admin("keys", "add", "marie"), "marie", "already")
    fails(admin("keys", "add", "a b"), "can't be called")
    fails(admin("keys", "rm", "paul"), "no key called paul")


@pytest.mark.parametrize("given", [False, True])
def test_the_home_s_own_key_is_shown_unless_one_is_given(
    admin: Admin, home: Home, given: bool
) -> None:
    own = servers_admin_key(home, None)
    with FakeServer().serving(home) as server:
        server.script = [["Hi"]]
        flags = ["--api-key", "k"] if given else []
        assert admin("chat", "it", *flags, stdin="Hello\n").exit_code == 0
    assert server.keys == {"Bearer k" if given else f"Bearer {own}"}


def test_up_tells_what_it_would_need_to_listen_for_others(admin: Admin, home: Home) -> None:
    with Registry(home):
        pass
    fails(
        admin("up", "--host", "0.0.0.0", "--port", "0"),
        *("0.0.0.0", "keys add NAME", "--api-key", "--host 127.0.0.1", "--insecure"),
    )
