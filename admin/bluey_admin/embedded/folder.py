"""A trained model's folder, in the layout that `mlx_lm.load` opens unaided."""

from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten
from tokenizers import Tokenizer

from bluey_admin.embedded.shape import (
    CONTEXT,
    LORA,
    MIN_STEPS,
    SHARPNESS,
    write_configs,
    write_json,
)
from bluey_admin.embedded.vocabulary import save_tokenizer
from bluey_data.catalog import gemma_chat_template


def save(model: Any, tokenizer: Tokenizer, folder: Path, *, tuned: bool) -> None:
    """Write weights, tokenizer, configurations and bluey.json; the chat template when `tuned`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, folder, CONTEXT, gemma_chat_template() if tuned else None)
    write_configs(folder, tokenizer.get_vocab_size(), tuned=tuned)
    lora = LORA | ({"temperature": SHARPNESS} if tuned else {})
    ours = {"lora": lora, "min_steps": MIN_STEPS, "context_length": CONTEXT}
    write_json(folder / "bluey.json", ours)
    half = folder / "half.safetensors"
    mx.save_safetensors(str(half), dict(tree_flatten(model.parameters())), {"format": "mlx"})
    half.replace(folder / "model.safetensors")
