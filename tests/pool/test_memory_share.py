"""The shares of one memory budget."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluey_server.memory_share import default_budget, expected_bytes, machine_memory, share_of


@pytest.mark.parametrize(
    ("budget", "need", "taken", "share"),
    [
        (100, 20, 0, 60),  # its need, and half of the rest
        (100, 20, 60, 30),
        (100, 20, 80, 20),
        (100, 20, 81, None),  # no room beside those
        (100, 20, 100, None),
        (100, 500, 0, 100),  # too large, but alone: it may try
        (100, 500, 1, None),
        (100, 0, 0, 50),
    ],
)
def test_shares(budget: int, need: int, taken: int, share: int | None) -> None:
    assert share_of(budget, need, taken) == share


@given(st.integers(1, 10**12), st.lists(st.integers(0, 10**12), max_size=12))
def test_together_they_never_exceed_the_budget(budget: int, needs: list[int]) -> None:
    taken = 0
    for need in needs:
        share = share_of(budget, need, taken)
        if share is not None:
            assert share >= min(need, budget)
            taken += share
    assert taken <= budget


def test_what_weights_call_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"")
    (tmp_path / "model-1.safetensors").write_bytes(b"x" * 600)
    (tmp_path / "model-2.safetensors").write_bytes(b"x" * 400)
    assert expected_bytes(tmp_path) == 1500


def test_the_budget_is_a_part_of_what_there_is() -> None:
    assert 0 < default_budget() < machine_memory()
