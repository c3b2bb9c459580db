"""What grammars allow, put to the logits of the rows that have one.

Which tokens are allowed is found out on the CPU, and only when the row's latest token is known. So
that the device has work meanwhile, the forward pass is begun first; a batch without a constrained
row never waits. llguidance's own kernel is Metal's alone, therefore plain array operations.
"""

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from llguidance import LLExecutor, LLMatcher
from llguidance.numpy import fill_next_token_bitmask, fill_next_token_bitmask_par

from bluey_server.engine.grammar import Words
from bluey_server.engine.host import on_host

if TYPE_CHECKING:
    from bluey_server.engine.rows import Row


log = logging.getLogger(__name__)

_MANY_CORES = 8
"""With fewer, waiting for threads takes longer than the masks: some 10 µs each."""


class Masks:
    """Forbids what grammars don't allow."""

    def __init__(self, cores: int | None = None) -> None:
        """`cores` are this machine's, unless given."""
        self._cores = cores or os.cpu_count() or 1
        self._byte_biases = byte_biases()
        self._executor: LLExecutor | None = None  # threads; there are none until they are needed

    def apply(self, logits: mx.array, rows: Sequence["Row"]) -> mx.array:
        """(B, V) logits, those of impossible tokens -inf; at least one row has a grammar."""
        mx.async_eval(logits)
        words = self._allowed(rows)
        bias = bias_by_host(words, self._byte_biases) if on_host() else bias_by_device(words)
        return logits + bias[:, : logits.shape[-1]].astype(logits.dtype)

    def _allowed(self, rows: Sequence["Row"]) -> Words:
        """(B, W) words, after the tokens that the rows have come to."""
        constrained = [
            (place, row.constraint, row)
            for place, row in enumerate(rows)
            if row.constraint is not None
        ]
        words: Words = np.full((len(rows), constrained[0][1].words), -1, np.int32)
        for _, constraint, row in constrained:
            if row.draws:
                draw, at = row.draws[-1]
                constraint.take(draw.tokens[at])
        try:
            self._fill([(constraint.matcher, place) for place, constraint, _ in constrained], words)
        except Exception as error:
            # The library promises not to. Out of here it would take all rows of the batch with it.
            log.exception("grammars failed")
            for _, constraint, _ in constrained:
                constraint.failure = constraint.failure or f"the grammar failed: {error}"
        for place, constraint, _ in constrained:
            constraint.settle(words[place])
        return words

    def _fill(self, matchers: list[tuple[LLMatcher, int]], words: Words) -> None:
        if self._cores < _MANY_CORES:
            for matcher, place in matchers:
                fill_next_token_bitmask(matcher, words, place)
            return
        if self._executor is None:
            self._executor = LLExecutor()
        fill_next_token_bitmask_par(self._executor, matchers, words)


def bias_by_device(words: Words) -> mx.array:
    """(B, W) words to (B, 32 W) float32: 0 where a bit is set, else -inf; few bytes have to go to
    the device."""
    bits = mx.array([1 << bit for bit in range(32)], mx.uint32)
    spread = (mx.array(words.view(np.uint32))[:, :, None] & bits) != 0
    return mx.where(spread, 0.0, -mx.inf).reshape(len(words), -1)


def byte_biases() -> npt.NDArray[np.float32]:
    """(256, 8): for each byte of a word the biases of its 8 tokens, the lowest bit's first."""
    every = np.arange(256, dtype=np.uint8)[:, None]
    allowed = np.unpackbits(every, axis=1, bitorder="little")
    return np.where(allowed, 0, -np.inf).astype(np.float32)


def bias_by_host(words: Words, byte_biases: npt.NDArray[np.float32]) -> mx.array:
    """The same, sooner where the device is the CPU: there a choice between two values takes 5 ns,
    and MLX would use one thread, which the forward pass needs."""
    return mx.array(byte_biases.take(words.view(np.uint8), axis=0).reshape(len(words), -1))
