"""Data sets of two voices, what can be wrong with them, and the classifier between the voices."""

import json
from pathlib import Path

import numpy as np
import pytest

from bluey_admin.evaluation.findings import Interval
from bluey_admin.evaluation.style import StyleClassifier, cross_validated
from bluey_admin.evaluation.voices import Voices, probes_of, read_voices
from bluey_admin.failures import Failure
from bluey_data.catalog import packaged_datasets, read_probes
from bluey_data.errors import DataError
from bluey_data.examples import read_dataset
from tests.evaluation.plants import CHARACTER, PLAIN

CHATTY = [
    "I'm so sorry you're feeling sad. It's okay to feel that way, and I'd love to listen.",
    "Hi! It's great to meet you too! What's on your mind?",
    "That's a great question! There's salt in rocks, and it's carried to the sea by rivers.",
    "That sounds fun! I'd suggest you don't rush, and you'll find it's easier with practice.",
    "You're welcome! Let's look at it step by step, so that it's clear. What's the topic?",
]
"""Plain, and full of contractions, of which the contrast set has few."""


@pytest.fixture(scope="module")
def voices() -> Voices:
    return read_voices("bluey")


@pytest.fixture(scope="module")
def style(voices: Voices) -> StyleClassifier:
    return StyleClassifier(voices.replies, voices.plain_replies)


def _pieces(texts: list[str], words: int) -> list[str]:
    split = [text.split() for text in texts]
    return [
        " ".join(whole[at : at + words])
        for whole in split
        for at in range(0, len(whole) - words + 1, words)
    ]


def _mean(style: StyleClassifier, texts: list[str]) -> float:
    return float(np.mean(style.probability(texts)))


def test_it_knows_the_voice_in_lines_that_it_never_saw(style: StyleClassifier) -> None:
    valid = read_dataset(packaged_datasets()["bluey"].valid).examples
    assert _mean(style, [reply for example in valid for reply in example.replies]) > 0.8
    assert _mean(style, list(CHARACTER.values())) > 0.85
    assert _mean(style, list(PLAIN.values())) < 0.15


def test_it_goes_by_the_voice_and_not_by_length(style: StyleClassifier) -> None:
    pieces = style.probability(_pieces(list(CHARACTER.values()), 25))
    assert pieces.mean() > 0.7
    assert (pieces > 0.5).mean() > 0.85
    plain = list(PLAIN.values())
    threefold = [" ".join(plain[at : at + 3]) for at in range(0, 39, 3)]  # some 100 words
    assert _mean(style, threefold) < 0.1


def test_contractions_are_not_character(style: StyleClassifier) -> None:
    assert _mean(style, CHATTY) < 0.35


def test_no_texts(style: StyleClassifier) -> None:
    assert style.probability([]).shape == (0,)


@pytest.mark.parametrize(("dataset", "least"), [("bluey", 0.93), ("captain", 0.85)])
def test_cross_validation(dataset: str, least: float) -> None:
    voices = read_voices(dataset)
    found = cross_validated(voices.character, voices.plain)
    assert found.value is not None and found.low is not None and found.value > least
    assert found == cross_validated(voices.character, voices.plain)


def test_cross_validation_finds_nothing_where_nothing_is(voices: Voices) -> None:
    """The same voice on both sides; replies that were learned from would tell themselves apart."""
    half = len(voices.character) // 2
    found = cross_validated(voices.character[:half], voices.character[half : 2 * half])
    assert found.value is not None and 0.3 < found.value < 0.7


def test_one_conversation_can_not_be_cross_validated() -> None:
    assert cross_validated([["Woof, mate!"]], [["It is a dog."]]) == Interval()
    assert cross_validated([], []) == Interval()


def _write(path: Path, *prompts: str) -> None:
    rows = [{"prompt": prompt, "completion": f"{prompt}, indeed."} for prompt in prompts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_folder_and_a_file_are_data_sets_too(tmp_path: Path) -> None:
    _write(tmp_path / "train.jsonl", "one", "two")
    _write(tmp_path / "contrast.jsonl", "one", "two")
    assert read_voices(tmp_path) == read_voices(str(tmp_path / "train.jsonl"))
    assert read_voices(tmp_path).replies == ["one, indeed.", "two, indeed."]


def test_without_a_contrast_set_the_file_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "train.jsonl", "one")
    with pytest.raises(Failure, match="there is no ") as failure:
        read_voices(tmp_path)
    assert str(tmp_path / "contrast.jsonl") in failure.value.message


@pytest.mark.parametrize(
    ("prompts", "said"),
    [(["one"], "has 1 conversations and train.jsonl has 2"), (["one", "too"], "line 2 answers")],
)
def test_a_contrast_set_to_other_prompts(tmp_path: Path, prompts: list[str], said: str) -> None:
    _write(tmp_path / "train.jsonl", "one", "two")
    _write(tmp_path / "contrast.jsonl", *prompts)
    with pytest.raises(Failure, match=said):
        read_voices(tmp_path)


def test_no_such_data_set(tmp_path: Path) -> None:
    (tmp_path / "contrast.jsonl").touch()
    with pytest.raises(DataError, match="no data file"):
        read_voices(tmp_path / "train.jsonl")


def test_probes_of_a_data_set_or_everyday_ones(tmp_path: Path) -> None:
    assert probes_of("bluey") == probes_of("captain") == probes_of(tmp_path) == read_probes("bluey")
    row = '{"id": "sea", "prompt": "Is it wet?", "on_topic": ["wet"], "note": 1}\n'
    (tmp_path / "probes.jsonl").write_text(row + "\n" + '{"id": "any", "prompt": "Hm?"}')
    sea, free = probes_of(tmp_path)
    assert (sea.id, sea.prompt, sea.on_topic) == ("sea", "Is it wet?", ("wet",))
    assert free.on_topic == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"id": "a", "prompt": "b"}\n{', "line 2 is no probe"),
        (b'{"id": 3, "prompt": "b"}', "line 1 is no probe"),
        (b'{"id": "a", "prompt": "\xff"}', "line 1 is no probe"),
        (b"\n", "holds no probes"),
        (b'{"id": "a", "prompt": "b"}\n{"id": "a", "prompt": "c"}', "'a'"),
    ],
)
def test_bad_probes_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "probes.jsonl").write_bytes(content)
    with pytest.raises(Failure, match=said):
        probes_of(tmp_path)
