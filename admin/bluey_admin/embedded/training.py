"""The training loop of the embedded pair: plain MLX, on a CPU, the same bits each time.

MLX works through one stream's element-wise operations on one thread, so the batch is halved over
two streams, each with a single-threaded BLAS; forward.py is the other half of the speed. Imports
MLX: call `prepare_mlx` first.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.optimizers import AdamW, clip_grad_norm
from mlx.utils import tree_flatten, tree_map, tree_unflatten
from mlx_lm.models.gemma3_text import Model, ModelArgs
from tokenizers import Tokenizer

from bluey_admin.embedded.batches import Text, batch
from bluey_admin.embedded.dialogues import subjects
from bluey_admin.embedded.forward import logits, logits_of, states, weighted_loss
from bluey_admin.embedded.shape import config


@dataclass(frozen=True)
class Schedule:
    """How long and how hard to train: a warm-up, then half a cosine down to a twentieth."""

    steps: int
    rate: float
    rows: int = 4
    length: int = 256  # tokens
    warmup: int = 60  # steps
    decay: float = 0.05
    seed: int = 1
    save_every: int = 250  # steps

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        part = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * part)))


class Listener(nn.Module):
    """A model that is also asked which occasion it hears; the asking is thrown away afterwards.

    Of a reply's fifty tokens only the first few show whether the question was understood. So it is
    asked outright: at the last token before a reply after half of the layers, where the tokens of
    the reply can still look it up; and at each of those tokens before the last layer.
    """

    def __init__(self, model: Any, subjects: int) -> None:
        """Two heads of `subjects` rows, all zero, on what `model`'s layers leave."""
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.model = model
        self.hears = mx.zeros((subjects, model.args.hidden_size))
        self.keeps = mx.zeros((subjects, model.args.hidden_size))

    def loss(
        self,
        x: mx.array,
        w: mx.array,
        subjects: mx.array,
        heard: mx.array,
        kept: mx.array,
        share: mx.array,
    ) -> mx.array:
        """The loss on ids `x` (rows, length + 1), the rest as in `Batch`, plus the heads'."""
        left = states(self.model, x[:, :-1])
        half = len(left) // 2
        hears = mx.fast.rms_norm(left[half - 1], None, 1e-6) @ self.hears.T
        keeps = mx.fast.rms_norm(left[-2], None, 1e-6) @ self.keeps.T
        said: Any = weighted_loss(logits_of(self.model, left[-1]), x[:, 1:], w)
        heard_as: Any = weighted_loss(hears, subjects, heard)
        kept_as: Any = weighted_loss(keeps, subjects, kept)
        return cast(mx.array, said + share[0, 0] * (heard_as + kept_as))


def new_model(vocabulary: int, seed: int) -> Any:
    """A fresh model of the embedded shape, its norms at identity as Gemma counts them."""
    mx.random.seed(seed)
    model = Model(ModelArgs.from_dict(config(vocabulary, tuned=False)))
    model.sanitize({})  # ties the embeddings
    weights: Any = tree_flatten(model.parameters())
    model.update(tree_unflatten([(k, mx.zeros_like(v) if "norm" in k else v) for k, v in weights]))
    mx.eval(model.parameters())
    return model


def train(
    model: Any,
    tokenizer: Tokenizer,
    schedule: Schedule,
    work: Path,
    report: Callable[[int, float, float], None],
    text: Text,
) -> float | None:
    """Train `model` in place; returns the mean loss of the last fifty steps, None if it was done.

    Goes on from the checkpoint in `work` when there is one of the same schedule. `report` gets
    step, loss (nats a token) and tokens a second.
    """
    listens = text is Text.WIDE
    pupil: Any = Listener(model, len(subjects())) if listens else model
    streams = [mx.new_stream(mx.default_device()) for _ in range(2)]
    optimizer = AdamW(schedule.rate, betas=[0.9, 0.98], weight_decay=schedule.decay)
    optimizer.init(pupil.trainable_parameters())
    first = _resume(pupil, optimizer, work, schedule)

    def loss_of(m: Any, x: mx.array, w: mx.array) -> mx.array:
        loss: Any = weighted_loss(logits(m, x[:, :-1]), x[:, 1:], w)
        return cast(mx.array, loss)

    gradient = nn.value_and_grad(pupil, Listener.loss if listens else loss_of)
    state = [pupil.state, optimizer.state]

    def step(*arrays: mx.array) -> tuple[mx.array, mx.array]:
        halves = []
        for stream, *half in zip(streams, *(mx.split(a, 2) for a in arrays), strict=True):
            with mx.stream(stream):
                halves.append(gradient(pupil, *half))
        (loss, slope), (loss2, slope2) = halves
        total, norm = clip_grad_norm(tree_map(mx.add, slope, slope2), 1.0)
        optimizer.update(pupil, total)
        return loss + loss2, norm

    fast = partial(mx.compile, inputs=state, outputs=state)(step)
    losses: list[float] = []
    started = time.perf_counter()
    for i in range(first, schedule.steps):
        optimizer.learning_rate = schedule.rate_at(i)
        made = batch(tokenizer, schedule.seed, i, schedule.rows, schedule.length, text)
        share = np.full((2, 1), 0.3 * max(0.0, 1 - 2 * i / schedule.steps), np.float32)
        arrays = [
            made.tokens,
            made.weights,
            *([made.subjects, made.heard, made.kept, share] if listens else []),
        ]
        loss, _ = fast(*map(mx.array, arrays))
        mx.eval(loss, state)
        losses.append(float(loss))
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"the loss is {losses[-1]} at step {i}")
        done = (i + 1 - first) * schedule.rows * schedule.length
        report(i + 1, losses[-1], done / (time.perf_counter() - started))
        if (i + 1) % schedule.save_every == 0 or i + 1 == schedule.steps:
            _checkpoint(pupil, optimizer, work, schedule, i + 1)
    last = losses[-50:]
    return sum(last) / len(last) if last else None


def sharpen(model: Any, factor: float) -> None:
    """Multiply every logit by `factor`, through the last norm; at temperature T as at T/`factor`.

    A model this small gives a little of its mind to everything, and clients ask at temperatures
    that suit large models.
    """
    norm = model.model.norm
    norm.weight = factor * (1 + norm.weight) - 1  # Gemma counts its norms from one
    mx.eval(norm.weight)


def _checkpoint(model: Any, optimizer: Any, work: Path, schedule: Schedule, step: int) -> None:
    work.mkdir(parents=True, exist_ok=True)
    weights: Any = tree_flatten(model.parameters())
    moments: Any = tree_flatten(optimizer.state)
    arrays = {f"model.{k}": v for k, v in weights} | {f"optimizer.{k}": v for k, v in moments}
    half = work / "half.safetensors"
    mx.save_safetensors(str(half), arrays, {"step": str(step), "schedule": repr(schedule)})
    half.replace(work / "checkpoint.safetensors")


def _resume(model: Any, optimizer: Any, work: Path, schedule: Schedule) -> int:
    path = work / "checkpoint.safetensors"
    if not path.is_file():
        return 0
    loaded: Any = mx.load(str(path), return_metadata=True)
    arrays, metadata = loaded
    if metadata["schedule"] != repr(schedule):
        return 0
    parts: dict[str, list[tuple[str, Any]]] = {"model": [], "optimizer": []}
    for key, value in arrays.items():
        whose, _, name = key.partition(".")
        parts[whose].append((name, value))
    model.update(tree_unflatten(parts["model"]))
    optimizer.state = tree_unflatten(parts["optimizer"])
    mx.eval(model.parameters(), optimizer.state)
    return int(metadata["step"])
