"""The embedded pair's training: mlx-lm's arithmetic, and the same bits, from a checkpoint too."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from bluey_adapters.mlx_setup import prepare_mlx
from bluey_data.catalog import embedded_model

if "mlx.core" not in sys.modules:  # once a process, and before the imports below
    prepare_mlx(Path(tempfile.mkdtemp(prefix="bluey-test-")))

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from bluey_admin.embedded import forward
from bluey_admin.embedded.batches import Text, batch
from bluey_admin.embedded.training import Schedule, new_model, train


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(embedded_model("tiny-pt") / "tokenizer.json"))


@pytest.fixture(scope="module")
def trained() -> Any:
    model = new_model(4096, seed=1)
    model.load_weights(str(embedded_model("tiny-pt") / "model.safetensors"))
    return model


def test_exponential_is_right_to_five_digits() -> None:
    for reach, error in ((20, 3e-5), (80, 1e-3)):  # far out, where e^x is next to nothing, fewer
        x = mx.linspace(-reach, reach, 10_001)
        assert mx.abs(forward.fast_exp(x) / mx.exp(x) - 1).max().item() < error


def test_logits_and_gradients_are_those_of_mlx_lm(tokenizer: Tokenizer, trained: Any) -> None:
    made = batch(tokenizer, 1, 0, 2, 128, Text.TALK)
    x, w = mx.array(made.tokens), mx.array(made.weights)
    theirs, ours = trained(x[:, :-1]), forward.logits(trained, x[:, :-1])
    assert mx.abs(theirs - ours).max().item() < 1e-3

    def plain(model: Any) -> Any:
        return (nn.losses.cross_entropy(model(x[:, :-1]), x[:, 1:]) * w).sum()

    def fast(model: Any) -> Any:
        return forward.weighted_loss(forward.logits(model, x[:, :-1]), x[:, 1:], w)

    (loss, slopes), (loss2, slopes2) = (
        nn.value_and_grad(trained, f)(trained) for f in (plain, fast)
    )
    assert abs(loss.item() - loss2.item()) < 1e-4
    for (name, one), (_, other) in zip(tree_flatten(slopes), tree_flatten(slopes2), strict=True):
        assert mx.abs(one - other).max().item() <= 1e-3 * mx.abs(one).max().item(), name


def _weights(model: Any) -> dict[str, bytes]:
    return {name: bytes(memoryview(value)) for name, value in tree_flatten(model.parameters())}


def test_stopped_and_resumed_gives_the_same_bits(tokenizer: Tokenizer, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(step: int, _loss: float, _rate: float) -> None:
        if step == 3:
            raise Stopped

    schedule = Schedule(4, 1e-3, rows=2, length=64, save_every=2)
    whole = new_model(4096, seed=1)
    losses: list[float] = []
    train(
        whole,
        tokenizer,
        schedule,
        tmp_path / "a",
        lambda _s, loss, _r: losses.append(loss),
        Text.PROSE,
    )
    with pytest.raises(Stopped):
        train(new_model(4096, seed=1), tokenizer, schedule, tmp_path / "b", stop, Text.PROSE)
    resumed, steps = new_model(4096, seed=7), []
    train(
        resumed,
        tokenizer,
        schedule,
        tmp_path / "b",
        lambda s, _l, _r: steps.append(s),
        Text.PROSE,
    )
    assert steps == [3, 4] and len(losses) == 4
    assert _weights(resumed) == _weights(whole)
