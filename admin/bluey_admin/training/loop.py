"""The training loop. Imports MLX: call `prepare_mlx` first.

Everything random in a step derives from the seed and the step's number, and everything else from
the data and the settings: the same data and seed give the same bits on one machine.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim

from bluey_adapters.hyperparameters import Hyperparameters
from bluey_admin.training.batches import batches_per_epoch, plan_epoch
from bluey_admin.training.compute import Batched, Compute
from bluey_admin.training.encode import EncodedExample
from bluey_admin.training.lanes import Lanes
from bluey_admin.training.model import LoraModel, on_cpu, seed_of
from bluey_admin.training.schedule import learning_rate
from bluey_admin.training.watch import TrainingError, Watch


@dataclass(frozen=True)
class Step:
    """What one step did."""

    step: int  # counted from 1
    total_steps: int
    epoch: int  # counted from 1
    ends_epoch: bool
    train_loss: float  # mean over the batch's learned tokens, nats
    learning_rate: float
    tokens_per_second: float  # padding not counted
    trained_tokens: int  # since the start, padding not counted
    seconds: float  # this step's
    peak_memory_bytes: int


@dataclass(frozen=True)
class HeldOut:
    """Loss on each held-out row: sums over its learned tokens (nats), and how many those are."""

    sums: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def loss(self) -> float:
        """Mean over all learned tokens."""
        return sum(self.sums) / sum(self.counts)

    @property
    def rows(self) -> list[float]:
        """Mean over each row's learned tokens."""
        return [total / count for total, count in zip(self.sums, self.counts, strict=True)]


class Trainer:
    """One run over one data set. Use it as a context manager: it may have threads."""

    def __init__(
        self, model: LoraModel, settings: Hyperparameters, examples: Sequence[EncodedExample]
    ) -> None:
        self.model = model
        self.optimizer = optim.AdamW(
            learning_rate=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.optimizer.init(model.module.trainable_parameters())
        self._compute = compute_for(model.module, self.optimizer, settings.temperature)
        self._settings = settings
        self._examples = examples
        self._lengths = [len(example.ids) for example in examples]
        self._per_epoch = batches_per_epoch(len(examples), settings.batch_size)
        self.total_steps = settings.epochs * self._per_epoch

    def run(self, *, done: int = 0, trained_tokens: int = 0) -> Iterator[Step]:
        """Train, from after step `done`, one step for each item taken.

        Raises TrainingError, naming the step, when the loss is no number any more, or has for a
        while been worse than guessing.
        """
        watch = Watch(_vocabulary(self.model.module))
        for number in range(done + 1, self.total_steps + 1):
            epoch, place = divmod(number - 1, self._per_epoch)
            if place == 0 or number == done + 1:
                plan = plan_epoch(
                    self._lengths,
                    self._settings.batch_size,
                    seed=self._settings.seed,
                    epoch=epoch,
                )
            start = time.perf_counter()
            batch = [self._examples[index] for index in plan[place]]
            rate = learning_rate(number, self.total_steps, self._settings)
            self.optimizer.learning_rate = rate
            loss = self._compute.update(batch, seed_of(self._settings.seed, number))
            watch.check(number, loss)
            seconds = time.perf_counter() - start
            tokens = sum(len(example.ids) - 1 for example in batch)
            trained_tokens += tokens
            yield Step(
                step=number,
                total_steps=self.total_steps,
                epoch=epoch + 1,
                ends_epoch=place + 1 == self._per_epoch,
                train_loss=loss,
                learning_rate=rate,
                tokens_per_second=tokens / seconds,
                trained_tokens=trained_tokens,
                seconds=seconds,
                peak_memory_bytes=mx.get_peak_memory(),
            )
        if not self.model.is_finite():
            raise TrainingError(
                f"training stopped after step {self.total_steps}: the adapter holds numbers that "
                "are not finite"
            )

    def measure(self, examples: Sequence[EncodedExample]) -> HeldOut:
        """Loss on held-out examples, dropout off."""
        sums = self._compute.losses(examples)
        return HeldOut(tuple(sums), tuple(sum(example.learned[1:]) for example in examples))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._compute.close()


def compute_for(module: nn.Module, optimizer: optim.Optimizer, temperature: float = 1.0) -> Compute:
    """The way to compute on the device that MLX uses."""
    kind = Lanes if on_cpu() else Batched
    return kind(module, optimizer, temperature)


def _vocabulary(module: nn.Module) -> int:
    embeddings = (part for _, part in module.named_modules() if isinstance(part, nn.Embedding))
    return max((int(part.weight.shape[0]) for part in embeddings), default=2)
