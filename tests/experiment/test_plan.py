"""What an experiment is going to train and ask."""

import pytest

from bluey_adapters.errors import SettingsError
from bluey_admin.experiment.plan import parse_vary, plan_runs, plan_variants


def test_every_combination_on_every_base() -> None:
    varied = parse_vary(["epochs=1,3", "rank=4,8", "examples=5"])
    variants = plan_variants(["pt", "it"], {"epochs": 9, "batch_size": 2}, varied)
    assert [v.varied for v in variants[:4]] == [
        {"epochs": 1, "rank": 4, "examples": 5},
        {"epochs": 1, "rank": 8, "examples": 5},
        {"epochs": 3, "rank": 4, "examples": 5},
        {"epochs": 3, "rank": 8, "examples": 5},
    ]
    assert len(variants) == 8
    assert variants[0].settings == {"epochs": 1, "batch_size": 2, "rank": 4}
    assert variants[0].examples == 5
    assert variants[-1].label == "it, epochs 3, rank 8, examples 5"
    assert len(plan_runs(variants, [0, 1])) == 16


def test_what_is_varied_in_asking_is_trained_once() -> None:
    variants = plan_variants(["it"], {}, parse_vary(["temperature=0.2,1", "min-tokens=0,40"]))
    assert len(variants) == 4
    assert variants[-1].sampling == {"temperature": 1.0, "min_tokens": 40}
    assert len(plan_runs(variants, [0])) == 1


def test_nothing_varied_is_one_training_a_base() -> None:
    variants = plan_variants(["pt", "it"], {"rank": 8}, {})
    assert [v.label for v in variants] == ["pt", "it"]
    assert [(r.base, r.seed) for r in plan_runs(variants, [0, 1])] == [
        ("pt", 0), ("pt", 1), ("it", 0), ("it", 1),
    ]  # fmt: skip


def test_a_value_given_twice_counts_once() -> None:
    assert parse_vary(["epochs=3,1,3"]) == {"epochs": [3, 1]}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["epochs"], "KEY=VALUE"),
        (["colour=1"], "KEY one of examples, epochs"),
        (["seed=1,2"], "KEY one of"),
        (["epochs=1,x"], "whole numbers"),
        (["epochs=1.5"], "whole numbers"),
        (["learning_rate="], "numbers"),
        (["rank=4", "rank=8"], "given twice"),
    ],
)
def test_what_can_not_be_varied(texts: list[str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_vary(texts)
