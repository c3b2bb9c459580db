"""Logits processors: what one row wants done to its logits before sampling.

An exception here would take every row of the batch with it, so none may leave: a processor that
fails gives the logits back as they were.
"""

import logging
from collections.abc import Callable
from typing import Any

import mlx.core as mx

from bluey_server.messages import Sampling

Processor = Callable[[Any, mx.array], mx.array]

log = logging.getLogger(__name__)


def processors_for(sampling: Sampling) -> list[Processor]:
    """The processors that a request's sampling asks for."""
    if sampling.repetition_penalty == 1.0:
        return []
    return [_guarded(_repetition_penalty(sampling.repetition_penalty))]


def _repetition_penalty(penalty: float) -> Processor:
    """Make every token that has occurred, in prompt or answer, less likely (penalty > 1).

    The rule is CTRL's (arXiv:1909.05858): positive logits are divided, negative ones multiplied.
    """

    def apply(tokens: Any, logits: mx.array) -> mx.array:
        """tokens (n,), logits (1, V)."""
        seen = mx.zeros(logits.shape, dtype=mx.bool_)
        seen[:, tokens] = mx.array(True)
        penalized = mx.where(logits < 0, logits * penalty, logits / penalty)
        return mx.where(seen, penalized, logits)

    return apply


def _guarded(processor: Processor) -> Processor:
    def apply(tokens: Any, logits: mx.array) -> mx.array:
        try:
            return processor(tokens, logits)
        except Exception:
            log.exception("a logits processor failed; its row goes on without it")
            return logits

    return apply
