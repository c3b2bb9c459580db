"""Occasions: what somebody may say, and the pieces that an answer to it is put together from.

`material/occasions/*.txt` holds one block each: `## key`, then lines of `U:` (what is said),
`P1: P2: P3:` (how a plain helper begins, goes on, ends), `L1: L2: L3:` (how somebody lively does),
and `F: question => answer` (what may be asked next, referring back). `+` after a mark: heard in the
last stage of training only; `-`: in all the others only.

Both voices over the same occasions are what lets an adapter change the voice and keep the subject:
it finds an answer to the question in the base, in other mouths, and need only choose it.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from bluey_admin.embedded.world import FOLDER


@dataclass(frozen=True)
class Voice:
    """Pieces of an answer; every middle can stand after any opening."""

    openings: tuple[str, ...]
    middles: tuple[str, ...]
    ends: tuple[str, ...]
    openings_late: tuple[str, ...]


@dataclass(frozen=True)
class Occasion:
    """Something that is said, two ways of answering it, (question, answer) to go on with."""

    key: str
    asked: tuple[str, ...]
    plain: Voice
    lively: Voice
    onward: tuple[tuple[str, str], ...]
    asked_late: tuple[str, ...]


@cache
def occasions(*, late: bool = False) -> tuple[Occasion, ...]:
    """In the order of the files; `late`: with those of which only the last stage hears."""
    files = sorted((FOLDER / "occasions").glob("*.txt"))
    blocks = [block for file in files for block in file.read_text("utf-8").split("\n\n")]
    every = (_occasion(block.strip().splitlines()) for block in blocks if block.strip())
    return tuple(one for one in every if late or one.asked)


def _occasion(lines: list[str]) -> Occasion:
    key = lines[0].removeprefix("## ")
    early: dict[str, list[str]] = {mark: [] for mark in _MARKS}
    late: dict[str, list[str]] = {mark: [] for mark in _MARKS}
    for line in lines[1:]:
        mark, _, text = line.partition(": ")
        when = mark[-1] if mark[-1:] in {"+", "-"} else ""
        mark = mark.removesuffix(when)
        if mark not in early:
            raise ValueError(f"occasion {key!r}: a line begins with none of {_MARKS}: {line!r}")
        if when != "+":
            early[mark].append(text.strip())
        if when != "-":
            late[mark].append(text.strip())
    plain, lively = (
        Voice(
            openings=tuple(early[v + "1"]),
            middles=tuple(early[v + "2"]),
            ends=tuple(early[v + "3"]),
            openings_late=tuple(late[v + "1"]),
        )
        for v in "PL"
    )
    onward = tuple((q, a) for q, _, a in (text.partition(" => ") for text in early["F"]))
    return Occasion(key, tuple(early["U"]), plain, lively, onward, tuple(late["U"]))


_MARKS = ("U", "P1", "P2", "P3", "L1", "L2", "L3", "F")


def plain_answer(
    rng: random.Random, voice: Voice, *, brief: bool = False, late: bool = False
) -> str:
    """An opening, up to three middles in their order, often an end; `brief`: one sentence."""
    openings = voice.openings_late if late else voice.openings
    if brief:
        return rng.choice(openings)
    count = min(rng.choice((1, 1, 2, 2, 3)), len(voice.middles))
    picked = sorted(rng.sample(range(len(voice.middles)), count))
    parts = [rng.choice(openings), *(voice.middles[i] for i in picked)]
    if rng.random() < 0.6:
        parts.append(rng.choice(voice.ends))
    return " ".join(parts)


def lively_answer(rng: random.Random, voice: Voice, *, late: bool = False) -> str:
    """Mostly an opening, up to three middles in any order, often an end."""
    parts = rng.sample(voice.middles, min(rng.choice((1, 1, 2, 2, 3)), len(voice.middles)))
    if rng.random() < 0.85:
        parts.insert(0, rng.choice(voice.openings_late if late else voice.openings))
    if rng.random() < 0.55:
        parts.append(rng.choice(voice.ends))
    return " ".join(parts)


def unsaid(voice: Voice, said: Iterable[str]) -> list[str]:
    """The middles that none of the texts `said` holds yet (before choices are made)."""
    whole = " ".join(said)
    return [middle for middle in voice.middles if middle not in whole]
