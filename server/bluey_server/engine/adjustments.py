"""What rows want done to their logits before a token is chosen: penalties, biases, a processor.

One call for the batch; a batch in which no row wants anything pays nothing. Only the logits of
tokens that a row has met, or has a bias for, are touched. The latest token's value is known to the
device alone while a step runs, so that one is counted on the device, without waiting for it.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np

from bluey_server.engine.met_tokens import MetTokens
from bluey_server.messages import Sampling

if TYPE_CHECKING:
    from bluey_server.engine.rows import Draw, Row

Processor = Callable[[mx.array], mx.array]
"""Logits (V,) to logits (V,). One that raises fails its own row and no other."""

log = logging.getLogger(__name__)


class Adjustment:
    """One row's penalties and biases, and the tokens that they are about."""

    def __init__(self, sampling: Sampling, prompt: list[int]) -> None:
        self.sampling = sampling
        repeated = set(prompt) if sampling.repetition_penalty != 1.0 else set()
        biases = dict(sampling.logit_bias)
        self._tokens = MetTokens({*repeated, *biases} or prompt[:1], repeated, biases)
        self._draws: deque[tuple[Draw, int]] = deque()  # of tokens not met yet; the row's places

    @classmethod
    def wanted(cls, sampling: Sampling, prompt: list[int]) -> "Adjustment | None":
        """The adjustment that a request asks for, if any."""
        if not (_penalizes(sampling) or sampling.logit_bias):
            return None
        return cls(sampling, prompt)

    def count(self, draw: "Draw", place: int) -> None:
        """Remember the token that was chosen for the row."""
        if _penalizes(self.sampling):
            self._draws.append((draw, place))

    def latest(self) -> "tuple[MetTokens, tuple[Draw, int] | None]":
        """The tokens that the row has met but for the latest, and the draw that has that one. All
        draws before are over, so that asking them is no wait."""
        while len(self._draws) > 1:
            draw, place = self._draws.popleft()
            self._tokens.meet(draw.tokens[place])
        return self._tokens, self._draws[0] if self._draws else None


def _penalizes(sampling: Sampling) -> bool:
    return (
        sampling.repetition_penalty != 1.0
        or sampling.frequency_penalty != 0.0
        or sampling.presence_penalty != 0.0
    )


def adjust(logits: mx.array, rows: Sequence["Row"]) -> mx.array:
    """(B, V) logits as the rows want them.

    The repetition penalty is CTRL's (arXiv:1909.05858), on tokens of prompt and answer: positive
    logits are divided, negative ones multiplied. The frequency and presence penalties are OpenAI's,
    on tokens of the answer alone.
    """
    if any(row.adjustment is not None for row in rows):
        logits = _penalized(logits, [row.adjustment for row in rows])
    if any(row.processor is not None for row in rows):
        logits = logits + 0  # what the model gave out is not ours to write to
        for index, row in enumerate(rows):
            if row.processor is not None and row.failure is None:
                logits[index] = _processed(logits[index], row, row.processor)
    return logits


def count(draw: "Draw", rows: Sequence["Row"]) -> None:
    """Remember the tokens (B,) that were chosen."""
    for place, row in enumerate(rows):
        if row.adjustment is not None:
            row.adjustment.count(draw, place)


def _penalized(logits: mx.array, adjustments: Sequence[Adjustment | None]) -> mx.array:
    ids, facts, latest, fresh = _gather(adjustments)
    # The latest token may have been met before; then it has two columns, and both say the same.
    again = ids == latest
    place = mx.argmax(again.astype(mx.int32), axis=-1, keepdims=True)
    known = mx.take_along_axis(again, place, axis=-1)
    of_latest = mx.where(known, mx.take_along_axis(facts, place[None], axis=-1), 0)
    ids = mx.concatenate([ids, latest], axis=-1)
    counts, prompt, bias = mx.concatenate([facts, of_latest], axis=-1)
    counts = counts + fresh * (ids == latest)

    samplings = [Sampling() if each is None else each.sampling for each in adjustments]
    repetition = mx.array([[s.repetition_penalty] for s in samplings])
    frequency = mx.array([[s.frequency_penalty] for s in samplings])
    presence = mx.array([[s.presence_penalty] for s in samplings])
    part = mx.take_along_axis(logits, ids, axis=-1).astype(mx.float32)
    seen = (prompt > 0) | (counts > 0)
    part = mx.where(seen, mx.where(part < 0, part * repetition, part / repetition), part)
    part = part - frequency * counts - presence * (counts > 0)
    part = part + bias
    return mx.put_along_axis(logits, ids, part.astype(logits.dtype), axis=-1)


def _gather(
    adjustments: Sequence[Adjustment | None],
) -> tuple[mx.array, mx.array, mx.array, mx.array]:
    """Ids (B, N) of what rows have met, facts (3, B, N) of those, ids (B, 1) of the latest tokens,
    and whether there is one (B, 1). Columns that a row lacks are its first one's again; a row that
    wants nothing has token 0, and nothing to do to it."""
    nothing = MetTokens([0], set(), {})
    given = [(nothing, None) if each is None else each.latest() for each in adjustments]
    most = max(len(met) for met, _ in given)
    ids = np.empty((len(given), most), np.int32)
    facts = np.empty((3, len(given), most), np.float32)
    fresh = np.zeros((len(given), 1), np.float32)
    draws: dict[Draw, tuple[list[int], list[int]]] = {}
    for row, (met, last) in enumerate(given):
        ids[row, : len(met)], ids[row, len(met) :] = met.ids, met.ids[0]
        facts[:, row, : len(met)], facts[:, row, len(met) :] = met.facts, met.facts[:, :1]
        if last is not None:
            draw, place = last
            rows, places = draws.setdefault(draw, ([], []))
            rows.append(row)
            places.append(place)
            fresh[row] = 1
    latest = mx.array(ids[:, 0])
    for draw, (rows, places) in draws.items():
        latest[mx.array(rows)] = draw.array[mx.array(places)].astype(mx.int32)
    return mx.array(ids), mx.array(facts), latest[:, None], mx.array(fresh)


def _processed(logits: mx.array, row: "Row", processor: Processor) -> mx.array:
    try:
        return processor(logits)
    except Exception as error:
        # Out of here it would take every row of the batch with it.
        log.exception("a logits processor failed")
        row.failure = f"a logits processor failed: {error}"
        return logits
