"""Log probabilities as they are told: in float32, with the likeliest alternatives."""

import mlx.core as mx


def log_probabilities(logits: mx.array) -> mx.array:
    """(..., V) logits of any float dtype to (..., V) float32 natural logarithms."""
    logits = logits.astype(mx.float32)
    return logits - mx.logsumexp(logits, axis=-1, keepdims=True)


def likeliest(logprobs: mx.array, count: int) -> tuple[mx.array, mx.array]:
    """Of (..., V) the ids and values (..., k) of the k likeliest tokens, likeliest first; k is
    `count`, or V where that is less."""
    count = min(count, logprobs.shape[-1])
    ids = mx.argpartition(-logprobs, kth=count - 1, axis=-1)[..., :count]
    values = mx.take_along_axis(logprobs, ids, axis=-1)
    order = mx.argsort(-values, axis=-1)
    return (
        mx.take_along_axis(ids, order, axis=-1),
        mx.take_along_axis(values, order, axis=-1),
    )
