"""What the words of an answer tell: ends, subjects, phrases, and lines known by heart."""

import re

import pytest

from bluey_admin.evaluation.words import (
    BREAKS,
    Recital,
    breaking_phrase,
    distinct_pairs,
    is_cut_short,
    on_topic,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("I\u2019m 6, you're TWO!", ["i'm", "you're", "two"]),
        ("'Good dog,' said Dad.", ["good", "dog", "said", "dad"]),
        ("Se\u00f1or M\u00fcller", ["se\u00f1or", "m\u00fcller"]),
        ("Sen\u0303or", ["se\u00f1or"]),  # a tilde that stands alone
        (
            "\u043f\u0440\u0438\u0432\u0435\u0442 snake_case",
            ["\u043f\u0440\u0438\u0432\u0435\u0442", "snake", "case"],
        ),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("Wagging!", True),
        ("swag", False),
        ("G\u2019day!", True),
        ("", False),
    ],
)
def test_on_topic_at_the_start_of_a_word(text: str, hit: bool) -> None:
    assert on_topic(text, ["wag", "g'day"]) is hit


def test_no_terms_no_topic() -> None:
    assert on_topic("Anything", []) is False


@pytest.mark.parametrize(
    "text",
    [
        "The end.",
        "Yes! ",
        "Really?!",
        'She said, "Plus one."',
        "(So I did.)",
        "**Bye!**",
        "\u201cLook\u2026\u201d",
        "Hooray! \U0001f389",
        "I love you \u2764\ufe0f",
        "\u4f60\u597d\u3002",
    ],
)
def test_ended(text: str) -> None:
    assert not is_cut_short(text, "stop")
    assert is_cut_short(text, "length")


@pytest.mark.parametrize("text", ["", "  ", "and then", "First,", 'He said "wait"', '"', "1. Go"])
def test_cut_short(text: str) -> None:
    assert is_cut_short(text, "stop")


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Well, as an AI, I can't.", "as an AI"),
        ("I am a large language model.", "I am a large language model"),
        ("I\u2019m just a virtual assistant.", "I\u2019m just a virtual assistant"),
        ("Hello. How can I help you today?", "How can I help you today"),
        ("I'm here to help!", "I'm here to help"),
        ("I do not have a body.", "I do not have a body"),
        ("I was an aide, and I'm the doctor's helper.", None),
        ("I don't have a bodyguard. How can I help my dad?", None),
        ("", None),
    ],
)
def test_breaking_phrases(text: str, phrase: str | None) -> None:
    assert breaking_phrase(text, [re.compile(p, re.IGNORECASE) for p in BREAKS]) == phrase


def test_by_heart_takes_eight_words_of_one_source() -> None:
    recital = Recital(["a b c d e f g h i j", "h i j k l m n o p"])
    assert recital.longest_run("x a b c d e f g") is None
    assert recital.longest_run("x a b c d e f g h") == "a b c d e f g h"
    assert (
        recital.longest_run("x A, b... c!\nd e f \u2014 g (h) y") == "A, b... c!\nd e f \u2014 g (h"
    )
    # Ten words of the first source, then more of the second: no source has all.
    assert recital.longest_run("a b c d e f g h i j k l") == "a b c d e f g h i j"
    assert recital.longest_run("") is None


def test_the_longest_of_several_runs() -> None:
    recital = Recital(["a b c d e f g h x", "a b c d e f g h i j", "q r s t u v w x"])
    text = "q r s t u v w x, a b c d e f g h i"
    assert recital.longest_run(text) == "a b c d e f g h i"


def test_distinct_pairs() -> None:
    assert distinct_pairs(["a b c"]) == 1.0
    assert distinct_pairs(["a b c", "A, b: d"]) == 3 / 4
    assert distinct_pairs(["a b", "a b", "a b", "a b"]) == 1 / 4
    assert distinct_pairs([]) == distinct_pairs(["one", ""]) == 0.0
    alike_late = ["a b " + tail for tail in ("c d", "e f")]
    assert distinct_pairs(alike_late, first=2) == 1 / 2
