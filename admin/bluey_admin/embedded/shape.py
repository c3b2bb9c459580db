"""The shape of the embedded pair, and its folder in Hugging Face's layout."""

import json
from pathlib import Path
from typing import Any

from bluey_admin.embedded.vocabulary import BOS_ID, END_ID, EOS_ID, PAD_ID

# Chosen by trying (docs/log.md): the most text seen in ten minutes on two cores, at a size that
# still keeps a topic. Every second layer attends to everything, as every sixth does in Gemma 3.
SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "intermediate_size": 512,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 64,
    "query_pre_attn_scalar": 64,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1_000_000.0,
    "rope_local_base_freq": 10_000.0,
    "sliding_window": 512,
    "sliding_window_pattern": 2,
    "max_position_embeddings": 8192,
}
VOCABULARY = 4096
LORA: dict[str, Any] = {
    "rank": 8,
    "scale": 4.0,
    "num_layers": -1,
    "learning_rate": 5e-4,
    "epochs": 5,
    "batch_size": 4,
    "dropout": 0.0,
}
MIN_STEPS = 100  # of LoRA: with fewer the words stay the base's (docs/log.md)
SHARPNESS = 1.5  # of tiny-it's logits; docs/log.md has what others come to
CONTEXT = int(SHAPE["max_position_embeddings"])


def config(vocabulary: int, *, tuned: bool) -> dict[str, Any]:
    """The contents of config.json; a tuned model also stops at the end of its turn."""
    return {
        "architectures": ["Gemma3ForCausalLM"],
        "model_type": "gemma3_text",
        "vocab_size": vocabulary,
        **SHAPE,
        "hidden_activation": "gelu_pytorch_tanh",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": True,
        "pad_token_id": PAD_ID,
        "bos_token_id": BOS_ID,
        "eos_token_id": [EOS_ID, END_ID] if tuned else EOS_ID,
        "torch_dtype": "float32",
    }


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_configs(folder: Path, vocabulary: int, *, tuned: bool) -> None:
    """Write config.json and generation_config.json."""
    full = config(vocabulary, tuned=tuned)
    write_json(folder / "config.json", full)
    keys = ("bos_token_id", "eos_token_id", "pad_token_id")
    generation = {"do_sample": True, "temperature": 0.7, "top_p": 0.95}
    write_json(folder / "generation_config.json", {k: full[k] for k in keys} | generation)
