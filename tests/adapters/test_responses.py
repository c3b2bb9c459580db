"""Responses at rest: chains of turns, whose they are, and how long they are there."""

import sqlite3
import stat

import pytest

from bluey_adapters.errors import UnknownResponse
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_adapters.response_table import StoredResponse

DAY = 86_400.0


def turn(name: str, previous: str | None = None, owner: str = "marie") -> StoredResponse:
    """A turn in which one thing was said and one answered."""
    return StoredResponse(
        id=name,
        previous_id=previous,
        owner=owner,
        body={"id": name, "metadata": {"key": "ü"}},
        input=[{"id": f"in-{name}", "text": "Hello"}],
        output=[{"id": f"out-{name}"}, {"id": f"call-{name}"}],
    )


def talk(registry: Registry, turns: int) -> None:
    """A conversation: turn-0, turn-1, …"""
    for number in range(turns):
        previous = f"turn-{number - 1}" if number else None
        registry.responses.add(turn(f"turn-{number}", previous), keep=DAY)


def ids(registry: Registry, name: str) -> list[str]:
    """Ids of a conversation's items, up to a turn."""
    return [item["id"] for item in registry.responses.conversation(name, "marie")]


def test_a_turn_comes_back_as_it_was(registry: Registry) -> None:
    registry.responses.add(turn("a"), keep=DAY)
    assert registry.responses.get("a", "marie") == turn("a")


def test_a_conversation_is_all_its_turns_in_order(registry: Registry, home: Home) -> None:
    talk(registry, 200)
    expected = [f"{kind}-turn-{number}" for number in range(200) for kind in ("in", "out", "call")]
    assert ids(registry, "turn-199") == expected
    assert ids(registry, "turn-1") == expected[:6]
    registry.close()
    with Registry(home) as another:
        assert ids(another, "turn-199") == expected


def test_turns_may_branch(registry: Registry) -> None:
    talk(registry, 2)
    registry.responses.add(turn("other", "turn-0"), keep=DAY)
    assert ids(registry, "other")[:3] == ids(registry, "turn-1")[:3]
    assert ids(registry, "other")[3:] == ["in-other", "out-other", "call-other"]


def test_what_goes_back_to_a_removed_turn_says_so(registry: Registry) -> None:
    talk(registry, 4)
    registry.responses.remove("turn-1", "marie")
    for later in ("turn-2", "turn-3"):
        with pytest.raises(UnknownResponse) as caught:
            registry.responses.conversation(later, "marie")
        assert caught.value.response_id == "turn-1"
    assert ids(registry, "turn-0")
    assert registry.responses.get("turn-3", "marie").previous_id == "turn-2"
    assert registry.responses.item("in-turn-1", "marie") is None


def test_to_others_it_is_not_there(registry: Registry) -> None:
    talk(registry, 2)
    registry.responses.add(turn("paul's", "turn-1", owner="paul"), keep=DAY)
    for owner in ("paul", "", "MARIE"):
        with pytest.raises(UnknownResponse):
            registry.responses.get("turn-1", owner)
        with pytest.raises(UnknownResponse):
            registry.responses.conversation("turn-1", owner)
        with pytest.raises(UnknownResponse):
            registry.responses.remove("turn-1", owner)
        assert registry.responses.item("in-turn-1", owner) is None
    with pytest.raises(UnknownResponse) as caught:  # nor through one of their own
        registry.responses.conversation("paul's", "paul")
    assert caught.value.response_id == "turn-1"


def test_after_its_time_it_is_not_there(registry: Registry) -> None:
    registry.responses.add(turn("old"), keep=0)
    registry.responses.add(turn("new"), keep=DAY)
    with pytest.raises(UnknownResponse):
        registry.responses.get("old", "marie")
    with pytest.raises(UnknownResponse):
        registry.responses.conversation("old", "marie")
    with pytest.raises(UnknownResponse):
        registry.responses.remove("old", "marie")
    assert registry.responses.item("in-old", "marie") is None
    assert (registry.responses.sweep(), registry.responses.sweep()) == (1, 0)
    assert registry.responses.get("new", "marie")


def test_going_on_keeps_what_was_before(registry: Registry, home: Home) -> None:
    talk(registry, 2)

    def left() -> list[float]:
        with sqlite3.connect(home.registry) as database:
            rows = database.execute(
                "SELECT expires_at - created_at FROM responses ORDER BY created_at"
            ).fetchall()
        database.close()
        return [row[0] for row in rows]

    before = left()
    registry.responses.add(turn("turn-2", "turn-1"), keep=2 * DAY)
    assert all(later > earlier + DAY / 2 for later, earlier in zip(left(), before, strict=False))
    registry.responses.add(turn("turn-3", "turn-2"), keep=1)
    assert min(left()[:3]) > DAY  # never shortened


def test_sweeping_leaves_no_items(registry: Registry, home: Home) -> None:
    registry.responses.add(turn("old"), keep=0)
    registry.responses.sweep()
    registry.close()
    database = sqlite3.connect(home.registry)
    assert database.execute("SELECT COUNT(*) FROM response_items").fetchone() == (0,)
    database.close()


def test_an_id_that_came_twice_means_the_newest(registry: Registry) -> None:
    """Clients send items again under the ids that they were given."""
    for name, text in (("a", "first"), ("b", "second")):
        again = StoredResponse(
            id=name,
            previous_id=None,
            owner="",
            body={},
            input=[{"id": "x", "text": text}],
            output=[],
        )
        registry.responses.add(again, keep=DAY)
    assert registry.responses.item("x", "") == {"id": "x", "text": "second"}


def test_a_registry_from_before_is_brought_up_to_date(home: Home) -> None:
    Registry(home).close()
    database = sqlite3.connect(home.registry, isolation_level=None)
    database.execute("DROP TABLE response_items")
    database.execute("DROP TABLE responses")
    database.execute("PRAGMA user_version = 2")
    database.close()
    home.registry.chmod(0o644)
    with Registry(home) as registry:
        talk(registry, 1)
        assert len(ids(registry, "turn-0")) == 3


def test_only_its_user_may_read_the_file(registry: Registry, home: Home) -> None:
    talk(registry, 1)
    modes = {path.name: path.stat().st_mode for path in home.root.glob("registry.db*")}
    assert "registry.db" in modes
    assert {stat.S_IMODE(mode) for mode in modes.values()} == {0o600}


def test_what_is_forgotten_is_gone(registry: Registry, home: Home) -> None:
    secret = StoredResponse(
        id="a",
        previous_id=None,
        owner="",
        body={},
        input=[{"id": "x", "text": "sesame" * 9}],
        output=[],
    )
    registry.responses.add(secret, keep=DAY)
    registry.responses.remove("a", "")
    registry.close()
    assert b"sesamesesame" not in home.registry.read_bytes()
