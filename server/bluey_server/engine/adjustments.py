"""What rows want done to their logits before a token is chosen: penalties, biases, a processor.

One call for the batch, for the rows that want something; a batch in which none does pays nothing.
The counts that penalties need stay on the device: a token is counted without waiting for it.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import mlx.core as mx

from bluey_server.messages import Sampling

if TYPE_CHECKING:
    from bluey_server.engine.rows import Row

Processor = Callable[[mx.array], mx.array]
"""Logits (V,) to logits (V,). One that raises fails its own row and no other."""

log = logging.getLogger(__name__)


class Adjustment:
    """One row's wishes, and what they need to remember."""

    def __init__(self, sampling: Sampling, prompt: list[int]) -> None:
        self.sampling = sampling
        self._prompt = prompt
        self.counts: mx.array | None = None  # (V,) float32: occurrences in the answer
        self.in_prompt: mx.array | None = None  # (V,) bool
        self.bias: mx.array | None = None  # (V,) float32

    @classmethod
    def wanted(cls, sampling: Sampling, prompt: list[int]) -> "Adjustment | None":
        """The adjustment that a request asks for, if any."""
        idle = (
            sampling.repetition_penalty == 1.0
            and sampling.frequency_penalty == 0.0
            and sampling.presence_penalty == 0.0
            and not sampling.logit_bias
        )
        return None if idle else cls(sampling, prompt)

    def prepare(self, vocabulary: int) -> None:
        """Make the arrays, once the width of the logits is known."""
        if self.counts is not None:
            return
        self.counts = mx.zeros((vocabulary,))
        self.in_prompt = mx.zeros((vocabulary,), mx.bool_)
        if self.sampling.repetition_penalty != 1.0:
            self.in_prompt[mx.array(self._prompt)] = mx.array(True)
        self.bias = mx.zeros((vocabulary,))
        if self.sampling.logit_bias:
            ids, values = zip(*self.sampling.logit_bias, strict=True)
            self.bias[mx.array(ids)] = mx.array(values, mx.float32)


def adjust(logits: mx.array, rows: Sequence["Row"]) -> mx.array:
    """(B, V) logits as the rows want them.

    The repetition penalty is CTRL's (arXiv:1909.05858), on tokens of prompt and answer: positive
    logits are divided, negative ones multiplied. The frequency and presence penalties are OpenAI's,
    on tokens of the answer alone.
    """
    if not any(row.wants_adjustment for row in rows):
        return logits
    logits = _penalized(logits, rows)
    for index, row in enumerate(rows):
        if row.processor is not None and row.failure is None:
            logits[index] = _processed(logits[index], row, row.processor)
    return logits


def _penalized(logits: mx.array, rows: Sequence["Row"]) -> mx.array:
    """A copy of the logits, with penalties and biases."""
    logits = logits + 0  # what the model gave out may be used elsewhere
    wanting = [(i, row.adjustment) for i, row in enumerate(rows) if row.adjustment is not None]
    if not wanting:
        return logits
    at = mx.array([index for index, _ in wanting])
    adjustments = [adjustment for _, adjustment in wanting]
    for adjustment in adjustments:
        adjustment.prepare(logits.shape[-1])
    samplings = [adjustment.sampling for adjustment in adjustments]
    counts = _stack([adjustment.counts for adjustment in adjustments])
    seen = _stack([adjustment.in_prompt for adjustment in adjustments]) | (counts > 0)
    repetition = mx.array([[s.repetition_penalty] for s in samplings])
    frequency = mx.array([[s.frequency_penalty] for s in samplings])
    presence = mx.array([[s.presence_penalty] for s in samplings])

    part = logits[at].astype(mx.float32)
    part = mx.where(seen, mx.where(part < 0, part * repetition, part / repetition), part)
    part = part - frequency * counts - presence * (counts > 0)
    part = part + _stack([adjustment.bias for adjustment in adjustments])
    logits[at] = part.astype(logits.dtype)
    return logits


def count(tokens: mx.array, rows: Sequence["Row"]) -> None:
    """Remember the tokens (B,) that were chosen."""
    for index, row in enumerate(rows):
        adjustment = row.adjustment
        if adjustment is not None and adjustment.counts is not None:
            adjustment.counts = adjustment.counts.at[tokens[index]].add(1.0)


def _processed(logits: mx.array, row: "Row", processor: Processor) -> mx.array:
    try:
        return processor(logits)
    except Exception as error:
        # Out of here it would take every row of the batch with it.
        log.exception("a logits processor failed")
        row.failure = f"a logits processor failed: {error}"
        return logits


def _stack(arrays: Sequence[mx.array | None]) -> mx.array:
    return mx.stack([array for array in arrays if array is not None])
