"""Intervals over probes: what they contain, what they ignore, and how often they are right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bluey_admin.evaluation.findings import Interval
from bluey_admin.evaluation.intervals import Scores, difference_interval, mean_interval

_shapes = st.tuples(st.integers(2, 12), st.integers(1, 4)) | st.tuples(
    st.integers(1, 3), st.integers(2, 8), st.integers(1, 3)
)
_scores = arrays.arrays(np.float64, _shapes, elements=st.floats(-100, 100))


def _ends(interval: Interval) -> tuple[float, float, float]:
    assert interval.value is not None and interval.low is not None and interval.high is not None
    return interval.low, interval.value, interval.high


@settings(deadline=None, max_examples=60)
@given(_scores)
def test_an_interval_holds_the_mean_and_lies_within_the_data(scores: Scores) -> None:
    low, value, high = _ends(mean_interval(scores))
    assert value == pytest.approx(scores.mean(), abs=1e-9)
    assert low <= value <= high
    probe_means = scores.mean(axis=-1)
    assert probe_means.min() - 1e-9 <= low and high <= probe_means.max() + 1e-9


@settings(deadline=None, max_examples=60)
@given(_scores, st.integers(0, 2**32 - 1))
def test_the_order_of_seeds_is_nothing(scores: Scores, seed: int) -> None:
    permuted = np.random.default_rng(seed).permuted(scores, axis=-1)
    assert mean_interval(permuted) == mean_interval(scores)
    assert difference_interval(permuted, scores).value == 0.0


@settings(deadline=None, max_examples=30)
@given(_scores)
def test_pairing_cancels_what_both_share(scores: Scores) -> None:
    if scores.ndim == 2:
        low, value, high = _ends(difference_interval(scores + 1.0, scores))
        assert (low, value, high) == pytest.approx((1.0, 1.0, 1.0), abs=1e-6)


def test_the_same_twice() -> None:
    scores = np.random.default_rng(1).random((40, 3))
    assert mean_interval(scores) == mean_interval(scores)
    assert mean_interval(scores) != mean_interval(scores, seed=1)


def test_it_is_right_nineteen_times_in_twenty() -> None:
    """Two models, answers to a probe much alike: an interval over answers would be right less."""
    draw, right, right_over_answers = np.random.default_rng(5), 0, 0
    for _ in range(200):
        difference = 0.3 + draw.normal(0, 1, (40, 1)) + draw.normal(0, 0.3, (40, 5))
        other = draw.normal(0, 5, (40, 1)) + np.zeros((40, 5))
        low, _, high = _ends(difference_interval(other + difference, other))
        right += low <= 0.3 <= high
        low, _, high = _ends(mean_interval(difference.reshape(200, 1)))
        right_over_answers += low <= 0.3 <= high
    assert 0.89 <= right / 200 <= 0.98
    assert right_over_answers / 200 < 0.8


def test_repeats_widen_an_interval() -> None:
    """Two trainings that differ: as one long list of seeds that would go unseen."""
    draw = np.random.default_rng(2)
    scores = draw.normal(0, 0.1, (4, 40, 2)) + np.array([0.0, 1.0, 2.0, 3.0])[:, None, None]
    low, value, high = _ends(mean_interval(scores))
    assert high - low > 1.5
    flat_low, flat_value, flat_high = _ends(mean_interval(np.concatenate(scores, axis=1)))
    assert value == pytest.approx(flat_value)
    assert flat_high - flat_low < 0.1
    low, _, high = _ends(difference_interval(scores, scores[:1]))
    assert high - low > 1.5


def test_one_repeat_is_as_none() -> None:
    scores, other = np.random.default_rng(3).random((2, 20, 3))
    assert mean_interval(scores[np.newaxis]) == mean_interval(scores)
    assert difference_interval(scores[np.newaxis], other) == difference_interval(scores, other)


def test_missing_answers() -> None:
    full = np.arange(24.0).reshape(8, 3)
    holed = full.copy()
    holed[0] = np.nan
    holed[1, 1] = np.nan
    assert mean_interval(holed) == mean_interval(full[1:])  # (3 + 5) / 2 is 4, as with the middle
    assert difference_interval(holed, full).value == 0.0
    assert difference_interval(full + 2, holed).value == 2.0
    repeats = np.stack([full, holed])
    repeats[1, 2:] = np.nan
    low, value, high = _ends(mean_interval(repeats))
    assert np.isfinite([low, value, high]).all() and low < value < high


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3, 0), (2, 1, 3)])
def test_too_little_for_an_interval(shape: tuple[int, ...]) -> None:
    assert mean_interval(np.ones(shape)) == Interval()
    assert difference_interval(np.ones(shape), np.zeros(shape)) == Interval()


def test_all_missing() -> None:
    nothing = np.full((5, 2), np.nan)
    assert mean_interval(nothing) == Interval()
    assert difference_interval(nothing, np.ones((5, 2))) == Interval()


def test_shapes_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match="neither two nor three axes"):
        mean_interval(np.ones(5))
    with pytest.raises(ValueError, match="5 probes can't be paired with 4"):
        difference_interval(np.ones((5, 2)), np.ones((4, 2)))
