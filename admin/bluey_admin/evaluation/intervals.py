"""95 % intervals by a percentile bootstrap over probes: the answers to one probe stay together.

Two answers of a model to the same prompt are much alike, so they are not two observations; the
probes are what is drawn. Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.

All functions take scores of shape (probes, seeds), or (repeats, probes, seeds) for several
trainings of the same kind; NaN is an answer that is missing. A probe counts by the mean of its
answers.
"""

import numpy as np
from numpy.typing import NDArray

from bluey_admin.evaluation.findings import Interval

Scores = NDArray[np.float64]

RESAMPLES = 4000


def mean_interval(scores: Scores, *, seed: int = 0) -> Interval:
    """The mean over probes (and repeats), and its interval.

    With several repeats, repeats are drawn and then probes, so that the interval holds for another
    training too. All None with fewer than two probes: one says nothing of others.
    """
    means = _probe_means(scores)
    means = means[:, ~np.isnan(means).all(axis=0)]
    draw = np.random.default_rng(seed)
    probes = _drawn(draw, means.shape[1])
    return _interval(_average(means), _resampled(means, _drawn_repeats(draw, means), probes))


def difference_interval(first: Scores, second: Scores, *, seed: int = 0) -> Interval:
    """The mean of `first` minus that of `second`, paired by probe, and its interval.

    Row by row the same probes; those that one of them has no answer to are left out. The numbers of
    seeds and of repeats may differ, and repeats are drawn for each apart. Raises ValueError when
    the numbers of probes differ.
    """
    one, other = _probe_means(first), _probe_means(second)
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"{one.shape[1]} probes can't be paired with {other.shape[1]}")
    both = ~np.isnan(one).all(axis=0) & ~np.isnan(other).all(axis=0)
    one, other = one[:, both], other[:, both]
    draw = np.random.default_rng(seed)
    probes = _drawn(draw, one.shape[1])
    drawn_one = _resampled(one, _drawn_repeats(draw, one), probes)
    drawn_other = _resampled(other, _drawn_repeats(draw, other), probes)
    return _interval(_average(one) - _average(other), drawn_one - drawn_other)


def paired_probes(first: Scores, second: Scores) -> int:
    """How many probes both have an answer to."""
    one, other = _probe_means(first), _probe_means(second)
    return int((~np.isnan(one).all(axis=0) & ~np.isnan(other).all(axis=0)).sum())


def _probe_means(scores: Scores) -> Scores:
    """(repeats, probes) means over seeds, NaN where no seed has an answer."""
    if scores.ndim not in (2, 3):
        raise ValueError(f"scores have shape {scores.shape}, neither two nor three axes")
    # Sorted, so that the order of seeds doesn't show in the last bit.
    cells = np.sort(scores if scores.ndim == 3 else scores[np.newaxis], axis=2)
    count = np.sum(~np.isnan(cells), axis=2)
    return np.where(count > 0, np.nansum(cells, axis=2) / np.maximum(count, 1), np.nan)


def _drawn(draw: np.random.Generator, count: int) -> Scores:
    """(RESAMPLES, count): how often each of `count` things is in a resample of as many."""
    if count == 0:
        return np.empty((RESAMPLES, 0))
    return draw.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)


def _drawn_repeats(draw: np.random.Generator, means: Scores) -> Scores:
    """As `_drawn`; a single repeat is there once, and takes nothing from `draw`."""
    return np.ones((RESAMPLES, 1)) if len(means) == 1 else _drawn(draw, len(means))


def _resampled(means: Scores, repeats: Scores, probes: Scores) -> Scores:
    """(RESAMPLES,) means, NaN where a resample caught only missing answers."""
    present = ~np.isnan(means)
    total = np.sum((repeats @ np.where(present, means, 0.0)) * probes, axis=1)
    weight = np.sum((repeats @ present.astype(np.float64)) * probes, axis=1)
    return np.where(weight > 0, total / np.maximum(weight, 1.0), np.nan)


def _average(means: Scores) -> float:
    # A single probe's interval would have no width and look certain.
    return float(np.nanmean(means)) if means.shape[1] > 1 else float("nan")


def _interval(value: float, resampled: Scores) -> Interval:
    if np.isnan(value):
        return Interval()
    low, high = np.nanpercentile(resampled, (2.5, 97.5))
    # Where all probes agree, rounding alone could put the mean a hair outside.
    return Interval(value, min(float(low), value), max(float(high), value))
