"""What rows may need is known before they start."""

from types import SimpleNamespace
from typing import Any

import pytest

from bluey_server.engine.kv_budget import KVBudget, KVCost, Room


def layer(*, tokens: int, nbytes: int, window: int | None = None) -> Any:
    """Stands for a cache of mlx-lm's that holds so many tokens in so many bytes."""
    keys = SimpleNamespace(shape=(1, 2, tokens, 64))
    made = SimpleNamespace(keys=keys, nbytes=nbytes)
    if window is not None:
        made.max_size = window
    return made


def test_a_windowed_layer_costs_no_more_than_its_window() -> None:
    cost = KVCost.measured(
        [layer(tokens=256, nbytes=2560), layer(tokens=256, nbytes=2560, window=512)]
    )
    assert cost(100) == 2000
    assert cost(1000) == 10_000 + 5120


def test_a_state_without_keys_costs_the_same_at_any_length() -> None:
    cost = KVCost.measured([SimpleNamespace(nbytes=77)])
    assert cost(1) == cost(10_000) == 77


@pytest.fixture
def budget() -> KVBudget:
    """Room for 100 tokens of 1 byte."""
    return KVBudget(KVCost.measured([layer(tokens=1, nbytes=1)]), 100)


def test_every_row_is_as_long_as_the_longest(budget: KVBudget) -> None:
    budget.reserve(1, 40)
    assert budget.room(50) is Room.NOW  # two of 50
    assert budget.room(51) is Room.LATER
    budget.reserve(2, 10)
    assert budget.reserved == 80
    assert budget.left(20) == 100 - 3 * 40


def test_what_never_fits_is_said_at_once(budget: KVBudget) -> None:
    assert budget.room(100) is Room.NOW
    assert budget.room(101) is Room.NEVER


def test_a_row_gives_back_what_it_had(budget: KVBudget) -> None:
    budget.reserve(1, 90)
    assert budget.room(10) is Room.LATER
    budget.release(1)
    budget.release(1)
    assert budget.room(100) is Room.NOW
    assert budget.reserved == 0
