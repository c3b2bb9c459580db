"""Text written freely, document by document: what no frame can give.

Frames teach words in a few hundred sentences, and a model that has read nothing else can say them
in no other company (docs/log.md). So half of what is read comes from here: `written/prose-*.txt`,
one document a line, and `written/talks-*.txt`, conversations of `U:` and `M:` lines, each marked
as answered by a plain helper or by somebody lively.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).with_name("material") / "written"
_ROLES = {"U:": "user", "M:": "assistant"}


class Talk(NamedTuple):
    """One conversation, as (role, words) turns."""

    lively: bool
    turns: tuple[tuple[str, str], ...]


@cache
def written_prose() -> tuple[str, ...]:
    """Every document of prose, and what the lively ones of the talks say at length."""
    lines = [
        line
        for path in sorted(_FOLDER.glob("prose-*.txt"))
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
    ]
    said = [
        words
        for talk in written_talks(lively=True)
        for role, words in talk.turns
        if role == "assistant"
    ]
    return tuple(" ".join(text.split()) for text in [*lines, *said])


@cache
def written_talks(*, lively: bool) -> tuple[Talk, ...]:
    """The conversations answered by somebody lively, or those answered plainly."""
    blocks = [block for path in sorted(_FOLDER.glob("talks-*.txt")) for block in _paragraphs(path)]
    return tuple(talk for talk in map(_talk, blocks) if talk.lively is lively)


def _paragraphs(path: Path) -> Iterator[str]:
    return (part for part in path.read_text("utf-8").split("\n\n") if part.strip())


def _talk(block: str) -> Talk:
    lines = [line.strip() for line in block.strip().splitlines()]
    turns = [(_ROLES[line[:2]], line[2:].strip()) for line in lines if not line.startswith("#")]
    return Talk("#lively" in lines[0], tuple(turns))
