"""The residency table, case by case."""

import pytest

from bluey_server.engine.residency import Load, Residency, Resident, Wait


def resident(table: Residency, adapter: str, request: int) -> int:
    """Load `adapter`, make `request` its user, and return its slot."""
    placement = table.place(adapter, request)
    if isinstance(placement, Load):
        table.loaded(adapter)
        placement = table.place(adapter, request)
    assert isinstance(placement, Resident)
    return placement.slot


def test_an_adapter_is_loaded_once_and_shared() -> None:
    table = Residency(2)
    assert table.place("a", 1) == Load(1, None)
    assert table.place("a", 1) == Wait(), "while it is being loaded, everybody waits"
    assert table.place("a", 2) == Wait()
    table.loaded("a")
    assert table.place("a", 1) == table.place("a", 2) == Resident(1)
    assert table.table() == [(1, "a", [1, 2])]


def test_empty_slots_are_filled_before_anything_is_evicted() -> None:
    table = Residency(3)
    for number, adapter in enumerate("abc", start=1):
        assert resident(table, adapter, number) == number
        table.release(number)
    assert table.place("d", 9) == Load(1, "a")


def test_the_least_recently_used_is_evicted() -> None:
    table = Residency(2)
    for request, adapter in enumerate(["a", "b", "a"]):
        resident(table, adapter, request)
        table.release(request)
    assert table.place("c", 9) == Load(2, "b")


def test_one_in_use_is_never_evicted() -> None:
    table = Residency(1)
    resident(table, "a", 1)
    resident(table, "a", 2)
    assert table.place("b", 3) == Wait()
    table.release(1)
    assert table.place("b", 3) == Wait(), "request 2 still uses it"
    table.release(2)
    assert table.place("b", 3) == Load(1, "a")


def test_a_slot_being_loaded_is_never_evicted() -> None:
    table = Residency(1)
    assert table.place("a", 1) == Load(1, None)
    assert table.place("b", 2) == Wait()


def test_a_failed_load_frees_its_slot() -> None:
    table = Residency(1)
    table.place("a", 1)
    table.failed("a")
    assert not table.holds("a")
    assert table.place("b", 2) == Load(1, None)


def test_drop_spares_what_is_in_use() -> None:
    table = Residency(1)
    resident(table, "a", 1)
    assert table.drop("a") is None
    table.release(1)
    assert table.drop("a") == 1
    assert table.table() == []


def test_releasing_twice_or_a_stranger_is_idle() -> None:
    table = Residency(1)
    resident(table, "a", 1)
    table.release(7)
    table.release(1)
    table.release(1)
    assert table.table() == [(1, "a", [])]


def test_there_must_be_a_slot() -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Residency(0)


def test_a_slot_that_is_waited_for_takes_no_newcomers() -> None:
    table = Residency(1)
    resident(table, "a", 1)
    assert table.place("b", 2) == Wait()
    assert table.place("a", 3) == Wait(), "or those who keep coming for a would starve b"
    table.release(1)
    assert table.place("a", 3) == Wait(), "nor once it is free: it is b's"
    assert table.place("b", 2) == Load(1, "a")


def test_the_slot_with_the_fewest_users_is_waited_for() -> None:
    table = Residency(2)
    for request in (1, 2):
        resident(table, "a", request)
    resident(table, "b", 3)
    assert table.place("c", 4) == Wait()
    assert table.place("a", 5) == Resident(1)
    assert table.place("b", 6) == Wait()


def test_a_claim_ends_with_the_wish() -> None:
    table = Residency(1)
    resident(table, "a", 1)
    assert table.place("b", 2) == Wait()
    table.unclaim(set())
    assert table.place("a", 3) == Resident(1)


def test_each_who_waits_claims_a_slot_of_its_own() -> None:
    table = Residency(2)
    resident(table, "a", 1)
    resident(table, "b", 2)
    assert table.place("c", 3) == table.place("d", 4) == Wait()
    table.release(2)
    table.release(1)
    assert {table.place("c", 3), table.place("d", 4)} == {Load(1, "a"), Load(2, "b")}
