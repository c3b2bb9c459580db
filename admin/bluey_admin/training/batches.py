"""Batches: which examples go together, in which order, and the arrays made of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bluey_admin.training.encode import EncodedExample

PAD_TO = 32
"""Lengths are rounded up to a multiple: few shapes, so few compilations of the step."""

_WINDOW = 8  # batches among whose examples neighbours in length are sought


@dataclass(frozen=True)
class Batch:
    """Rows of equal length, padded on the right. Padding is 0 and counts nowhere."""

    inputs: npt.NDArray[np.int32]  # (rows, length)
    targets: npt.NDArray[np.int32]  # (rows, length): inputs, one token on
    weights: npt.NDArray[np.float32]  # (rows, length): 1 where the target is learned, else 0


def make_batch(examples: Sequence[EncodedExample], *, pad_to: int = PAD_TO) -> Batch:
    """One batch of `examples`, in their order, its length a multiple of `pad_to`."""
    longest = max(len(example.ids) - 1 for example in examples)
    shape = (len(examples), -(-longest // pad_to) * pad_to)
    inputs, targets = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    weights = np.zeros(shape, np.float32)
    for row, example in enumerate(examples):
        length = len(example.ids) - 1
        inputs[row, :length] = example.ids[:-1]
        targets[row, :length] = example.ids[1:]
        weights[row, :length] = example.learned[1:]
    return Batch(inputs, targets, weights)


def plan_epoch(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int
) -> list[list[int]]:
    """The batches of one epoch, as indices into `lengths`; each index once.

    A function of its arguments alone, so that a resumed run meets the same batches. Examples are
    shuffled, then sorted by length within windows of a few batches, so that batches are varied
    and padding is small; then the batches are shuffled.
    """
    # Seeding by a string goes through SHA-512: the same on every machine and Python.
    chance = random.Random(f"{seed}:{epoch}")
    order = list(range(len(lengths)))
    chance.shuffle(order)
    window = batch_size * _WINDOW
    batches = []
    for start in range(0, len(order), window):
        near = sorted(order[start : start + window], key=lambda index: lengths[index])
        batches += [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    chance.shuffle(batches)
    return batches


def batches_per_epoch(examples: int, batch_size: int) -> int:
    """How many batches `plan_epoch` makes."""
    return -(-examples // batch_size)
