"""The LoRA bank: the adapters of all slots, stacked, so that one batch can use them all.

Each Linear that some adapter changes is wrapped once. The wrapper holds A `(slots, in, r)` and
B `(slots, r, out)` with the scale folded into B; slot 0 is all zeros, for rows of the bare base.
A step picks each row's slot with `gather_mm`. (Never with `sorted_indices=True`: wrong results
were reported on Metal.) A step whose rows all use the bare base adds nothing to the graph.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten

from bluey_server.engine.adapter_config import AdapterConfig, UnservableAdapter

_SUFFIXES = (".lora_a", ".lora_b")


class _Selection:
    """Which slot each row of the step at hand uses; None while none uses an adapter."""

    def __init__(self) -> None:
        self.slots: mx.array | None = None  # (B,) uint32


@dataclass
class _Stack:
    """A and B of one Linear, for every slot."""

    a: mx.array  # (slots, in, r)
    b: mx.array  # (slots, r, out)

    @classmethod
    def empty(cls, slots: int, width: int, rank: int, height: int) -> "_Stack":
        return cls(mx.zeros((slots, width, rank)), mx.zeros((slots, rank, height)))

    def reserve(self, slots: int, rank: int) -> None:
        """Make room, an eighth more than there was at least: each adapter is copied a few times
        while others come, and no more than an eighth of the bank lies idle."""
        have_slots, _, have_rank = self.a.shape
        if slots > have_slots or rank > have_rank:
            wanted = max(slots, have_slots + have_slots // 8) if slots > have_slots else have_slots
            grow_slots = wanted - have_slots
            grow_rank = max(rank - have_rank, 0)
            self.a = mx.pad(self.a, [(0, grow_slots), (0, 0), (0, grow_rank)])
            self.b = mx.pad(self.b, [(0, grow_slots), (0, grow_rank), (0, 0)])

    def put(self, slot: int, a: mx.array, b: mx.array) -> None:
        """Fill a slot; a smaller rank is padded with zeros, which add nothing."""
        padding = self.a.shape[-1] - a.shape[-1]
        self.a[slot] = mx.pad(a, [(0, 0), (0, padding)])
        self.b[slot] = mx.pad(b, [(0, padding), (0, 0)])

    def clear(self, slot: int) -> None:
        if slot < self.a.shape[0]:
            self.a[slot] = mx.zeros(self.a.shape[1:])
            self.b[slot] = mx.zeros(self.b.shape[1:])


class _BankedLinear(nn.Module):
    """A Linear and, for the rows that ask for it, the low-rank update of their slot."""

    def __init__(self, linear: nn.Module, selection: _Selection) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear
        # In a tuple, which nn.Module doesn't search for parameters: these are no weights of the
        # base, and saving or counting the base must not meet them.
        self._own = (selection,)
        self._stack: tuple[_Stack] | tuple[()] = ()

    def __call__(self, x: mx.array) -> mx.array:
        """(B, L, in) to (B, L, out)."""
        y: mx.array = self.linear(x)
        slots = self._own[0].slots
        if slots is None or not self._stack:
            return y
        stack = self._stack[0]
        z = mx.gather_mm(x, stack.a, rhs_indices=slots)
        z = mx.gather_mm(z, stack.b, rhs_indices=slots)
        return y + z.astype(y.dtype)


class LoRABank:
    """All slots of one base. Every call belongs on the thread that owns MLX."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._modules = dict(model.named_modules())
        self._selection = _Selection()
        self._banked: dict[str, tuple[_BankedLinear, _Stack]] = {}
        self._capacity = 1

    def select(self, slots: list[int]) -> None:
        """Say which slot each row of the coming step uses."""
        self._selection.slots = mx.array(slots, mx.uint32) if any(slots) else None

    def load(self, slot: int, folder: Path) -> None:
        """Fill a slot from a stored adapter's folder.

        Raises UnservableAdapter, and leaves the slot empty, when it can't be served beside
        others on this base.
        """
        config = AdapterConfig.read(folder)
        pairs = self._read(folder)
        for path, (_, stack) in self._banked.items():
            if path not in pairs:  # the adapter before it may have changed more layers
                stack.clear(slot)
        for path, (a, b) in pairs.items():
            stack = self._bank(path, a, b)
            stack.reserve(max(slot + 1, self._capacity), a.shape[-1])
            stack.put(slot, a, b * config.scale)
        self._capacity = max(self._capacity, slot + 1)
        for _, stack in self._banked.values():
            stack.reserve(self._capacity, 0)
        mx.eval([(stack.a, stack.b) for _, stack in self._banked.values()])

    def clear(self, slot: int) -> None:
        """Empty a slot."""
        for _, stack in self._banked.values():
            stack.clear(slot)

    @property
    def nbytes(self) -> int:
        """Bytes of all slots."""
        return sum(stack.a.nbytes + stack.b.nbytes for _, stack in self._banked.values())

    def _bank(self, path: str, a: mx.array, b: mx.array) -> _Stack:
        if path not in self._banked:
            linear = _BankedLinear(self._modules[path], self._selection)
            stack = _Stack.empty(self._capacity, a.shape[0], a.shape[1], b.shape[1])
            linear._stack = (stack,)
            self._model.update_modules(tree_unflatten([(path, linear)]))
            self._banked[path] = (linear, stack)
        return self._banked[path][1]

    def _read(self, folder: Path) -> dict[str, tuple[mx.array, mx.array]]:
        """A `(in, r)` and B `(r, out)` by the path of the Linear that they change, checked
        against the base."""
        tensors: Any = mx.load(str(folder / "adapters.safetensors"))
        strange = [name for name in tensors if not name.endswith(_SUFFIXES)]
        if strange:
            raise UnservableAdapter(f"it holds tensors that are not LoRA's, such as {strange[0]}")
        paths = sorted({name.rsplit(".", 1)[0] for name in tensors})
        if not paths:
            raise UnservableAdapter("it holds no tensors")
        pairs = {}
        for path in paths:
            a, b = (tensors.get(path + suffix) for suffix in _SUFFIXES)
            if a is None or b is None:
                raise UnservableAdapter(f"one half of {path}'s update is missing")
            self._check(path, a, b)
            pairs[path] = (a, b)
        return pairs

    def _check(self, path: str, a: mx.array, b: mx.array) -> None:
        module = self._modules.get(path)
        if module is None:
            raise UnservableAdapter(f"it changes {path}, which this base does not have")
        if not isinstance(module, nn.Linear | nn.QuantizedLinear):
            raise UnservableAdapter(
                f"it changes {path}, a {type(module).__name__}; only Linear layers can be shared"
            )
        height, width = module.weight.shape
        if isinstance(module, nn.QuantizedLinear):
            width = width * 32 // module.bits
        if a.ndim != 2 or b.ndim != 2 or (a.shape[0], b.shape[1]) != (width, height):
            raise UnservableAdapter(
                f"its update of {path} is for {a.shape[0]}x{b.shape[-1]}, "
                f"the layer has {width}x{height}"
            )
        if a.shape[1] != b.shape[0]:
            raise UnservableAdapter(f"the two halves of {path}'s update have different ranks")
