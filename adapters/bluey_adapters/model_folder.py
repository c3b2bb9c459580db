"""What can be learned about a base from its folder, without loading a weight.

The layout is Hugging Face's: config.json, model*.safetensors, tokenizer.json, and, where there
are any, generation_config.json, tokenizer_config.json, chat_template.jinja and our own
bluey.json with what is recommended for training on the base.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bluey_adapters.errors import BaseError
from bluey_adapters.files import combine_digests, file_digest
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_adapters.vocabulary import TURN_ENDS


@dataclass(frozen=True)
class ModelFacts:
    """What a base's folder says of itself."""

    folder: Path
    model_type: str
    context_length: int  # tokens
    logits: int | None  # ids that the model has a logit for; None: its config doesn't say
    eos_ids: tuple[int, ...]
    special_tokens: dict[str, str]  # bos_token, eos_token, …: what templates may ask for
    chat_template: str | None
    recommended: Hyperparameters
    min_steps: int  # fewer teach this base too little; 0: nothing is known


def read_facts(folder: Path) -> ModelFacts:
    """Read a model's folder. Raises BaseError naming the file that is missing or unreadable."""
    if not folder.is_dir():
        raise BaseError(f"there is no model folder at {folder}")
    config = _json(folder / "config.json")
    if config is None:
        raise BaseError(f"{folder} is no model folder: it has no config.json")
    if not any(folder.glob("model*.safetensors")):
        raise BaseError(f"{folder} has no weights (model*.safetensors)")
    text_config = config.get("text_config") or {}
    generation = _json(folder / "generation_config.json") or {}
    tokenizer = _json(folder / "tokenizer_config.json") or {}
    ours = _json(folder / "bluey.json") or {}
    recommended, min_steps = _recommended(folder, ours)
    return ModelFacts(
        folder=folder,
        model_type=str(config.get("model_type", "unknown")),
        context_length=int(
            ours.get("context_length")
            or config.get("max_position_embeddings")
            or text_config.get("max_position_embeddings")
            or 8192
        ),
        logits=_size(config.get("vocab_size") or text_config.get("vocab_size")),
        eos_ids=_ids(generation.get("eos_token_id")) or _ids(config.get("eos_token_id")),
        special_tokens={
            key: text
            for key in ("bos_token", "eos_token", "pad_token", "unk_token")
            if (text := _token_text(tokenizer.get(key))) is not None
        },
        chat_template=_chat_template(folder, tokenizer),
        recommended=recommended,
        min_steps=min_steps,
    )


def end_of_turn_tokens(template: str) -> tuple[str, ...]:
    """Texts of the tokens by which `template` ends a turn."""
    return tuple(token for token in TURN_ENDS if token in template)


def weight_files(folder: Path) -> list[Path]:
    """The files that make a base what it is: weights, shape and tokenizer."""
    weights = sorted(folder.glob("model*.safetensors"))
    return [folder / "config.json", folder / "tokenizer.json", *weights]


def signature(folder: Path) -> str:
    """Names, sizes and times of the files: equal signatures mean that hashing again is idle."""
    stats = ((path.name, path.stat()) for path in weight_files(folder) if path.is_file())
    return ";".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)


def fingerprint(folder: Path) -> str:
    """sha256, hex, over the contents of the base's files (a second or two a gigabyte)."""
    present = [path for path in weight_files(folder) if path.is_file()]
    return combine_digests((path.name, file_digest(path)) for path in present)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BaseError(f"{path} can't be read: {error}") from None
    if not isinstance(content, dict):
        raise BaseError(f"{path} must hold a JSON object")
    return content


def _ids(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, int))
    return ()


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _token_text(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _chat_template(folder: Path, tokenizer: dict[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text("utf-8")
    template = tokenizer.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = {entry.get("name"): entry.get("template") for entry in template}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _recommended(folder: Path, ours: dict[str, Any]) -> tuple[Hyperparameters, int]:
    try:
        return (
            msgspec.convert(ours.get("lora", {}), Hyperparameters),
            msgspec.convert(ours.get("min_steps", 0), int),
        )
    except msgspec.ValidationError as error:
        raise BaseError(f"{folder / 'bluey.json'}: {error}") from None
