"""The embedded pair's training: mlx-lm's arithmetic, and the same bits, from a checkpoint too."""

import random
import subprocess
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
import numpy as np
from mlx.utils import tree_flatten

from bluey_admin.embedded import forward
from bluey_admin.embedded.batches import Text, batch, dialogue_row
from bluey_admin.embedded.dialogues import How, Mixture, occasion, recalled, subjects
from bluey_admin.embedded.training import Listener, Schedule, new_model, sharpen, train
from bluey_admin.embedded.vocabulary import END_ID


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


def test_a_reply_is_marked_with_its_occasion_from_the_token_before_it(
    tokenizer: Tokenizer,
) -> None:
    found = 0
    for index in range(8):
        made = batch(tokenizer, 5, index, 4, 256, Text.WIDE)
        for row, place in zip(*np.nonzero(made.heard), strict=True):
            ids = made.tokens[row].tolist()
            before = tokenizer.decode(ids[: place + 1], skip_special_tokens=False)
            assert before.endswith("<start_of_turn>model\n")
            end = ids.index(END_ID, place) if END_ID in ids[place:] else 256
            assert made.kept[row, place:end].all()
            assert len({*made.subjects[row, place:end].tolist()}) == 1
            found += 1
        assert made.heard.sum() == pytest.approx(1, abs=1e-5)
        assert made.kept.sum() == pytest.approx(1, abs=1e-5)
    assert found > 50
    assert not batch(tokenizer, 5, 0, 4, 256, Text.PROSE).kept.any()


def test_what_refers_back_weighs_more(tokenizer: Tokenizer) -> None:
    rng, weights = random.Random(3), {True: set[float](), False: set[float]()}
    for _ in range(50):
        occasions = Mixture(((occasion, 1),), lively=0.0, how=How(late=True, onward=1.0))
        row = dialogue_row(tokenizer, rng, occasions)
        for place, (_, end, _) in enumerate(row.subjects):
            weights[place > 0].add(row.weights[end])
    assert weights == {True: {3.0}, False: {1.0}}


def test_asides_are_not_learned(tokenizer: Tokenizer) -> None:
    rng = random.Random(2)
    only_recall = Mixture(((recalled, 1),), lively=0.0, how=How(late=True))
    for _ in range(200):
        row = dialogue_row(tokenizer, rng, only_recall)
        ids = [token for token, weight in zip(row.ids, row.weights, strict=True) if weight >= 1]
        text = tokenizer.decode(ids)
        assert not any(aside in text for aside in ("How exciting!", "How kind", "Good luck!"))


def test_asking_for_the_occasion_teaches_it(tokenizer: Tokenizer, trained: Any) -> None:
    made = batch(tokenizer, 5, 0, 2, 256, Text.WIDE)
    fields = (made.tokens, made.weights, made.subjects, made.heard, made.kept)
    arrays = [*map(mx.array, fields), mx.array([[0.3]])]
    pupil = Listener(trained, len(subjects()))
    logits = forward.logits(trained, arrays[0][:, :-1])
    plain: Any = forward.weighted_loss(logits, arrays[0][:, 1:], arrays[1])
    guess = 0.3 * 2 * np.log(len(subjects()))  # of heads of zeros
    assert pupil.loss(*arrays).item() == pytest.approx(plain.item() + guess, rel=1e-3)
    slopes = nn.value_and_grad(pupil, Listener.loss)(pupil, *arrays)[1]
    for head in ("hears", "keeps"):
        before = pupil.loss(*arrays).item()
        pupil[head] = pupil[head] - 0.1 * slopes[head]
        assert pupil.loss(*arrays).item() < before - 1e-4, head


def test_sharpening_multiplies_every_logit(tokenizer: Tokenizer) -> None:
    model = new_model(4096, seed=1)
    model.load_weights(str(embedded_model("tiny-it") / "model.safetensors"))
    x = mx.array([tokenizer.encode("Why do stars twinkle?").ids])
    before = model(x)
    sharpen(model, 1.5)
    assert mx.abs(model(x) - 1.5 * before).max().item() < 1e-3


def _weights(model: Any) -> dict[str, bytes]:
    return {name: bytes(memoryview(value)) for name, value in tree_flatten(model.parameters())}


@pytest.mark.parametrize("text", [Text.PROSE, Text.WIDE])
def test_stopped_and_resumed_gives_the_same_bits(
    tokenizer: Tokenizer, tmp_path: Path, text: Text
) -> None:
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
        text,
    )
    with pytest.raises(Stopped):
        train(new_model(4096, seed=1), tokenizer, schedule, tmp_path / "b", stop, text)
    resumed, steps = new_model(4096, seed=7), []
    train(
        resumed,
        tokenizer,
        schedule,
        tmp_path / "b",
        lambda s, _l, _r: steps.append(s),
        text,
    )
    assert steps == [3, 4] and len(losses) == 4
    assert _weights(resumed) == _weights(whole)


def test_kept_tiny_pt_leads_to_the_same_tiny_it(tokenizer: Tokenizer, tmp_path: Path) -> None:
    def make(work: str, *flags: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / work).mkdir()
        tokenizer.save(str(tmp_path / work / "tokenizer.json"))  # spares the learning of it
        where = ["--out", str(tmp_path / "out"), "--work", str(tmp_path / work)]
        command = [sys.executable, "-m", "bluey_admin.embedded", *where, "--steps", "2", "2", "2"]
        return subprocess.run([*command, *flags], capture_output=True, text=True, check=False)

    none = make("none", "--keep-pt")
    assert none.returncode == 2 and "there is no tiny-pt in" in none.stderr
    assert make("all").returncode == 0
    out = tmp_path / "out"
    pt, it = (out / name / "model.safetensors" for name in ("tiny-pt", "tiny-it"))
    was, made = pt.read_bytes(), it.read_bytes()
    it.unlink()
    assert make("kept", "--keep-pt").returncode == 0
    assert pt.read_bytes() == was and it.read_bytes() == made
    timed = make("timed", "--keep-pt", "--minutes", "3")
    assert timed.returncode == 2 and "--minutes" in timed.stderr
