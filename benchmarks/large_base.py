"""Bases with a vocabulary as large as real ones, and next to nothing behind it.

What a vocabulary costs doesn't depend on the layers; so these have two small ones with random
weights, and answer nonsense in tokens of a real size.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.large_tokenizer import GEMMA_3, SPECIAL_TOKENS, Kind, large_tokenizer
from benchmarks.weights import Shape, config_of, model_tensors, write_safetensors
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
    config = json.loads((embedded_model("tiny-it") / "config.json").read_text())
    config.update(config_of(shape), eos_token_id=list(end_ids))
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", "F32", model_tensors(shape))
