"""Batches, learning rate, watch and verdict: plain functions, plain tests."""

import random

import numpy as np
import pytest

from bluey_adapters.hyperparameters import Hyperparameters
from bluey_admin.training.batches import batches_per_epoch, make_batch, plan_epoch
from bluey_admin.training.encode import EncodedExample
from bluey_admin.training.schedule import learning_rate
from bluey_admin.training.verdict import compare
from bluey_admin.training.watch import TrainingError, Watch

LENGTHS = [random.Random(1).randint(5, 300) for _ in range(111)]


def test_an_epoch_has_each_example_once_and_little_padding() -> None:
    plan = plan_epoch(LENGTHS, 4, seed=3, epoch=1)
    assert sorted(index for batch in plan for index in batch) == list(range(111))
    assert len(plan) == batches_per_epoch(111, 4) == 28
    padded = sum(len(batch) * max(LENGTHS[index] for index in batch) for batch in plan)
    assert sum(LENGTHS) / padded > 0.85


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    assert plan_epoch(LENGTHS, 4, seed=3, epoch=1) == plan_epoch(LENGTHS, 4, seed=3, epoch=1)
    assert plan_epoch(LENGTHS, 4, seed=3, epoch=1) != plan_epoch(LENGTHS, 4, seed=3, epoch=2)
    assert plan_epoch(LENGTHS, 4, seed=3, epoch=1) != plan_epoch(LENGTHS, 4, seed=4, epoch=1)


def test_padding_counts_nowhere() -> None:
    long = EncodedExample((7, 8, 9, 4), (False, False, True, True), 1)
    short = EncodedExample((7, 9, 4), (False, True, True), 2)
    batch = make_batch([long, short], pad_to=2)
    np.testing.assert_array_equal(batch.inputs, [[7, 8, 9, 0], [7, 9, 0, 0]])
    np.testing.assert_array_equal(batch.targets, [[8, 9, 4, 0], [9, 4, 0, 0]])
    np.testing.assert_array_equal(batch.weights, [[0, 1, 1, 0], [1, 1, 0, 0]])


def test_the_rate_warms_up_and_decays() -> None:
    settings = Hyperparameters(learning_rate=1.0, warmup_steps=4)
    rates = [learning_rate(step, 20, settings) for step in range(1, 21)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0 < rates[-1] < 0.02


@pytest.mark.parametrize("total", [1, 2, 5])
def test_a_short_run_has_a_rate_at_every_step(total: int) -> None:
    settings = Hyperparameters(learning_rate=1.0, warmup_steps=100)
    assert all(0 < learning_rate(step, total, settings) <= 1 for step in range(1, total + 1))


@pytest.mark.parametrize(
    ("shift", "noise", "rows", "worse"),
    [
        (0.5, 0.1, 20, True),
        (0.0, 0.0, 20, False),  # the same bits
        (-0.5, 0.1, 20, False),
        (0.05, 0.5, 20, False),  # too close to call
        (0.03, 0.001, 20, False),  # significant, and as little as another seed may do
        (0.5, 0.1, 4, False),  # too few rows to say
    ],
)
def test_only_the_clearly_worse_is_held_back(
    shift: float, noise: float, rows: int, worse: bool
) -> None:
    chance = random.Random(5)
    current = [chance.uniform(1, 4) for _ in range(rows)]
    new = [loss + shift + chance.gauss(0, noise) for loss in current]
    assert compare(new, current).clearly_worse is worse


def first_stop(losses: list[float]) -> int | None:
    watch = Watch(vocabulary=1000)  # guessing costs 6.9
    for step, loss in enumerate(losses, start=1):
        try:
            watch.check(step, loss)
        except TrainingError as error:
            assert f"at step {step}" in str(error)
            return step
    return None


@pytest.mark.parametrize(
    ("losses", "stop"),
    [
        ([3.0, 2.0, float("nan")], 3),
        ([3.0, float("inf")], 2),
        ([3.0] * 5 + [20.0] * 20, 8),
        ([3.0] * 20 + [20.0] + [3.0] * 20, None),  # one bad batch
        ([3.0] + [6.0] * 50, None),  # bad, but not worse than guessing
        ([11.0] * 50, None),  # a base that begins worse than guessing
    ],
)
def test_a_run_gone_wrong_is_stopped(losses: list[float], stop: int | None) -> None:
    assert first_stop(losses) == stop
