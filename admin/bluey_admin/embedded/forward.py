"""The embedded model's forward pass for training on a CPU, its exponentials written out.

Off Apple's chips MLX computes `exp`, `tanh` and `pow` one element at a time, 12 ns and more for
each, and in a model this small that is longer than all matrix products together. A polynomial and
eight squarings fuse into one loop that the compiler turns into vector instructions: a relative
error of 2e-5 (of 5e-4 below e^-60) for an eighth of the time. The weights are those of mlx-lm's
module, and so are the logits, within 1e-3 (tests/test_embedded_training.py). Imports MLX: call
`prepare_mlx` first.
"""

import math
from typing import Any

import mlx.core as mx

_SQUARINGS = 8
_CUBE = 0.044715  # of GELU's tanh form
_SLOPE = 2 * math.sqrt(2 / math.pi)


def fast_exp(x: mx.array) -> mx.array:
    """e to the power of `x`, any shape, float32, for -80 <= x <= 80; beyond, as at the border."""
    y = mx.clip(x, -80.0, 80.0) * 2.0**-_SQUARINGS
    power = 1 + y * (1 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24 + y / 120))))
    for _ in range(_SQUARINGS):
        power = power * power
    return power


@mx.custom_function  # type: ignore[untyped-decorator, unused-ignore]
def softmax(x: mx.array) -> mx.array:
    """Softmax over the last axis of float32 `x`, any shape."""
    powers = fast_exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@softmax.vjp  # type: ignore[untyped-decorator, unused-ignore]
def _softmax_vjp(_: Any, cotangent: mx.array, shares: mx.array) -> mx.array:
    pulled = cotangent * shares
    return pulled - shares * pulled.sum(-1, keepdims=True)


@mx.custom_function  # type: ignore[untyped-decorator, unused-ignore]
def gelu(x: mx.array) -> mx.array:
    """GELU in its tanh form, written with a sigmoid; float32, any shape."""
    return x * _gate(x)


@gelu.vjp  # type: ignore[untyped-decorator, unused-ignore]
def _gelu_vjp(x: mx.array, cotangent: mx.array, _: mx.array) -> mx.array:
    gate = _gate(x)
    slope = _SLOPE * (1 + 3 * _CUBE * x * x)
    return cotangent * gate * (1 + x * (1 - gate) * slope)


def _gate(x: mx.array) -> mx.array:
    return 1 / (1 + fast_exp(-_SLOPE * x * (1 + _CUBE * x * x)))


@mx.custom_function  # type: ignore[untyped-decorator, unused-ignore]
def weighted_loss(logits: mx.array, targets: mx.array, weights: mx.array) -> mx.array:
    """Cross entropy of (rows, length, vocabulary) logits, summed with (rows, length) weights."""
    top = logits.max(-1, keepdims=True)
    total = fast_exp(logits - top).sum(-1)
    hit = mx.take_along_axis(logits, targets[..., None], -1).squeeze(-1)
    return ((mx.log(total) + top.squeeze(-1) - hit) * weights).sum()


# A gradient of its own: the softmax over the vocabulary is not kept and taken apart again.
@weighted_loss.vjp  # type: ignore[untyped-decorator, unused-ignore]
def _weighted_loss_vjp(primals: Any, cotangent: mx.array, _: Any) -> tuple[mx.array, ...]:
    logits, targets, weights = primals
    scale = (weights * cotangent)[..., None]
    place = targets[..., None]
    powers = fast_exp(logits - logits.max(-1, keepdims=True))
    slope = powers * (scale / powers.sum(-1, keepdims=True))
    hit = mx.take_along_axis(slope, place, -1) - scale
    return mx.put_along_axis(slope, place, hit, -1), mx.zeros_like(targets), mx.zeros_like(weights)


def logits(model: Any, tokens: mx.array) -> mx.array:
    """(rows, length) ids to (rows, length, vocabulary) logits, as `model(tokens)` gives them.

    `model` and `length` as `states` takes them.
    """
    return logits_of(model, states(model, tokens)[-1])


def logits_of(model: Any, state: mx.array) -> mx.array:
    """What the last layer left, (rows, length, hidden size), to logits."""
    out: mx.array = model.model.embed_tokens.as_linear(model.model.norm(state))
    return out


def states(model: Any, tokens: mx.array) -> list[mx.array]:
    """(rows, length) ids to what each layer left, (rows, length, hidden size).

    `model` is mlx-lm's `gemma3_text.Model` with tied embeddings; `length` may not be longer than
    its sliding window, so that every layer's mask is the plain causal one.
    """
    args = model.args
    rows, length = tokens.shape
    mask = mx.triu(mx.full((length, length), -1e9), k=1)
    heads, kv_heads, size = args.num_attention_heads, args.num_key_value_heads, args.head_dim
    scale = args.query_pre_attn_scalar**-0.5
    h = model.model.embed_tokens(tokens) * args.hidden_size**0.5
    found: list[mx.array] = []
    for layer in model.layers:
        attention, mlp = layer.self_attn, layer.mlp
        x = layer.input_layernorm(h)
        q = attention.q_proj(x).reshape(rows, length, heads, size).swapaxes(1, 2)
        k = attention.k_proj(x).reshape(rows, length, kv_heads, size).swapaxes(1, 2)
        v = attention.v_proj(x).reshape(rows, length, kv_heads, size).swapaxes(1, 2)
        q = attention.rope(attention.q_norm(q)) * scale
        k = attention.rope(attention.k_norm(k))
        # The heads that share a key stand below each other: one product of (heads * length) rows.
        q = q.reshape(rows, kv_heads, -1, size)
        scores = (q @ k.swapaxes(2, 3)).reshape(rows, kv_heads, -1, length, length) + mask
        shares: Any = softmax(scores)
        seen = shares.reshape(rows, kv_heads, -1, length) @ v
        seen = seen.reshape(rows, heads, length, size).swapaxes(1, 2).reshape(rows, length, -1)
        h = h + layer.post_attention_layernorm(attention.o_proj(seen))
        x = layer.pre_feedforward_layernorm(h)
        r = mlp.down_proj(gelu(mlp.gate_proj(x)) * mlp.up_proj(x))
        h = h + layer.post_feedforward_layernorm(r)
        found.append(h)
    return found
