"""What can be told from the words of an answer alone."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f])"  # with accents that stand alone
_WORD = re.compile(rf"{_LETTER}+(?:['\u2019]{_LETTER}+)?")
_END = ".!?\u2026\u3002\uff01\uff1f\u061f\u0964"
_CLOSING = "\"'\u201d\u2019\u00bb\u203a)]}*_`"

BREAKS = (
    r"\bas an? (?:ai|artificial intelligence|language model|computer program|assistant)\b",
    r"\bi(?:'m| am)(?: only| just)? an? "
    r"(?:ai|artificial intelligence|(?:large )?language model|computer program|chatbot|"
    r"(?:(?:virtual|digital|computer|ai) )?assistant)\b",
    r"\b(?:large )?language model\b",
    r"\bi(?:'m| am) software\b",
    r"\bhow (?:can|may) i (?:help|assist) you(?: today)?",
    r"\bi(?:'m| am) here to (?:help|assist)\b",
    r"\bi (?:do not|don't) have (?:a (?:physical )?body|eyes|feelings|an age|a family)\b",
    r"\b(?:anything|something) else (?:that )?i can (?:help|assist)\b",
    r"\bmy (?:training data|knowledge cutoff|programming)\b",
    r"\bi was (?:trained|created|developed) by\b",
)
"""What assistants say of themselves and a character doesn't, as regular expressions."""


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, contractions whole, without figures and marks."""
    return [_folded(match.group()) for match in _WORD.finditer(text)]


def on_topic(text: str, terms: Iterable[str]) -> bool:
    """Whether a word of `text` begins with one of the `terms` (lower case)."""
    starts = "|".join(map(re.escape, terms))
    return bool(starts) and re.search(rf"\b(?:{starts})", _folded(text)) is not None


def is_cut_short(text: str, finish_reason: str) -> bool:
    """Whether an answer stopped at its token limit, or without a mark that ends a sentence.

    Quotation marks and brackets may close after the mark. A pictograph ends a sentence too: where
    models use them, they often stand in place of the full stop.
    """
    left = text.rstrip()
    while left and (left[-1] in _CLOSING or unicodedata.category(left[-1]) in ("Cf", "Mn", "Sk")):
        left = left[:-1].rstrip()
    ended = bool(left) and (left[-1] in _END or unicodedata.category(left[-1]) == "So")
    return finish_reason == "length" or not ended


def breaking_phrase(text: str, phrases: Iterable[re.Pattern[str]]) -> str | None:
    """The first words of `text` that one of the `phrases` finds, as `text` spells them, or None."""
    plain = text.replace("\u2019", "'")
    found = [match.span() for phrase in phrases if (match := phrase.search(plain))]
    return text[slice(*min(found))] if found else None


def distinct_pairs(texts: Iterable[str], first: int = 20) -> float:
    """Distinct pairs of neighbouring words over all of them, in the `first` words of each text.

    1.0 where no pair comes twice; 0.0 where no text has two words.
    """
    starts = [words_of(text)[:first] for text in texts]
    pairs = [pair for words in starts for pair in pairwise(words)]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


class Recital:
    """Finds what a text has word for word from others; case and punctuation don't count."""

    def __init__(self, sources: Sequence[str], least: int = 8) -> None:
        """`least` words in a row are a find."""
        self._least = least
        self._sources = [words_of(source) for source in sources]
        self._starts: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for index, words in enumerate(self._sources):
            for at in range(len(words) - least + 1):
                self._starts[tuple(words[at : at + least])].append((index, at))

    def longest_run(self, text: str) -> str | None:
        """The longest run that `text` shares with one source, as `text` spells it, or None."""
        spans = [match.span() for match in _WORD.finditer(text)]
        words = [_folded(text[start:end]) for start, end in spans]
        best = (0, 0)  # length and place, in words
        for at in range(len(words) - self._least + 1):
            for index, source_at in self._starts.get(tuple(words[at : at + self._least]), ()):
                length = _shared(words[at:], self._sources[index][source_at:])
                best = max(best, (length, at), key=lambda run: run[0])
        length, at = best
        return text[spans[at][0] : spans[at + length - 1][1]] if length else None


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    pairs = zip(one, other, strict=False)
    return next(
        (count for count, (a, b) in enumerate(pairs) if a != b),
        min(len(one), len(other)),
    )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
