"""Choosing the next token of every row in one batched call.

BatchGenerator calls one shared sampler once for the whole batch; the parameters of each row ride
in the batch's RowEntry. The order is that of transformers and vLLM: temperature, then top-k,
top-p and min-p on what it left.
"""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from bluey_server.engine.adjustments import adjust, count
from bluey_server.engine.likeliest import likeliest, log_probabilities
from bluey_server.engine.masks import Masks
from bluey_server.engine.rows import Alternatives, Draw, Row, RowEntry

_OFF = 2**31 - 1  # a top-k that keeps everything


@dataclass(frozen=True)
class _Parameters:
    """Of B rows, on the device; made again only when the rows change."""

    greedy: bool  # all rows
    filtered: bool  # any row
    ordered: bool  # any row by its tokens' order: top-k or top-p
    temperature: Any  # (B, 1) float32; 1 for greedy rows
    is_greedy: Any  # (B,) bool
    top_p: Any  # (B, 1) float32
    top_k: Any  # (B, 1) int32
    min_p: Any  # (B, 1) float32

    @classmethod
    def of(cls, rows: list[Row]) -> "_Parameters":
        samplings = [row.sampling for row in rows]
        warm = [sampling for sampling in samplings if sampling.temperature > 0]
        greedy = [sampling.temperature == 0 for sampling in samplings]
        return cls(
            greedy=all(greedy),
            filtered=any(s.top_p < 1 or s.top_k > 0 or s.min_p > 0 for s in warm),
            ordered=any(s.top_p < 1 or s.top_k > 0 for s in warm),
            temperature=mx.array([[s.temperature or 1.0] for s in samplings], mx.float32),
            is_greedy=mx.array(greedy),
            # Off is more than everything, or rounding would cut the tail of a row that asked for
            # nothing, and only when it sits beside one that did.
            top_p=mx.array([[s.top_p if s.top_p < 1 else 2.0] for s in samplings], mx.float32),
            top_k=mx.array([[s.top_k or _OFF] for s in samplings], mx.int32),
            min_p=mx.array([[s.min_p] for s in samplings], mx.float32),
        )


class BatchSampler:
    """A sampler as mlx-lm calls it; the wrapper model sets `entry` and `logits` before each
    call."""

    def __init__(self) -> None:
        self.entry = RowEntry([])
        self.logits: mx.array | None = None  # (B, V); penalties need them as they were
        self._masks = Masks()

    def __call__(self, logprobs: mx.array) -> mx.array:
        """(B, V) log probabilities to (B,) token ids."""
        rows = self.entry.rows
        told = any(row.logprobs is not None for row in rows)
        if self.entry.step_arrays is None:
            self.entry.step_arrays = _Parameters.of(rows)
        parameters: _Parameters = self.entry.step_arrays
        if self.logits is not None and any(row.wants_adjustment for row in rows):
            logprobs = log_probabilities(adjust(self.logits, rows))
        elif self.logits is not None and told:
            # BatchGenerator's own have the model's dtype, and half of one is too coarse to tell.
            logprobs = log_probabilities(self.logits)
        if any(row.constraint is not None for row in rows):
            logprobs = self._masks.apply(logprobs, rows)
            if told:
                logprobs = log_probabilities(logprobs)  # of what is left
        logprobs = _forbid_ends(logprobs, rows)
        tokens = mx.argmax(logprobs, axis=-1)
        if not parameters.greedy:
            tokens = mx.where(parameters.is_greedy, tokens, _draw(logprobs, rows, parameters))
        count(tokens, rows)
        chosen = mx.take_along_axis(logprobs, tokens[:, None], axis=-1)[:, 0]
        # Begun here, it is done when the tokens are: asking for it later would wait for the
        # step after.
        alternatives = _alternatives(logprobs, rows) if told else None
        if alternatives is None:
            mx.async_eval(tokens, chosen)
        else:
            mx.async_eval(tokens, chosen, alternatives.ids, alternatives.logprobs)
        draw = Draw(tokens, chosen, alternatives)
        for index, row in enumerate(rows):
            row.sampled += 1
            row.draws.append((draw, index))
        return tokens


def _alternatives(logprobs: mx.array, rows: list[Row]) -> Alternatives | None:
    """The likeliest tokens of those rows that ask for some, by one call for them all."""
    asking = [index for index, row in enumerate(rows) if row.logprobs]
    if not asking:
        return None
    most = max(rows[index].logprobs or 0 for index in asking)
    ids, values = likeliest(logprobs[mx.array(asking)], most)
    return Alternatives({index: place for place, index in enumerate(asking)}, ids, values)


def _forbid_ends(logprobs: mx.array, rows: list[Row]) -> mx.array:
    """Make the ids that end a turn impossible in rows that must go on."""
    places = [
        (index, token) for index, row in enumerate(rows) if not row.may_end for token in row.end_ids
    ]
    if not places:
        return logprobs
    at, tokens = (mx.array(list(column)) for column in zip(*places, strict=True))
    forbidden = mx.zeros(logprobs.shape, dtype=mx.bool_)
    forbidden[at, tokens] = mx.array(True)
    return mx.where(forbidden, mx.array(-mx.inf, logprobs.dtype), logprobs)


def _draw(logprobs: mx.array, rows: list[Row], parameters: _Parameters) -> mx.array:
    """(B,) samples, by one random number a row on the cumulative distribution."""
    probabilities = mx.softmax(logprobs.astype(mx.float32) / parameters.temperature, axis=-1)
    if parameters.filtered:
        probabilities = _filter(probabilities, parameters)
    cumulative = mx.cumsum(probabilities, axis=-1)
    drawn = mx.array([[row.uniform] for row in rows], mx.float32)
    # The first token above the mark; one that was left out adds nothing and is never the first.
    return mx.argmax(cumulative > drawn * cumulative[:, -1:], axis=-1)


def _filter(probabilities: mx.array, parameters: _Parameters) -> mx.array:
    """Set what top-k, top-p and min-p leave out to 0. The likeliest token always stays."""
    most = mx.max(probabilities, axis=-1, keepdims=True)
    floor = most * parameters.min_p
    if parameters.ordered:
        # No token this unlikely can be among those that make up top-p, not all of them together;
        # and most are, and an array of mostly zeros is sorted in a fraction of the time.
        negligible = 0.01 * (1 - parameters.top_p) / probabilities.shape[-1]
        kept = mx.where(probabilities < negligible, 0, probabilities)
        ordered = mx.sort(kept, axis=-1)[:, ::-1]
        within_k = mx.where(mx.arange(ordered.shape[-1])[None] < parameters.top_k, ordered, 0)
        mass = mx.cumsum(within_k, axis=-1)
        before = mass - within_k
        within_p = (within_k > 0) & (before < parameters.top_p * mass[:, -1:])
        # Both hold for a beginning of the order, whose last one is the least likely to stay.
        last = mx.maximum(within_p.sum(axis=-1, keepdims=True), 1) - 1
        floor = mx.maximum(floor, mx.take_along_axis(ordered, last, axis=-1))
    return mx.where(probabilities < mx.minimum(floor, most), 0, probabilities)
