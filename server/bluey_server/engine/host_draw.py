"""Drawing tokens on the host, where the device is the CPU and the vocabulary is wide.

An exponential of float32 takes MLX some 19 ns on x86, NumPy less than 1: a row of 262,144 logits
5 ms or 0.3. And what a row keeps (its nucleus may be 3 tokens or 100,000) need not have a shape
that is known beforehand. The logits are read where they lie; but drawing waits for them, so that
small vocabularies are better left to the device.

The order of tokens is that of candidates.py. Sums are float64.
"""

import numpy as np
import numpy.typing as npt

from bluey_server.messages import Sampling

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.intp]

_LANES = 128
"""Logits of which one is the largest: every (V / 128)th, which NumPy finds quickest."""

_LOWEST = np.float32(-87)
"""What is further below the likeliest is less than 1e-37 as likely. Float32 has no normal numbers
below, and NumPy is ten times as slow where it must make others."""

_LOWEST_WEIGHT = np.exp(_LOWEST)

COLDEST = 1e-30
"""A temperature below is one that float32 can't divide by, and differs in nothing else."""

_PIECE = 2**15  # logits at once, so that what one pass wrote is still in the cache for the next
_BLOCK = 512  # tokens whose weights are added up, to find where in the vocabulary a draw falls

_FIRST_TRY = 64  # tokens that a nucleus is looked for in; if it is wider, in 16 times as many
_GROWTH = 16


class HostDraw:
    """Draws from rows of logits, one at a time. Keeps a row's worth of memory."""

    def __init__(self) -> None:
        self._memory: Floats = np.empty(0, np.float32)

    def draw(self, logits: Floats, sampling: Sampling, uniform: float) -> tuple[int, float]:
        """A token for a row of (V,) logits, by a random number in [0, 1), and the row's largest
        logit. Where that is not finite no token can be drawn, and what is returned means nothing.
        """
        largest = largest_logits(logits)
        peak = largest.max()
        if sampling.temperature == 0 or not np.isfinite(peak):
            return int(logits.argmax()), float(peak)
        if 0 < sampling.top_k < len(logits):
            ids = first(logits, largest, sampling.top_k)
            weights = _weigh(
                logits[ids], peak, sampling.temperature, np.empty(len(ids), np.float32)
            )
            if sampling.top_p < 1:
                kept = _nucleus(weights, sampling.top_p * weights.sum(dtype=np.float64))
                ids, weights = ids[:kept], weights[:kept]
        else:
            weights = self._weigh(logits, peak, sampling.temperature)
            if sampling.top_p >= 1 and sampling.min_p == 0:
                return _draw_from_all(weights, uniform), float(peak)
            if sampling.top_p < 1:
                ids, weights = _narrow(logits, largest, weights, sampling.top_p)
            else:
                ids = np.flatnonzero(weights >= np.float32(min(sampling.min_p, 1)))
                weights = weights[ids]
        likely = weights >= np.float32(min(sampling.min_p, 1))
        ids, weights = ids[likely], weights[likely]
        by_id = ids.argsort()
        return int(ids[by_id[_at(weights[by_id], uniform)]]), float(peak)

    def _weigh(self, logits: Floats, peak: np.float32, temperature: float) -> Floats:
        """(V,) weights, the likeliest token's 1, an impossible one's 0; until the next call."""
        if len(self._memory) < len(logits):
            self._memory = np.empty(len(logits), np.float32)
        weights = self._memory[: len(logits)]
        for start in range(0, len(logits), _PIECE):
            part = slice(start, start + _PIECE)
            _weigh(logits[part], peak, temperature, weights[part])
        return weights


def sum_of_weights(logits: Floats, peak: np.float32) -> float:
    """What (V,) logits weigh together, at temperature 1; `peak` is the largest and weighs 1."""
    memory = np.empty(_PIECE, np.float32)
    total = 0.0
    for start in range(0, len(logits), _PIECE):
        piece = logits[start : start + _PIECE]
        total += float(_weigh(piece, peak, 1, memory[: len(piece)]).sum())
    return total


def _weigh(logits: Floats, peak: np.float32, temperature: float, weights: Floats) -> Floats:
    np.subtract(logits, peak, out=weights)
    if temperature != 1:
        with np.errstate(over="ignore"):
            np.divide(weights, np.float32(max(temperature, COLDEST)), out=weights)
    np.maximum(weights, _LOWEST, out=weights)
    np.exp(weights, out=weights)
    return np.subtract(weights, _LOWEST_WEIGHT, out=weights)


def largest_logits(logits: Floats) -> Floats:
    """The largest of each part of (V,) logits; NaN where one is NaN."""
    whole = len(logits) // _LANES * _LANES
    parts = logits[:whole].reshape(_LANES, -1).max(axis=0) if whole else logits[:0]
    return np.append(parts, logits[whole:])


def first(logits: Floats, largest: Floats, count: int) -> Ids:
    """The ids of the `count` likeliest tokens in order, or of all that are possible where those
    are fewer. `largest` is of `largest_logits`."""
    among = largest if count <= len(largest) else logits
    # So many parts have one that is not below it; so have the logits, then.
    floor = np.partition(among, len(among) - count)[len(among) - count]
    ids = np.flatnonzero(logits >= floor if floor > -np.inf else logits > -np.inf)
    return ids[np.argsort(-logits[ids], kind="stable")[:count]]


def _narrow(
    logits: Floats, largest: Floats, all_weights: Floats, top_p: float
) -> tuple[Ids, Floats]:
    """The nucleus, in order, and its weights."""
    mass = top_p * all_weights.sum(dtype=np.float64)
    tried = _FIRST_TRY
    while True:
        tried = min(tried, len(logits))
        ids = first(logits, largest, tried)
        weights = all_weights[ids]
        if weights.sum(dtype=np.float64) >= mass or len(ids) < tried or tried == len(logits):
            kept = _nucleus(weights, mass)
            return ids[:kept], weights[:kept]
        tried *= _GROWTH


def _nucleus(weights: Floats, mass: float) -> int:
    """How many of the first tokens are needed to reach a mass; at least one."""
    before = np.cumsum(weights, dtype=np.float64) - weights
    return max(int(np.count_nonzero(before < mass)), 1)


def _draw_from_all(weights: Floats, uniform: float) -> int:
    """First a block of neighbours, then the token in it."""
    starts = np.arange(0, len(weights), _BLOCK)
    until = np.add.reduceat(weights, starts).cumsum(dtype=np.float64)
    mark = uniform * until[-1]
    block = int(until.searchsorted(mark, side="right"))
    start, before = block * _BLOCK, until[block - 1] if block else 0.0
    within = weights[start : start + _BLOCK]
    return start + _at(within, (mark - before) / within.sum(dtype=np.float64))


def _at(weights: Floats, share: float) -> int:
    """The first place whose weight, with those before it, is more than a share of all."""
    until = np.cumsum(weights, dtype=np.float64)
    place = int(until.searchsorted(share * until[-1], side="right"))
    # By rounding alone a share may be all of it. One of no weight is no end.
    return place if place < len(until) else int(until.searchsorted(until[-1]))
