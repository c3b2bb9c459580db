"""Log probabilities as they are told: natural ones in float32, with the likeliest alternatives.

Where the device is the CPU they are computed on the host, and only when they are asked for: by then
the device is at the next step, and NumPy needs a tenth of the time. Elsewhere their evaluation is
begun with the tokens': asking for it later would wait for the step after.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import mlx.core as mx
import numpy as np

from bluey_server.engine.candidates import Candidates
from bluey_server.engine.host import as_numpy, in_float32, on_host
from bluey_server.engine.weights import Weights, first, largest_logits
from bluey_server.messages import TokenLogprobs


class StepLogprobs(Protocol):
    """What the rows of a step are told of their tokens."""

    def of(self, row: int) -> TokenLogprobs:
        """What one row is told. Waits for its logits."""
        ...


def step_logprobs(
    logits: mx.array, tokens: mx.array, counts: Mapping[int, int], possible: mx.array
) -> StepLogprobs:
    """Of (B, V) logits and tokens (B,), for those rows that `counts` has, with so many
    alternatives each.

    `logits` say how likely all tokens are together; alternatives are looked for in `possible`, of
    the same shape, where some of them may be -inf.
    """
    if on_host():
        logits, possible = in_float32(logits), in_float32(possible)
        mx.async_eval(logits, possible)
        return _ByHost(logits, possible, tokens, counts)
    return _by_device(logits, possible, tokens, counts)


@dataclass(frozen=True)
class _ByHost:
    logits: mx.array  # (B, V) float32
    possible: mx.array  # (B, V) float32
    tokens: mx.array  # (B,)
    counts: Mapping[int, int]

    def of(self, row: int) -> TokenLogprobs:
        possible = as_numpy(self.possible)[row]
        largest = largest_logits(possible)
        peak = float(largest.max())
        if self.logits is self.possible:
            norm = Weights().log_of_sum(possible, peak)
        else:
            logits = as_numpy(self.logits)[row]
            norm = Weights().log_of_sum(logits, float(logits.max()))
        count = min(self.counts[row], len(possible))
        ids = first(possible, largest, count) if count else np.empty(0, np.intp)
        if len(ids) < count:  # the impossible ones are told as well
            ids = np.append(ids, np.setdiff1d(np.arange(count), ids)[: count - len(ids)])
        told = possible[[int(as_numpy(self.tokens)[row]), *ids]].astype(np.float64) - norm
        chosen, *others = told.tolist()
        return TokenLogprobs(chosen, ids.tolist(), others)


class _ByDevice:
    def __init__(self, arrays: tuple[mx.array, ...], places: dict[int, int], counts: Any) -> None:
        self._arrays = arrays  # chosen (R,), ids (R, k), their log probabilities (R, k)
        self._lists: list[Any] | None = None
        self._places = places
        self._counts = counts

    def of(self, row: int) -> TokenLogprobs:
        if self._lists is None:
            self._lists = [array.tolist() for array in self._arrays]
        chosen, ids, logprobs = (each[self._places[row]] for each in self._lists)
        count = self._counts[row]
        return TokenLogprobs(chosen, ids[:count], logprobs[:count])


def _by_device(
    logits: mx.array, possible: mx.array, tokens: mx.array, counts: Mapping[int, int]
) -> StepLogprobs:
    rows = mx.array(list(counts))
    norm = mx.logsumexp(logits[rows].astype(mx.float32), axis=-1, keepdims=True)
    possible = possible[rows]
    chosen = mx.take_along_axis(possible, tokens[rows][:, None], axis=-1).astype(mx.float32) - norm
    ids, values = Candidates(possible, max(1, *counts.values())).likeliest()
    arrays = (chosen[:, 0], ids, values - norm)
    mx.async_eval(*arrays)
    return _ByDevice(arrays, {row: place for place, row in enumerate(counts)}, counts)
