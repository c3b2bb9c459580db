"""Whichever way a token is drawn, it is the one that an exact computation draws."""

import math
from typing import Any

import numpy as np
import pytest

from bluey_server.engine.rows import Row, RowEntry
from bluey_server.messages import Sampling
from tests.engine.reference_draw import edge, may_be_drawn, probabilities

pytestmark = pytest.mark.usefixtures("blas")

FEW: list[dict[str, Any]] = [
    {"temperature": 0.0},
    {"top_k": 1},
    {"top_k": 40},
    {"top_k": 40, "top_p": 0.9, "min_p": 0.05},
    {"top_k": 200, "top_p": 0.95, "temperature": 1.7},
    {"top_k": 3, "temperature": 0.05},
]
MANY: list[dict[str, Any]] = [
    {},
    {"temperature": 0.05},
    {"temperature": 8.0},
    {"top_p": 0.9},
    {"top_p": 0.0},
    {"top_p": 0.999, "temperature": 1.5},
    {"top_p": 0.7, "min_p": 0.02},
    {"min_p": 0.1},
    {"min_p": 1.0},
    {"top_k": 1500},
    {"top_k": 1500, "top_p": 0.99},
    {"top_k": 10**6, "top_p": 0.5},
]
WAYS = {"few": (FEW, 0), "host": (FEW + MANY, 0), "device": (FEW + MANY, 10**9)}
VOCABULARIES = [5, 1000, 4099]
CASES = [(way, vocabulary) for way in WAYS for vocabulary in VOCABULARIES]
# On a CPU the device is not asked about wider ones; it would add up 20,000 float32 numbers one
# after another, and be off by 5e-5 in the end.
CASES += [("few", 20000), ("host", 20000)]


def peaked(vocabulary: int) -> Any:
    return np.random.default_rng(1).standard_normal(vocabulary) * 5


def flat(vocabulary: int) -> Any:
    return np.random.default_rng(2).standard_normal(vocabulary) * 0.3


def coarse(vocabulary: int) -> Any:
    """As a bfloat16 model gives them out: most have their equal."""
    return np.round(np.random.default_rng(3).standard_normal(vocabulary) * 2)


def all_equal(vocabulary: int) -> Any:
    return np.zeros(vocabulary)


def mostly_impossible(vocabulary: int) -> Any:
    logits = peaked(vocabulary)
    logits[np.arange(vocabulary) % 97 != 3] = -math.inf
    return logits


def far_from_zero(vocabulary: int) -> Any:
    return peaked(vocabulary) - 200


def draw(samplings: list[Sampling], logits: Any, *, wide: int, dtype: str) -> list[Any]:
    """(token, uniform) of each row; all rows have the same logits."""
    import mlx.core as mx

    from bluey_server.engine.sampler import BatchSampler

    rows = [Row(0, sampling, (), 0) for sampling in samplings]
    sampler = BatchSampler(wide)
    sampler.entry = RowEntry(rows)
    sampler.logits = mx.array([logits.tolist()] * len(rows), getattr(mx, dtype))
    uniforms = [row.uniform for row in rows]
    tokens: Any = sampler(mx.zeros((len(rows), 1))).tolist()
    peaks = rows[0].draws[-1][0].peaks
    assert peaks == pytest.approx([logits.max()] * len(rows))
    return list(zip(tokens, uniforms, strict=True))


@pytest.mark.parametrize(("way", "vocabulary"), CASES)
@pytest.mark.parametrize(
    "make", [peaked, flat, coarse, all_equal, mostly_impossible, far_from_zero]
)
def test_every_draw_is_the_exact_one(way: str, make: Any, vocabulary: int) -> None:
    """In a batch of all ways to sample, beside each other."""
    kinds, wide = WAYS[way]
    dtype = "bfloat16" if make is coarse else "float32"
    logits = np.asarray(make(vocabulary), np.float32)
    samplings = [
        Sampling(**{"temperature": 1.0, **kind, "seed": seed})
        for kind in kinds
        for seed in range(4)
    ]
    if way != "few":
        assert any(sampling.top_k == 0 for sampling in samplings), "or all would be drawn among few"
    for (token, uniform), sampling in zip(
        draw(samplings, logits, wide=wide, dtype=dtype), samplings, strict=True
    ):
        if not edge(logits, sampling):
            expected = probabilities(logits, sampling)
            assert may_be_drawn(token, uniform, expected), sampling


@pytest.mark.parametrize("wide", [0, 10**9])
@pytest.mark.parametrize("kind", [{"temperature": 0.0}, {"top_k": 5}, {}, {"top_p": 0.5}])
@pytest.mark.parametrize("bad", ["one is NaN", "all are NaN", "none is possible", "infinite"])
def test_a_row_without_a_token_says_so_and_others_have_theirs(
    wide: int, kind: dict[str, Any], bad: str
) -> None:
    import mlx.core as mx

    from bluey_server.engine.sampler import BatchSampler

    rows = [Row(0, Sampling(**{"temperature": 1.0, **kind}), (), 0) for _ in range(3)]
    good = peaked(3000).tolist()
    match bad:
        case "one is NaN":
            spoilt = [*good[:-7], math.nan, *good[-6:]]
        case "all are NaN":
            spoilt = [math.nan] * 3000
        case "infinite":
            spoilt = [*good[:-7], math.inf, *good[-6:]]
        case _:
            spoilt = [-math.inf] * 3000
    alone, among = BatchSampler(wide), BatchSampler(wide)
    among.entry, among.logits = RowEntry(rows), mx.array([good, spoilt, good])
    tokens: Any = among(mx.zeros((3, 1))).tolist()
    draw, _ = rows[0].draws[-1]
    assert [math.isfinite(peak) for peak in draw.peaks] == [True, False, True]
    assert all(0 <= token < 3000 for token in tokens), "the next step looks it up"
    single = Row(0, rows[0].sampling, (), 0)
    alone.entry, alone.logits = RowEntry([single]), mx.array([good])
    assert tokens[0] == tokens[2] == alone(mx.zeros((1, 1))).item()


@pytest.mark.parametrize("vocabulary", [1, 5, 63, 64, 65, 4096, 5001])
@pytest.mark.parametrize("most", [1, 20, 64, 256])
def test_candidates_are_the_first_in_order(vocabulary: int, most: int) -> None:
    import mlx.core as mx

    from bluey_server.engine.candidates import Candidates

    logits = np.array([peaked(vocabulary), coarse(vocabulary), all_equal(vocabulary)], np.float32)
    logits[2, ::2] = -0.0
    candidates = Candidates(mx.array(logits), most)
    ids, values = candidates.likeliest()
    for row, given in enumerate(logits):
        expected = np.lexsort((np.arange(vocabulary), -given))[:most]
        assert ids[row].tolist() == expected.tolist()
        assert values[row].tolist() == given[expected].tolist()
    assert candidates.first().tolist() == logits.argmax(axis=1).tolist()
    assert candidates.peaks.tolist() == logits.max(axis=1).tolist()
