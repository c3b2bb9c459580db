"""What logits weigh: their exponentials, on the host, for a vocabulary at once."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.intp]

COLDEST = 1e-30
"""A temperature below is one that float32 can't divide by, and differs in nothing else."""

_LANES = 128
"""Logits of which one is the largest: every (V / 128)th, which NumPy finds quickest."""

_HIGHEST = 60.0
"""Exponentials of a vocabulary of logits up to here can be added up in float32 as they are."""

_LOWEST = np.float32(-87)
"""What is further below the likeliest is less than 1e-37 as likely. Float32 has no normal numbers
below, and NumPy is ten times as slow where it must make others."""

BLOCK = 512  # tokens whose weights `sums` adds up

_PIECE = 2**15  # logits at once, so that what one pass wrote is still in the cache for the next


class Weights:
    """Computes weights in memory of its own."""

    def __init__(self) -> None:
        self._memory: Floats = np.empty(0, np.float32)

    def of(self, logits: Floats, peak: float, temperature: float) -> Floats:
        """(N,) numbers in proportion to the probabilities of (N,) logits, the largest of them
        `peak`; impossible ones 0. They are there until the next call."""
        if len(self._memory) < len(logits):
            self._memory = np.empty(len(logits), np.float32)
        weights = self._memory[: len(logits)]
        for start in range(0, len(logits), _PIECE):
            part = slice(start, start + _PIECE)
            _weigh(logits[part], peak, temperature, weights[part])
        return weights

    def log_of_sum(self, logits: Floats, peak: float) -> float:
        """The logarithm of what the exponentials of (N,) logits add up to; NaN where one is NaN or
        none is finite."""
        if not np.isfinite(peak):
            return np.nan
        total = 0.0
        for start in range(0, len(logits), _PIECE):
            total += float(sums(self.of(logits[start : start + _PIECE], peak, 1)).sum())
        return float(np.log(total)) + (0.0 if _as_they_are(peak) else peak)


def sums(weights: Floats) -> npt.NDArray[np.float64]:
    """Of each block of (N,) weights; the last one is what is left, maybe nothing."""
    whole = len(weights) // BLOCK * BLOCK
    # Twice as fast as `sum` along the last axis.
    blocks = np.einsum("ij->i", weights[:whole].reshape(-1, BLOCK))
    return np.append(blocks, weights[whole:].sum()).astype(np.float64)


def _as_they_are(peak: float) -> bool:
    return abs(peak) <= _HIGHEST


def _weigh(logits: Floats, peak: float, temperature: float, weights: Floats) -> None:
    if _as_they_are(peak / max(temperature, COLDEST)):
        if temperature == 1:
            np.exp(logits, out=weights)
        else:
            np.divide(logits, np.float32(temperature), out=weights)
            np.exp(weights, out=weights)
        return
    np.subtract(logits, np.float32(peak), out=weights)
    with np.errstate(over="ignore"):
        np.divide(weights, np.float32(max(temperature, COLDEST)), out=weights)
    np.maximum(weights, _LOWEST, out=weights)
    np.exp(weights, out=weights)
    np.subtract(weights, np.exp(_LOWEST), out=weights)


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
