"""How much memory requests will need for their keys and values, known before they start.

A row is admitted for its longest possible answer, so no running request has to be thrown out for
want of memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Room(Enum):
    """Whether a request may start."""

    NOW = "now"
    LATER = "when others have ended"
    NEVER = "not even alone"


@dataclass(frozen=True)
class _LayerCost:
    per_token: float  # bytes
    window: int | None  # tokens kept at most; None is all


class KVCost:
    """Bytes of a row's keys and values, by its length in tokens."""

    def __init__(self, layers: Sequence[_LayerCost]) -> None:
        self._layers = layers

    @classmethod
    def measured(cls, caches: Sequence[Any]) -> "KVCost":
        """From the caches of one row that holds at least a token."""
        layers = []
        for cache in caches:
            keys = getattr(cache, "keys", None)
            held = 1 if keys is None else keys.shape[-2]
            window = getattr(cache, "max_size", None)
            # A cache without keys is a state of one size, whatever the row's length.
            layers.append(_LayerCost(cache.nbytes / held, 1 if keys is None else window))
        return cls(layers)

    def __call__(self, tokens: int) -> int:
        return round(
            sum(layer.per_token * min(tokens, layer.window or tokens) for layer in self._layers)
        )


class KVBudget:
    """What is reserved for the rows that run, out of a total."""

    def __init__(self, cost: KVCost, total: int) -> None:
        self._cost = cost
        self._total = total
        self._rows: dict[int, int] = {}  # longest possible length in tokens, by request

    @property
    def reserved(self) -> int:
        """Bytes that the running rows may come to need."""
        return self._bytes(list(self._rows.values()))

    def room(self, tokens: int) -> Room:
        """Whether a row of at most `tokens` tokens fits in beside the others."""
        if self._bytes([tokens]) > self._total:
            return Room.NEVER
        return Room.NOW if self.left(tokens) >= 0 else Room.LATER

    def left(self, tokens: int) -> int:
        """Bytes that would be left for the prefix cache beside such a row."""
        return self._total - self._bytes([*self._rows.values(), tokens])

    def reserve(self, request: int, tokens: int) -> None:
        """A row starts."""
        self._rows[request] = tokens

    def release(self, request: int) -> None:
        """A row is over. Idle for one that isn't known."""
        self._rows.pop(request, None)

    def _bytes(self, lengths: Sequence[int]) -> int:
        # mlx-lm pads the rows of a batch to the longest.
        return len(lengths) * self._cost(max(lengths)) if lengths else 0
