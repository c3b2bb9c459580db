"""A base with LoRA layers on it: loading, and writing the layers down as mlx-lm reads them.

Imports MLX: call `prepare_mlx` first.
"""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers, load_adapters, remove_lora_layers
from mlx_lm.utils import load_model

from bluey_adapters.bases import OpenBase
from bluey_adapters.errors import BaseError
from bluey_adapters.files import sync, write_atomically
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_adapters.store import CONFIG, WEIGHTS, AdapterCard, write_card


def on_cpu() -> bool:
    """Whether MLX computes on the CPU."""
    return bool(mx.default_device() == mx.Device(mx.cpu))


def load_base(base: OpenBase) -> nn.Module:
    """The base's weights, frozen; in fp32 on the CPU, where other types run at a crawl.

    Raises BaseError when mlx-lm can't make a model of the folder.
    """
    try:
        model: nn.Module = load_model(base.facts.folder)[0]
    except (ValueError, KeyError, RuntimeError, OSError) as error:
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise BaseError(f"the base {base.base.name} can't be loaded: {reason}") from None
    if on_cpu():
        model.set_dtype(mx.float32)
        mx.disable_compile()  # it gains nothing here, and runs g++ for a second a kernel
    model.freeze()  # before there are LoRA layers, which must stay free
    return model


class LoraModel:
    """A base being trained: its LoRA layers are the only parameters that are free."""

    def __init__(self, module: nn.Module, settings: Hyperparameters) -> None:
        """Put fresh LoRA layers on `module`, initialised from the settings' seed alone."""
        self.module = module
        blocks = len(module.layers)
        self._config: dict[str, Any] = {
            "fine_tune_type": "lora",
            "num_layers": blocks if settings.num_layers < 0 else min(settings.num_layers, blocks),
            "lora_parameters": {
                "rank": settings.rank,
                "scale": settings.scale,
                "dropout": settings.dropout,
                "keys": _linears(module),
            },
        }
        mx.random.seed(seed_of(settings.seed, 0))
        linear_to_lora_layers(module, self._config["num_layers"], self._config["lora_parameters"])
        mx.eval(module.parameters())

    def weights(self) -> dict[str, mx.array]:
        """The LoRA tensors, by the names that mlx-lm gives them."""
        return dict(tree_flatten(self.module.trainable_parameters()))

    def is_finite(self) -> bool:
        """Whether no tensor holds a NaN or an infinity."""
        return all(mx.all(mx.isfinite(tensor)).item() for tensor in self.weights().values())

    def save(self, folder: Path, card: AdapterCard) -> None:
        """Write the three parts of an adapter into `folder`; the same bytes for the same bits."""
        folder.mkdir(parents=True, exist_ok=True)
        save_tensors(folder / WEIGHTS, self.weights())
        config = json.dumps(self._config, indent=2, sort_keys=True) + "\n"
        write_atomically(folder / CONFIG, config.encode())
        write_card(folder, card)

    def become(self, folder: Path) -> None:
        """Take off these LoRA layers and put on the adapter in `folder`."""
        remove_lora_layers(self.module)
        load_adapters(self.module, str(folder))
        mx.eval(self.module.parameters())


def save_tensors(path: Path, tensors: dict[str, mx.array]) -> None:
    """Write a safetensors file that is on the disk when this returns."""
    mx.save_safetensors(str(path), dict(sorted(tensors.items())), {"format": "mlx"})
    sync(path)


def seed_of(seed: int, step: int) -> int:
    """A seed for one step. Step 0 is the initialisation.

    mx.random.state can't be restored in mlx 0.32, so a run that may be resumed seeds every step.
    SplitMix64's mixing, so that neither neighbouring seeds nor neighbouring steps are alike.
    """
    word = (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + 1) % 2**64
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return (word ^ (word >> 31)) % 2**63


def _linears(module: nn.Module) -> list[str]:
    """Names, within a block, of every linear layer. They are written down, rather than left to
    mlx-lm's default, so that the file says for itself what it adapts."""
    names: set[str] = set()
    for block in module.layers:
        for name, part in block.named_modules():
            if isinstance(part, nn.Linear | nn.QuantizedLinear):
                names.add(name)
    return sorted(names)
