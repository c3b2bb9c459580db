"""The settings of an experiment: one for all its bases, or it would compare settings."""

from typing import Any

import msgspec

from bluey_adapters.bases import Base
from bluey_adapters.registry import Registry


def identified(registry: Registry, name: str) -> Base:
    """A base with its fingerprint. Raises UnknownName, or BaseError when its files aren't here."""
    return registry.bases.identify(registry.catalog().require_base(name))


_OF_THE_BASE = {"seed", "temperature"}
"""The temperature of the loss says how sharp a base's logits are: each keeps its own."""


def recommended(registry: Registry, name: str) -> dict[str, Any]:
    """What a base recommends, by hyperparameter, as far as it can be for another one too."""
    settings: dict[str, Any] = msgspec.to_builtins(registry.open_base(name).facts.recommended)
    return {key: value for key, value in settings.items() if key not in _OF_THE_BASE}
