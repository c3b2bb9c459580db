"""Bases with a vocabulary as large as real ones, and next to nothing behind it.

What a vocabulary costs doesn't depend on the layers; so these have two small ones with random
weights, and answer nonsense in tokens of a real size.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.large_tokenizer import GEMMA_3, SPECIAL_TOKENS, Kind, large_tokenizer
from benchmarks.weights import Shape, write_safetensors
from bluey_data.catalog import embedded_model, gemma_chat_template

_ENDS = [SPECIAL_TOKENS.index(token) for token in ("<eos>", "<end_of_turn>")]


def write_large_base(
    folder: Path, *, kind: Kind = "byte-level", vocabulary: int = GEMMA_3, logits: int | None = None
) -> Path:
    """A base of `vocabulary` tokens of our own making, whose turns are written as Gemma's are.
    `logits` is the model's width where it is another one. Takes some seconds."""
    folder.mkdir(parents=True)
    large_tokenizer(vocabulary, kind=kind).save(str(folder / "tokenizer.json"))
    config = {f"{name}_token": f"<{name}>" for name in ("bos", "eos", "pad", "unk")}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(gemma_chat_template())
    write_small_model(folder, logits or vocabulary, _ENDS)
    return folder


def write_small_model(folder: Path, logits: int, end_ids: Sequence[int]) -> None:
    """config.json and random weights of a Gemma 3 text model whose logits are `logits` wide."""
    shape = Shape(
        "large",
        "next to nothing behind a large vocabulary",
        vocabulary=logits,
        hidden=64,
        layers=2,
        intermediate=64,
        heads=2,
        head_dim=32,
    )
    config: dict[str, Any] = json.loads((embedded_model("tiny-it") / "config.json").read_text())
    config.update(
        vocab_size=logits,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        intermediate_size=shape.intermediate,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        query_pre_attn_scalar=shape.head_dim,
        eos_token_id=list(end_ids),
    )
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", "F32", _tensors(shape))


def _tensors(shape: Shape) -> Iterator[tuple[str, np.ndarray]]:
    draw = np.random.default_rng(0)

    def random(*size: int) -> np.ndarray:
        return draw.standard_normal(size, np.float32) * np.float32(size[-1] ** -0.5)

    norms = {"self_attn.q_norm": shape.head_dim, "self_attn.k_norm": shape.head_dim}
    for name in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
        norms[f"{name}_layernorm"] = shape.hidden
    yield "model.embed_tokens.weight", random(shape.vocabulary, shape.hidden)
    for layer in range(shape.layers):
        for name, (inputs, outputs) in shape.linears().items():
            yield f"model.layers.{layer}.{name}.weight", random(outputs, inputs)
        for name, size in norms.items():
            yield f"model.layers.{layer}.{name}.weight", np.zeros(size, np.float32)
    yield "model.norm.weight", np.zeros(shape.hidden, np.float32)
