"""Drawing tokens on the device, for all rows of a batch in one lazy graph."""

from dataclasses import dataclass

import mlx.core as mx

from bluey_server.engine.candidates import Candidates
from bluey_server.engine.weights import COLDEST
from bluey_server.messages import Sampling

FEW = (64, 256)
"""Numbers of candidates: the least one that is not below every top-k of a batch will do."""


@dataclass(frozen=True)
class Parameters:
    """Of B rows, on the device; made again only when the rows change."""

    greedy: bool  # all rows
    is_greedy: mx.array  # (B,) bool
    candidates: int | None
    """How many tokens are enough for every row; None where some row has no top-k, or too large a
    one."""
    filtered: bool  # any row
    ordered: bool  # any row by its tokens' order: top-k or top-p
    temperature: mx.array  # (B, 1) float32; 1 for greedy rows
    top_p: mx.array  # (B, 1) float32
    top_k: mx.array  # (B, 1) int32; 1 for greedy rows
    min_p: mx.array  # (B, 1) float32

    @classmethod
    def of(cls, samplings: list[Sampling], vocabulary: int) -> "Parameters":
        """Those of requests, over a model's vocabulary."""
        warm = [sampling for sampling in samplings if sampling.temperature > 0]
        enough = [few for few in FEW if all(0 < s.top_k <= few for s in warm)]
        return cls(
            greedy=not warm,
            is_greedy=mx.array([sampling.temperature == 0 for sampling in samplings]),
            candidates=enough[0] if enough else None,
            filtered=any(s.top_p < 1 or s.top_k > 0 or s.min_p > 0 for s in warm),
            ordered=any(s.top_p < 1 or s.top_k > 0 for s in warm),
            temperature=_column(
                [max(s.temperature, COLDEST) if s.temperature else 1.0 for s in samplings]
            ),
            # Off is more than everything, or rounding would cut the tail of a row that asked for
            # nothing, and only when it sits beside one that did.
            top_p=_column([s.top_p if s.top_p < 1 else 2.0 for s in samplings]),
            top_k=_column([(s.top_k or vocabulary) if s.temperature else 1 for s in samplings]),
            min_p=_column([s.min_p for s in samplings]),
        )


def _column(values: list[float] | list[int]) -> mx.array:
    return mx.array(values)[:, None]


def draw_from_few(candidates: Candidates, parameters: Parameters, uniforms: mx.array) -> mx.array:
    """(B,) ids, by (B, 1) random numbers in [0, 1), where the candidates are enough."""
    ids, logits = candidates.likeliest()
    weights = mx.exp((logits - logits[:, :1]) / parameters.temperature)
    kept = _kept(weights, parameters)
    weights = mx.where(mx.arange(weights.shape[-1]) < kept, weights, 0)
    by_id = mx.argsort(ids, axis=-1)
    place = _draw(mx.take_along_axis(weights, by_id, axis=-1), uniforms)
    return mx.take_along_axis(mx.take_along_axis(ids, by_id, axis=-1), place[:, None], axis=-1)[
        :, 0
    ]


def draw_from_all(logits: mx.array, parameters: Parameters, uniforms: mx.array) -> mx.array:
    """(B,) ids, by (B, 1) random numbers in [0, 1), from (B, V) logits."""
    logits = logits.astype(mx.float32)
    logits = logits - mx.max(logits, axis=-1, keepdims=True)  # a low temperature magnifies rounding
    probabilities = mx.softmax(logits / parameters.temperature, axis=-1)
    if parameters.filtered:
        probabilities = _filter(probabilities, parameters)
    return _draw(probabilities, uniforms)


def _draw(weights: mx.array, uniforms: mx.array) -> mx.array:
    cumulative = mx.cumsum(weights, axis=-1)
    # The first token above the mark; one that was left out adds nothing and is never the first.
    return mx.argmax(cumulative > uniforms * cumulative[:, -1:], axis=-1)


def _filter(probabilities: mx.array, parameters: Parameters) -> mx.array:
    """Set what top-k, top-p and min-p leave out to 0. The likeliest token always stays."""
    most = mx.max(probabilities, axis=-1, keepdims=True)
    floor = most * mx.minimum(parameters.min_p, 1)
    if not parameters.ordered:
        return mx.where(probabilities < floor, 0, probabilities)
    # No token this unlikely can be among those that make up top-p, not all of them together;
    # and most are, and an array of mostly zeros is sorted in a fraction of the time.
    negligible = 0.01 * (1 - parameters.top_p) / probabilities.shape[-1]
    ordered = mx.sort(mx.where(probabilities < negligible, 0, probabilities), axis=-1)[:, ::-1]
    kept = _kept(ordered, parameters)
    last = mx.take_along_axis(ordered, kept - 1, axis=-1)
    above = probabilities > last
    # Of those as likely as the last one, the lower ids stay, as many as there is room for.
    equal = probabilities == last
    room = kept - above.sum(axis=-1, keepdims=True)
    stays = above | (equal & (mx.cumsum(equal.astype(mx.int32), axis=-1) <= room))
    return mx.where(stays, probabilities, 0)


def _kept(weights: mx.array, parameters: Parameters) -> mx.array:
    """(B, 1): how many of the first of (B, N) weights, the largest first, stay; at least 1."""
    within_k = mx.where(mx.arange(weights.shape[-1]) < parameters.top_k, weights, 0)
    mass = mx.cumsum(within_k, axis=-1)
    within_p = (within_k > 0) & (mass - within_k < parameters.top_p * mass[:, -1:])
    likely = weights >= weights[:, :1] * mx.minimum(parameters.min_p, 1)
    # All three hold for a beginning of the order.
    return mx.maximum((within_p & likely).sum(axis=-1, keepdims=True), 1)
