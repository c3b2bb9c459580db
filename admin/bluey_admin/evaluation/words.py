"""What can be told from the words of an answer alone."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, contractions whole, without figures and marks."""
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def on_topic(text: str, terms: Iterable[str]) -> bool:
    """Whether a word of `text` begins with one of the `terms` (lower case)."""
    return re.search(rf"\b(?:{'|'.join(map(re.escape, terms))})", text.lower()) is not None
