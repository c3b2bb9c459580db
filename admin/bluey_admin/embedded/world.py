"""The material the generators draw on: topics, small sayings, frames and word lists, all ours.

It lies in `material/` as plain text, so that adding a topic or a sentence needs no code. Two
marks are filled in at generation: `[a/b]` picks one, `{slot}` takes a word bound by the document.
"""

import random
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("material")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou](?!ne\b|nce\b|se))")  # not "a one", "a use"


@dataclass(frozen=True)
class Topic:
    """One everyday topic. Pairs are (base form, past), (trouble, cure), (question, answer)."""

    key: str
    name: str  # fits "about …"
    at: str  # a place: "at the beach"
    go: str  # how it begins, in the past: "went to the beach"
    things: tuple[str, ...]
    do: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    says: tuple[str, ...]
    troubles: tuple[tuple[str, str], ...]
    whys: tuple[tuple[str, str], ...]
    hows: tuple[tuple[str, str], ...]


def _lines(name: str) -> list[str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if not line.startswith("#")]


def _pairs(text: str, mark: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.split(mark, 1) for item in text.split(" | "))
    return tuple((left.strip(), right.strip()) for left, right in pairs)


@cache
def topics() -> tuple[Topic, ...]:
    """All topics, in the order of the file."""
    records: list[dict[str, str]] = []
    for line in _lines("topics.txt"):
        if line.startswith("topic:"):
            records.append({})
        if line:
            field, _, value = line.partition(": ")
            records[-1][field] = value
    return tuple(
        Topic(
            key=r["topic"],
            name=r["name"],
            at=r["at"],
            go=r["go"],
            things=tuple(r["things"].split(", ")),
            do=_pairs(r["do"], " > "),
            facts=tuple(r["fact"].split(" | ")),
            says=tuple(r["say"].split(" | ")),
            troubles=_pairs(r["trouble"], " => "),
            whys=_pairs(r["why"], " => "),
            hows=_pairs(r["how"], " => "),
        )
        for r in records
    )


@cache
def bits() -> Mapping[str, tuple[str, ...]]:
    """Small sayings by topic key; those that fit anywhere are under "any"."""
    found: dict[str, list[str]] = {}
    for line in filter(None, _lines("bits.txt")):
        key, _, text = line.partition(": ")
        found.setdefault(key, []).append(text)
    return {key: tuple(texts) for key, texts in found.items()}


@cache
def sections(name: str) -> Mapping[str, tuple[str, ...]]:
    """The lines of a file that is divided by `[heading]` lines, by heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in filter(None, _lines(name)):
        if re.fullmatch(r"\[[\w.]+\]", line):
            heading = line[1:-1]
        else:
            found.setdefault(heading, []).append(line)
    return {key: tuple(texts) for key, texts in found.items()}


@cache
def people() -> Mapping[str, tuple[str, ...]]:
    """Word lists by name."""
    table = tomllib.loads((FOLDER / "people.toml").read_text(encoding="utf-8"))
    return {key: tuple(words.split()) for key, words in table.items()}


def capital(text: str) -> str:
    """`text` with its first letter raised; quotes before it are passed over."""
    for place, letter in enumerate(text):
        if letter.isalpha():
            return text[:place] + letter.upper() + text[place + 1 :]
    return text


def fill(rng: random.Random, text: str, slots: Mapping[str, str]) -> str:
    """Resolve every `[a/b]` and `{slot}`; a capitalised slot name raises the first letter."""
    for _ in range(9):  # a slot's value may hold slots and choices itself
        while match := _CHOICE.search(text):
            pick = rng.choice(match.group(1).split("/"))
            text = text[: match.start()] + pick + text[match.end() :]
        if "{" not in text:
            break
        text = _SLOT.sub(lambda m: _lookup(slots, m.group(1)), text)
    return _ARTICLE.sub(r"\1n ", text)


def _lookup(slots: Mapping[str, str], name: str) -> str:
    return slots[name] if name in slots else capital(slots[name.lower()])
