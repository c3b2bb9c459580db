"""Choosing the next token of every row in one batched call.

BatchGenerator calls one shared sampler once for the whole batch; the parameters of each row ride
in the batch's RowEntry. The order is that of transformers and vLLM: temperature, then top-k,
top-p and min-p on what it left.
"""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from bluey_server.engine.adjustments import adjust, count
from bluey_server.engine.rows import Draw, Row, RowEntry

_OFF = 2**31 - 1  # a top-k that keeps everything


@dataclass(frozen=True)
class _Parameters:
    """Of B rows, on the device; made again only when the rows change."""

    greedy: bool  # all rows
    filtered: bool  # any row
    temperature: Any  # (B, 1) float32; 1 for greedy rows
    is_greedy: Any  # (B,) bool
    top_p: Any  # (B, 1) float32
    top_k: Any  # (B, 1) int32
    log_min_p: Any  # (B, 1) float32; -inf is off

    @classmethod
    def of(cls, rows: list[Row]) -> "_Parameters":
        samplings = [row.sampling for row in rows]
        greedy = [sampling.temperature == 0 for sampling in samplings]
        return cls(
            greedy=all(greedy),
            filtered=any(
                not cold and (s.top_p < 1 or s.top_k > 0 or s.min_p > 0)
                for s, cold in zip(samplings, greedy, strict=True)
            ),
            temperature=mx.array([[s.temperature or 1.0] for s in samplings], mx.float32),
            is_greedy=mx.array(greedy),
            top_p=mx.array([[s.top_p] for s in samplings], mx.float32),
            top_k=mx.array([[s.top_k or _OFF] for s in samplings], mx.int32),
            log_min_p=mx.log(mx.array([[s.min_p] for s in samplings], mx.float32)),
        )


class BatchSampler:
    """A sampler as mlx-lm calls it; the wrapper model sets `entry` and `logits` before each
    call."""

    def __init__(self) -> None:
        self.entry = RowEntry([])
        self.logits: mx.array | None = None  # (B, V); penalties need them as they were

    def __call__(self, logprobs: mx.array) -> mx.array:
        """(B, V) log probabilities to (B,) token ids."""
        rows = self.entry.rows
        if self.entry.step_arrays is None:
            self.entry.step_arrays = _Parameters.of(rows)
        parameters: _Parameters = self.entry.step_arrays
        if self.logits is not None and any(row.adjustment is not None for row in rows):
            logits = adjust(self.logits, rows)
            logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        logprobs = _forbid_ends(logprobs, rows)
        tokens = mx.argmax(logprobs, axis=-1)
        if not parameters.greedy:
            tokens = mx.where(parameters.is_greedy, tokens, _draw(logprobs, rows, parameters))
        count(tokens, rows)
        chosen = mx.take_along_axis(logprobs, tokens[:, None], axis=-1)[:, 0]
        # Begun here, it is done when the tokens are: asking for it later would wait for the
        # step after.
        mx.async_eval(tokens, chosen)
        draw = Draw(chosen)
        for index, row in enumerate(rows):
            row.sampled += 1
            row.draws.append((draw, index))
        return tokens


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
    """(B,) samples by the Gumbel-max trick, with a key of its own for each row."""
    logits = logprobs.astype(mx.float32) / parameters.temperature
    if parameters.filtered:
        logits = _filter(logits, parameters)
    keys = mx.array([row.key for row in rows], mx.uint32)
    width = logits.shape[-1]
    noise = mx.vmap(lambda key: mx.random.gumbel((width,), key=key))(keys)
    return mx.argmax(logits + noise, axis=-1)


def _filter(logits: mx.array, parameters: _Parameters) -> mx.array:
    """Set what top-k, top-p and min-p leave out to -inf. The likeliest token always stays."""
    ordered = -mx.sort(-logits, axis=-1)
    rank = mx.arange(ordered.shape[-1])[None]
    within_k = rank < parameters.top_k
    probabilities = mx.softmax(mx.where(within_k, ordered, -mx.inf), axis=-1)
    mass_before = mx.cumsum(probabilities, axis=-1) - probabilities
    keep = (
        within_k
        & (mass_before < parameters.top_p)
        & (ordered >= ordered[:, :1] + parameters.log_min_p)
    )
    # Each condition holds for a prefix of the order, so what is kept is a prefix too.
    count = mx.maximum(keep.sum(axis=-1, keepdims=True), 1)
    threshold = mx.take_along_axis(ordered, count - 1, axis=-1)
    return mx.where(logits < threshold, -mx.inf, logits)
