"""Verdicts: only what an interval allows is said, and the rest is listed."""

import numpy as np
import pytest

from bluey_admin.evaluation.findings import SCORES
from bluey_admin.evaluation.verdicts import FEWEST, untold, verdicts


def _noise(seed: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(0, 0.01, shape)


def test_a_difference_is_told_once_with_the_greater_first() -> None:
    models = {
        "it": {"character": 0.12 + _noise(1, 40, 3)},
        "bluey-it": {"character": 0.91 + _noise(2, 40, 3)},
    }
    [verdict] = verdicts(models)
    assert (verdict.score, verdict.first, verdict.second) == ("character", "bluey-it", "it")
    difference = verdict.difference
    assert difference.value is not None and difference.low is not None
    assert difference.low > 0.7 and difference.value == pytest.approx(0.79, abs=0.01)
    assert verdict.says == (
        "bluey-it is more in character than it: 0.91 against 0.12, "
        "difference +0.79 (95 % interval +0.79 to +0.79)"
    )
    assert untold(models) == []
    assert verdicts(dict(reversed(models.items()))) == [verdict]


@pytest.mark.parametrize("score", SCORES)
def test_every_score_has_its_words(score: str) -> None:
    models = {"a": {score: 2.0 + _noise(1, 40, 1)}, "b": {score: 1.0 + _noise(2, 40, 1)}}
    [verdict] = verdicts(models)
    assert verdict.says.startswith("a ") and " than b: 2.0" in verdict.says
    [alike] = untold({"a": models["a"], "b": {score: models["a"][score][::-1]}})
    assert alike.says.startswith("a and b can't be told apart in how ")


def test_nothing_is_told_of_models_that_are_alike() -> None:
    """Also where the same answers came in another order of seeds."""
    scores = np.random.default_rng(3).random((40, 3))
    models = {"a": {"on_topic": scores}, "b": {"on_topic": scores[:, ::-1]}}
    assert verdicts(models) == []
    [left] = untold(models)
    assert left.says == (
        "a and b can't be told apart in how often they are on topic: "
        "difference +0.00 (95 % interval +0.00 to +0.00)"
    )


def test_a_small_difference_is_not_rounded_away() -> None:
    first = 0.5 + _noise(4, 40, 1)
    [verdict] = verdicts({"a": {"character": first}, "b": {"character": first - 0.0004}})
    assert "difference +0.0004 (95 % interval +0.0004 to +0.0004)" in verdict.says


def test_few_probes_allow_no_verdict() -> None:
    """Five probes that agree are one chance in sixteen, more than one in twenty."""

    def models(
        probes: int,
    ) -> dict[str, dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]]:
        return {"a": {"breaks": np.ones((probes, 2))}, "b": {"breaks": np.zeros((probes, 2))}}

    assert len(verdicts(models(FEWEST))) == 1
    assert verdicts(models(FEWEST - 1)) == []
    [left] = untold(models(FEWEST - 1))
    assert left.says.endswith(f"it takes {FEWEST} probes or more")


def test_missing_scores() -> None:
    nothing = np.full((40, 1), np.nan)
    models = {"a": {"variety": nothing, "words": nothing + 1}, "b": {"variety": np.ones((40, 1))}}
    assert verdicts(models) == []
    [left] = untold(models)
    assert left.score == "variety" and left.says.endswith("too few answers")


def test_each_pair_and_both_lists_together_are_complete() -> None:
    models = {
        name: {"words": level + _noise(seed, 40, 2), "by_heart": np.zeros((40, 2))}
        for seed, (name, level) in enumerate({"a": 10.0, "b": 20.0, "c": 30.0}.items())
    }
    told, left = verdicts(models), untold(models)
    assert {(v.first, v.second) for v in told} == {("b", "a"), ("c", "a"), ("c", "b")}
    assert {(v.score, v.first, v.second) for v in left} == {
        ("by_heart", "a", "b"),
        ("by_heart", "a", "c"),
        ("by_heart", "b", "c"),
    }


def test_another_training_may_undo_a_verdict() -> None:
    """Over probes alone the first is better for sure; over trainings it is not."""
    repeats = np.array([0.2, 0.9])[:, None, None] + _noise(6, 2, 40, 2)
    other = 0.4 + _noise(7, 2, 40, 2)
    averaged = {"a": {"character": repeats.mean(axis=0)}, "b": {"character": other.mean(axis=0)}}
    assert len(verdicts(averaged)) == 1
    assert verdicts({"a": {"character": repeats}, "b": {"character": other}}) == []
