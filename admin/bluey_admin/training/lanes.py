"""Computing on the CPU: each row of a batch by itself, as many rows at once as there are cores.

MLX's CPU backend does everything but matrix products on one core, and there its exp, tanh and
softmax take half of a step. A BLAS with threads of its own gains little on an idle machine, and
on a busy one loses nearly everything, as its threads spin while they wait for one another: on two
cores, beside one other busy process, 109 tokens a second with two BLAS threads and 1,650 with one.
So BLAS gets one thread (worker.py sees to that), and rows are shared out among threads of ours.
They need no padding then; and since sums are taken in the order of the rows, the bits don't
depend on the number of cores.

Graphs are built under a lock, since building one goes through the module and MLX's one random
state; the work is in evaluating them, which needs neither. Imports MLX: call `prepare_mlx` first.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_map

from bluey_adapters.mlx_setup import available_cores
from bluey_admin.training.batches import make_batch
from bluey_admin.training.compute import arrays, move, number, row_losses
from bluey_admin.training.encode import EncodedExample


class Lanes:
    """Rows in threads."""

    def __init__(
        self, module: nn.Module, optimizer: optim.Optimizer, temperature: float = 1.0
    ) -> None:
        self._module = module
        self._temperature = temperature
        self._optimizer = optimizer
        self._building = threading.Lock()
        self._count = available_cores()
        self._pool = ThreadPoolExecutor(self._count, thread_name_prefix="lane")
        self._gradient_of = mx.value_and_grad(self._loss)
        for part in module.modules():
            # A lazy array may be evaluated by the thread that made it, and by no other.
            mx.eval([value for value in part.values() if isinstance(value, mx.array)])

    def update(self, examples: Sequence[EncodedExample], seed: int) -> float:
        self._module.train()
        parameters = self._module.trainable_parameters()
        mx.eval(parameters)

        def work(row: int) -> tuple[mx.array, Any]:
            with self._building:
                mx.random.seed((seed + row) % 2**63)
                loss, gradient = self._gradient_of(parameters, examples[row])
            mx.eval(loss, gradient)
            return loss, gradient

        rows = list(self._pool.map(work, range(len(examples))))
        learned = sum(sum(example.learned[1:]) for example in examples)
        gradients = tree_map(
            lambda *parts: sum(parts[1:], parts[0]) / learned, *(gradient for _, gradient in rows)
        )
        self._module.update(parameters)  # building has left its tracers there
        move(self._module, self._optimizer, gradients)
        mx.eval(self._module.trainable_parameters(), self._optimizer.state)
        return sum(number(loss) for loss, _ in rows) / learned

    def losses(self, examples: Sequence[EncodedExample]) -> list[float]:
        self._module.eval()

        def work(example: EncodedExample) -> float:
            with self._building:
                loss = self._of(example)
            return number(loss)

        return list(self._pool.map(work, examples))

    def close(self) -> None:
        """End the threads, each after its MLX streams: left to themselves, the streams' own
        threads would be destroyed while they run, which aborts the process at its exit."""
        together = threading.Barrier(self._count)  # so that each thread gets one of the tasks

        def leave(_: int) -> None:
            together.wait()
            mx.synchronize()
            mx.clear_streams()

        list(self._pool.map(leave, range(self._count)))
        self._pool.shutdown()

    def _loss(self, parameters: Any, example: EncodedExample) -> mx.array:
        self._module.update(parameters)
        return self._of(example)

    def _of(self, example: EncodedExample) -> mx.array:
        batch = arrays(make_batch([example], pad_to=1))
        return row_losses(self._module, *batch, self._temperature).sum()
