"""The settings of an experiment: one for all its bases, or it would compare settings."""

from typing import Any

import msgspec

from bluey_adapters.bases import Base
from bluey_adapters.registry import Registry
from bluey_admin.training.prepare import recommended_for


def identified(registry: Registry, name: str) -> Base:
    """A base with its fingerprint. Raises UnknownName, or BaseError when its files aren't here."""
    return registry.bases.identify(registry.catalog().require_base(name))


_OF_THE_BASE = {"seed", "temperature"}
"""The temperature of the loss says how sharp a base's logits are: each keeps its own."""


def recommended(registry: Registry, name: str, data: str) -> dict[str, Any]:
    """What a base recommends for `data`, by hyperparameter, as far as it can be for another one.

    Raises DataError for what is wrong with the data.
    """
    best = recommended_for(registry.open_base(name), data, {})
    settings: dict[str, Any] = msgspec.to_builtins(best)
    return {key: value for key, value in settings.items() if key not in _OF_THE_BASE}
