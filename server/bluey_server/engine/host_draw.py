"""Drawing tokens on the host, where the device is the CPU and the vocabulary is wide.

An exponential of float32 takes MLX some 19 ns on x86, NumPy less than 1: a row of 262,144 logits
5 ms or 0.2. And what a row keeps (its nucleus may be 3 tokens or 100,000) need not have a shape
that is known beforehand. The logits are read where they lie; but drawing waits for them, so that
small vocabularies are better left to the device.

The order of tokens is that of candidates.py. Sums over a vocabulary are float64.
"""

import numpy as np

from bluey_server.engine.weights import BLOCK, Floats, Ids, Weights, first, largest_logits, sums
from bluey_server.messages import Sampling

_TRIES = (64, 1024)
"""Tokens that a nucleus is looked for in; one that is wider is looked for in all."""


class HostDraw:
    """Draws from rows of logits, one at a time. Keeps a row's worth of memory."""

    def __init__(self) -> None:
        self._weights = Weights()

    def draw(self, logits: Floats, sampling: Sampling, uniform: float) -> tuple[int, float]:
        """A token for a row of (V,) logits, by a random number in [0, 1), and the row's largest
        logit. Where that is not finite no token can be drawn, and what is returned means nothing.
        """
        largest = largest_logits(logits)
        peak = float(largest.max())
        if sampling.temperature == 0 or not np.isfinite(peak):
            return int(logits.argmax()), peak
        if 0 < sampling.top_k < len(logits):
            ids = first(logits, largest, sampling.top_k)
            weights = self._weights.of(logits[ids], peak, sampling.temperature)
            if sampling.top_p < 1:
                kept = _nucleus(weights, sampling.top_p * weights.sum(dtype=np.float64))
                ids, weights = ids[:kept], weights[:kept]
            by_id = ids.argsort()
            ids, weights = ids[by_id], weights[by_id]
        else:
            weights = self._weights.of(logits, peak, sampling.temperature)
            if sampling.top_p < 1:
                ids = np.sort(_narrow(logits, largest, weights, sampling.top_p))
            elif sampling.min_p > 0:
                ids = np.flatnonzero(weights >= _floor(weights, sampling.min_p))
            else:
                return _draw_from_all(weights, uniform), peak
            weights = weights[ids]
        if sampling.min_p > 0:
            likely = weights >= _floor(weights, sampling.min_p)
            ids, weights = ids[likely], weights[likely]
        return int(ids[_at(weights, uniform)]), peak


def _narrow(logits: Floats, largest: Floats, weights: Floats, top_p: float) -> Ids:
    """The ids of the nucleus, in any order."""
    mass = top_p * sums(weights).sum()
    for tried in _TRIES:
        ids = first(logits, largest, min(tried, len(logits)))
        among = weights[ids]
        if among.sum(dtype=np.float64) >= mass:
            return ids[: _nucleus(among, mass)]
    ordered = np.sort(weights)[::-1]
    kept = _nucleus(ordered, mass)
    above = np.flatnonzero(weights > ordered[kept - 1])
    # Of those as likely as the last one, the lower ids stay, as many as there is room for.
    equal = np.flatnonzero(weights == ordered[kept - 1])
    return np.append(above, equal[: kept - len(above)])


def _nucleus(weights: Floats, mass: float) -> int:
    """How many of the first tokens are needed to reach a mass; at least one."""
    until = np.cumsum(weights, dtype=np.float64)
    return min(int(until.searchsorted(mass)) + 1, len(weights))


def _floor(weights: Floats, min_p: float) -> np.float32:
    return np.float32(weights.max() * np.float32(min(min_p, 1)))


def _draw_from_all(weights: Floats, uniform: float) -> int:
    """First a block of neighbours, then the token in it."""
    until = sums(weights).cumsum()
    mark = uniform * until[-1]
    block = int(until.searchsorted(mark, side="right"))
    start, before = block * BLOCK, until[block - 1] if block else 0.0
    within = weights[start : start + BLOCK]
    return start + _at(within, (mark - before) / within.sum(dtype=np.float64))


def _at(weights: Floats, share: float) -> int:
    """The first place whose weight, with those before it, is more than a share of all."""
    until = np.cumsum(weights, dtype=np.float64)
    place = int(until.searchsorted(share * until[-1], side="right"))
    # By rounding alone a share may be all of it. One of no weight is no end.
    return place if place < len(until) else int(until.searchsorted(until[-1]))
