"""Each row is sampled by its own parameters and its own seed, whatever is beside it."""

from collections import Counter
from typing import Any

import pytest

from bluey_server.engine.rows import Row, RowEntry
from bluey_server.messages import Sampling

pytestmark = pytest.mark.usefixtures("blas")

PROBABILITIES = [0.5, 0.25, 0.15, 0.07, 0.03]


def row(*, end_ids: tuple[int, ...] = (), min_tokens: int = 0, **sampling: Any) -> Row:
    return Row(0, Sampling(**sampling), end_ids, min_tokens)


def draw(rows: list[Row], times: int) -> list[list[int]]:
    """Tokens of each row, drawn `times` times from the same distribution."""
    import mlx.core as mx

    from bluey_server.engine.sampler import BatchSampler

    sampler = BatchSampler()
    sampler.entry = RowEntry(rows)
    sampler.logits = mx.log(mx.array([PROBABILITIES] * len(rows)))
    steps = [sampler(mx.zeros((len(rows), 1))).tolist() for _ in range(times)]
    return [list(column) for column in zip(*steps, strict=True)]


def test_frequencies_follow_the_probabilities() -> None:
    (tokens,) = draw([row(temperature=1.0, seed=3)], 4000)
    counts = Counter(tokens)
    for token, probability in enumerate(PROBABILITIES):
        assert counts[token] / 4000 == pytest.approx(probability, abs=0.03)


def test_temperature_sharpens() -> None:
    cold, hot = draw([row(temperature=0.3, seed=1), row(temperature=2.0, seed=1)], 1000)
    assert cold.count(0) > 850 > 500 > hot.count(0)


@pytest.mark.parametrize(
    ("sampling", "possible"),
    [
        ({"temperature": 0.0}, {0}),
        ({"top_k": 1}, {0}),
        ({"top_k": 2}, {0, 1}),
        ({"top_k": 99}, {0, 1, 2, 3, 4}),
        ({"top_p": 0.0}, {0}),
        ({"top_p": 0.4}, {0}),
        ({"top_p": 0.6}, {0, 1}),
        ({"top_p": 0.89}, {0, 1, 2}),
        ({"min_p": 0.2}, {0, 1, 2}),
        ({"min_p": 1.0}, {0}),
        ({"top_k": 3, "top_p": 0.8}, {0, 1}),
        ({}, {0, 1, 2, 3, 4}),
    ],
)
def test_filters_leave_what_they_should(sampling: dict[str, float], possible: set[int]) -> None:
    given: dict[str, Any] = {"temperature": 1.0, "seed": 5, **sampling}
    beside = row(temperature=1.0, top_k=4, top_p=0.95, seed=9)
    tokens, _ = draw([row(**given), beside], 600)
    assert set(tokens) == possible


def test_a_seed_gives_the_same_text_whatever_is_beside_it() -> None:
    (alone,) = draw([row(seed=7)], 50)
    crowd = [row(seed=1), row(temperature=0.0), row(seed=7), row(seed=7, top_k=5)]
    among = draw(crowd, 50)
    assert among[2] == alone
    assert among[0] != alone


def test_neighbouring_seeds_share_nothing() -> None:
    first, second = draw([row(seed=7), row(seed=8)], 200)
    for shift in range(3):
        overlap = sum(a == b for a, b in zip(first[shift:], second, strict=False))
        assert overlap < 120, "chance alone gives about 70"


def test_ends_are_impossible_until_enough_tokens_are_out() -> None:
    rows = [row(temperature=0.0, end_ids=(0, 1), min_tokens=3), row(temperature=0.0)]
    held, free = draw(rows, 5)
    assert held == [2, 2, 2, 0, 0]
    assert free == [0] * 5
