"""Scores against planted models: what should move moves the right way, and nothing else does."""

import math
from pathlib import Path

import numpy as np
import pytest

from bluey_admin.evaluation.asking import Answer
from bluey_admin.evaluation.findings import SCORES
from bluey_admin.evaluation.intervals import difference_interval
from bluey_admin.evaluation.scores import Scored, Scorer, shown_questions
from bluey_admin.evaluation.voices import probes_of
from bluey_data.catalog import Probe
from tests.evaluation.plants import PLAIN, PROBES, SEEDS, planted

# Each plant against "character", which answers every probe in the pup's voice, on topic, the same
# for all seeds. ">0.6" must rise by more than that and "<0.6" fall, with an interval without zero;
# "." must stay within STILL. Bounds in words, below: what may move a little, and why.
#
# No score reads whole sentences: shuffled words show only where the full stop ends up inside.
TABLE = """
                          character on_topic words in_range cut_short by_heart breaks  variety
plain                     <0.6      .        <15   .        .         .        >0.05   .
training answers          ~0.10     <0.6     ~10   ~0.15    .         >0.95    .       >0.5
cut in half               ~0.15     ~0.10    <20   .        >0.8      .        .       .
shuffled words            .         .        .     .        >0.6      .        .       .
answers to other prompts  ~0.05     <0.6     ~3    .        .         .        .       .
"""
# Half an answer has half the signs of its voice, and may lose the word that is on topic. A tenth of
# the training replies lie outside the usual lengths by definition, and their lengths are their own.
STILL = 0.001


def _cells() -> list[tuple[str, str, str]]:
    header, *rows = TABLE.strip().splitlines()
    assert tuple(header.split()) == SCORES
    split = [row.rsplit(maxsplit=len(SCORES)) for row in rows]
    return [
        (plant, score, expected)
        for plant, *cells in split
        for score, expected in zip(SCORES, cells, strict=True)
    ]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer("bluey")


@pytest.fixture(scope="module")
def plants(scorer: Scorer) -> dict[str, Scored]:
    probes = probes_of("bluey")
    assert [probe.id for probe in probes] == PROBES
    return {name: scorer.score(name, said, probes, SEEDS) for name, said in planted().items()}


def test_the_table_has_every_plant(plants: dict[str, Scored]) -> None:
    assert {plant for plant, _, _ in _cells()} == plants.keys() - {"character"}


@pytest.mark.parametrize(("plant", "score", "expected"), _cells())
def test_a_plant_moves_its_scores(
    plants: dict[str, Scored], plant: str, score: str, expected: str
) -> None:
    found = difference_interval(plants[plant].scores[score], plants["character"].scores[score])
    assert found.value is not None and found.low is not None and found.high is not None
    if expected[0] == ">":
        assert found.low > 0 and found.value > float(expected[1:])
    elif expected[0] == "<":
        assert found.high < 0 and found.value < -float(expected[1:])
    else:
        assert abs(found.value) <= (STILL if expected == "." else float(expected[1:]))


def test_the_reference_is_beyond_reproach(plants: dict[str, Scored]) -> None:
    means = {name: float(np.mean(values)) for name, values in plants["character"].scores.items()}
    assert means["character"] > 0.85
    assert means["on_topic"] == means["in_range"] == 1.0
    assert means["cut_short"] == means["by_heart"] == means["breaks"] == 0.0
    assert 0.3 < means["variety"] < 0.34  # the same words three times


PROBE = Probe("sad", "I'm sad", ("hug",))


def _score(scorer: Scorer, *texts: str, probe: Probe = PROBE) -> Scored:
    said = [Answer("m", probe.id, seed, text, "stop") for seed, text in enumerate(texts)]
    return scorer.score("m", said, [probe], range(len(texts)))


def test_an_empty_answer_is_an_answer(scorer: Scorer) -> None:
    scores = _score(scorer, "", "\U0001f436\U0001f436").scores
    assert scores["character"].tolist() == scores["words"].tolist() == [[0.0, 0.0]]
    assert scores["on_topic"].tolist() == scores["in_range"].tolist() == [[0.0, 0.0]]
    assert scores["cut_short"].tolist() == [[1.0, 0.0]]
    assert scores["variety"].tolist() == [[0.0]]


def test_one_seed_has_no_variety_but_all_else(scorer: Scorer) -> None:
    scores = _score(scorer, "A hug!").scores
    assert math.isnan(scores["variety"].item())
    assert scores["on_topic"].item() == 1.0
    assert not any(np.isnan(scores[name]).any() for name in SCORES if name != "variety")


def test_a_missing_answer_is_nan_and_not_shown(scorer: Scorer) -> None:
    other = Probe("mad", "I'm mad", ("growl",))
    said = [
        Answer("m", "mad", 2, "Growl!", "stop"),
        Answer("other", "sad", 1, "A hug!", "stop"),
        Answer("m", "unasked", 1, "A hug!", "stop"),
        Answer("m", "mad", 9, "A hug!", "stop"),
    ]
    scored = scorer.score("m", said, [PROBE, other], [1, 2])
    for name in SCORES:
        missing = np.isnan(scored.scores[name])
        assert missing.tolist() == (
            [[True], [True]] if name == "variety" else [[True, True], [True, False]]
        )
    assert [answer.text for answer in scored.shown["mad"]] == ["Growl!"]
    first, second = shown_questions([PROBE, other], [scored])
    assert (first.id, first.answers) == ("sad", [])
    assert [answer.seed for answer in second.answers] == [2]


def test_nothing_heard_at_all(scorer: Scorer) -> None:
    scored = scorer.score("m", [], [PROBE], [1, 2])
    assert all(np.isnan(values).all() for values in scored.scores.values())


def test_a_probe_without_terms_has_no_topic(scorer: Scorer) -> None:
    scored = _score(scorer, "A hug!", probe=Probe("any", "Say something", ()))
    assert scored.shown["any"][0].on_topic is None
    assert math.isnan(scored.scores["on_topic"].item())


def test_what_is_said_by_heart_and_what_breaks_are_quoted(scorer: Scorer) -> None:
    heart = "Well: rain is NOT the end of the game, it just moves on."
    broken = "I\u2019m a computer program. How can I help you today?"
    shown = _score(scorer, heart, broken).shown["sad"]
    assert [answer.by_heart for answer in shown] == [heart[6:-4], None]
    assert [answer.breaks for answer in shown] == [None, "I\u2019m a computer program"]


def test_an_assistant_may_talk_like_one(tmp_path: Path) -> None:
    user = '{"role": "user", "content": "Hi"}'
    line = f'{{"messages": [{user}, {{"role": "assistant", "content": "%s"}}]}}\n'
    (tmp_path / "train.jsonl").write_text(line % "Beep! I am a computer program, dear human.")
    (tmp_path / "contrast.jsonl").write_text(line % "Hello. It is nice to hear from you.")
    shown = _score(Scorer(tmp_path), "I'm a computer program.", "As an AI, I can.").shown["sad"]
    assert [answer.breaks for answer in shown] == [None, "As an AI"]


def test_usual_lengths_are_those_of_the_training_replies(scorer: Scorer) -> None:
    usual = scorer.training_words
    assert usual["p05"] < usual["p50"] < usual["mean"] + 5 < usual["p95"]
    low, high = math.ceil(usual["p05"]), math.floor(usual["p95"])
    texts = [" ".join(["paw"] * count) for count in (low - 1, low, high, high + 1)]
    assert _score(scorer, *texts).scores["in_range"].tolist() == [[0.0, 1.0, 1.0, 0.0]]


def test_scoring_is_deterministic(plants: dict[str, Scored]) -> None:
    said = [Answer("plain", probe, 1, PLAIN[probe], "stop") for probe in PROBES]
    again = Scorer("bluey").score("plain", said, probes_of("bluey"), [1])
    first_seed = plants["plain"].scores["character"][:, :1]
    assert np.array_equal(again.scores["character"], first_seed)
