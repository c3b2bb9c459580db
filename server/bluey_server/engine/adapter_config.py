"""adapter_config.json, as mlx-lm writes it: what must be known to serve the adapter's tensors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bluey_adapters.errors import StoreError
from bluey_adapters.store import CONFIG


class UnservableAdapter(StoreError):
    """Sound files of a kind that can't be served beside others."""


@dataclass(frozen=True)
class AdapterConfig:
    """The part of it that the bank needs."""

    scale: float

    @classmethod
    def read(cls, folder: Path) -> "AdapterConfig":
        """Read a stored adapter's config. Raises UnservableAdapter naming what is not served."""
        try:
            config: dict[str, Any] = msgspec.json.decode((folder / CONFIG).read_bytes(), type=dict)
        except (OSError, msgspec.MsgspecError) as error:
            raise UnservableAdapter(f"its {CONFIG} can't be read: {error}") from None
        kind = config.get("fine_tune_type", "lora")
        if kind != "lora":
            raise UnservableAdapter(f"it is of the kind {kind!r}; only LoRA can be served")
        scale = config.get("lora_parameters", {}).get("scale")
        if not isinstance(scale, int | float):
            raise UnservableAdapter(f"its {CONFIG} has no lora_parameters.scale")
        return cls(float(scale))
