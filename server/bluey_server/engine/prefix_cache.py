"""The prefix cache: keys and values of prompts and answers, kept for whoever goes on from them.

An entry belongs to one adapter's digest (or to the bare base), never to a name or a slot: both
can mean other weights tomorrow. Entries are the per-layer caches that mlx-lm extracts from a
batch. Where every layer's can be cut back, an entry serves any prompt that shares a beginning with
it; a sliding-window layer past its window can't be, and then an entry serves only prompts that hold
all of it. That is why prompts are entered at their checkpoints as well as at their ends.
"""

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from mlx_lm.models.cache import can_trim_prompt_cache, trim_prompt_cache

SHORTEST = 16
"""Tokens under which an entry isn't worth its copy."""

Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Entry:
    adapter: str | None
    tokens: Tokens  # (n,)
    layers: list[Any]
    nbytes: int
    trimmable: bool


class PrefixCache:
    """Entries of all adapters of one base, the least recently used thrown out first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[int, _Entry] = OrderedDict()  # by a number that is never reused
        self._next = 0
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, adapter: str | None, prompt: Sequence[int]) -> tuple[list[Any] | None, int]:
        """Caches that hold the first n tokens of `prompt`, and n; (None, 0) when there are none.

        n is less than the prompt's length: its last token must go through the model to give the
        first of the answer. The caches are the caller's to merge into a batch, not to write to.
        """
        wanted = np.asarray(prompt[:-1], np.int64)
        best, usable = None, 0
        for number, entry in self._entries.items():
            if entry.adapter != adapter:
                continue
            common = _common(entry.tokens, wanted)
            if common > usable and (common == len(entry.tokens) or entry.trimmable):
                best, usable = number, common
        if best is None or usable < SHORTEST:
            return None, 0
        self._entries.move_to_end(best)
        entry = self._entries[best]
        # Merging into a batch copies the tensors, and cutting back moves an offset only.
        layers = [copy.copy(layer) for layer in entry.layers]
        trim_prompt_cache(layers, len(entry.tokens) - usable)
        return layers, usable

    def put(self, adapter: str | None, tokens: Sequence[int], layers: list[Any]) -> None:
        """Keep the caches of `tokens`. What they make superfluous, or no longer fits, goes."""
        if len(tokens) < SHORTEST:
            return
        new = _Entry(
            adapter,
            np.asarray(tokens, np.int64),
            layers,
            sum(layer.nbytes for layer in layers),
            can_trim_prompt_cache(layers),
        )
        if new.nbytes > self._max_bytes:
            return
        for number, entry in list(self._entries.items()):
            if entry.adapter != adapter:
                continue
            common = _common(entry.tokens, new.tokens)
            if common == len(new.tokens) and (entry.trimmable or common == len(entry.tokens)):
                self._entries.move_to_end(number)  # it has all that the new one has
                return
            if common == len(entry.tokens) and new.trimmable:
                self._remove(number)
        self._entries[self._next] = new
        self._next += 1
        self.nbytes += new.nbytes
        self.shrink(self._max_bytes)

    def drop(self, adapter: str) -> None:
        """Forget an adapter's entries."""
        for number in [n for n, entry in self._entries.items() if entry.adapter == adapter]:
            self._remove(number)

    def shrink(self, max_bytes: int) -> None:
        """Throw out entries until what is left is no more than `max_bytes`."""
        while self._entries and self.nbytes > max_bytes:
            self._remove(next(iter(self._entries)))

    def _remove(self, number: int) -> None:
        self.nbytes -= self._entries.pop(number).nbytes


def _common(one: Tokens, other: Tokens) -> int:
    """How many tokens two sequences share from their beginnings."""
    shorter = min(len(one), len(other))
    differ = np.flatnonzero(one[:shorter] != other[:shorter])
    return int(differ[0]) if len(differ) else shorter
