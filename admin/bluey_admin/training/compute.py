"""The arithmetic of a step: losses, gradients, the optimizer's move.

Two ways with one result, but for rounding: `Batched`, for accelerators, takes a batch as one
padded array; `Lanes` (lanes.py), for the CPU, takes its rows one by one on several cores.
Imports MLX: call `prepare_mlx` first.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np

from bluey_admin.training.batches import Batch, make_batch
from bluey_admin.training.encode import EncodedExample

_CLIP = 1.0  # the gradient's norm is cut down to this
_ROWS = 4  # of held-out examples, at once


class Compute(Protocol):
    """How a module is trained and measured on one kind of device."""

    def update(self, examples: Sequence[EncodedExample], seed: int) -> float:
        """Move the free parameters one step along one batch. Returns the loss it had before:
        cross-entropy in nats, the mean over the batch's learned tokens."""
        ...

    def losses(self, examples: Sequence[EncodedExample]) -> list[float]:
        """Cross-entropy of each example, in nats, summed over its learned tokens; dropout off."""
        ...

    def close(self) -> None:
        """Let go of threads, if there are any. To be called by the thread that made this."""
        ...


class Batched:
    """Whole batches, the step compiled."""

    def __init__(
        self, module: nn.Module, optimizer: optim.Optimizer, temperature: float = 1.0
    ) -> None:
        self._module = module
        self._temperature = temperature
        self._state = [module.state, optimizer.state, mx.random.state]

        def loss_of(inputs: mx.array, targets: mx.array, weights: mx.array) -> mx.array:
            sums = row_losses(module, inputs, targets, weights, temperature)
            return sums.sum() / weights.sum()

        loss_and_gradients = nn.value_and_grad(module, loss_of)

        def step(inputs: mx.array, targets: mx.array, weights: mx.array) -> mx.array:
            loss: mx.array
            loss, gradients = loss_and_gradients(inputs, targets, weights)
            move(module, optimizer, gradients)
            return loss

        self._step = mx.compile(step, inputs=self._state, outputs=self._state)

    def update(self, examples: Sequence[EncodedExample], seed: int) -> float:
        self._module.train()
        mx.random.seed(seed)
        loss = self._step(*arrays(make_batch(examples)))
        mx.eval(loss, self._state)
        return number(loss)

    def losses(self, examples: Sequence[EncodedExample]) -> list[float]:
        self._module.eval()
        # Neighbours in length share a batch; the order asked for is restored.
        order = sorted(range(len(examples)), key=lambda index: len(examples[index].ids))
        found: dict[int, float] = {}
        for start in range(0, len(order), _ROWS):
            indices = order[start : start + _ROWS]
            batch = make_batch([examples[index] for index in indices])
            sums = np.asarray(row_losses(self._module, *arrays(batch), self._temperature))
            found.update(zip(indices, map(float, sums), strict=True))
        return [found[index] for index in range(len(examples))]

    def close(self) -> None:
        pass


def row_losses(
    module: nn.Module,
    inputs: mx.array,
    targets: mx.array,
    weights: mx.array,
    temperature: float = 1.0,
) -> mx.array:
    """Cross-entropy (fp32, nats), summed over each row's learned tokens: (rows,)."""
    logits = module(inputs).astype(mx.float32) / temperature
    return (nn.losses.cross_entropy(logits, targets) * weights).sum(axis=1)


def move(module: nn.Module, optimizer: optim.Optimizer, gradients: Any) -> None:
    """One step of the optimizer along the clipped gradients."""
    clipped, _ = optim.clip_grad_norm(gradients, _CLIP)
    optimizer.update(module, clipped)


def arrays(batch: Batch) -> tuple[mx.array, mx.array, mx.array]:
    """A batch's inputs, targets and weights."""
    return mx.array(batch.inputs), mx.array(batch.targets), mx.array(batch.weights)


def number(scalar: mx.array) -> float:
    """A scalar array as Python has it."""
    return float(np.asarray(scalar))
