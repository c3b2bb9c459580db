"""Tokenizers of our own making with as many tokens as today's models have.

What a vocabulary of 262,144 tokens costs (opening it, the trie of a grammar, sampling) hardly
depends on which tokens they are. So most of these are words made of syllables, with and without a
space before them; some English words, punctuation and all bytes are there too, so that any text
can be encoded, and ordinary text in fewer tokens than it has characters.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Literal

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

Kind = Literal["byte-level", "gemma"]
"""How the vocabulary writes text: as Llama 3's and Qwen's do (each byte has a character of its
own, `ignore_merges` as Llama 3's), or as Gemma's does ("▁" is a space, bytes are a fallback)."""

GEMMA_3 = 262_144  # tokens
SPECIAL_TOKENS = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
"""Their ids are their places in this tuple."""

_SPACE = "▁"
_LONGEST_RUN = 31  # spaces or line breaks in one token, as in Gemma's
_LLAMA_3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_PRINTABLE = tuple(map(chr, range(0x21, 0x7F)))
_ENGLISH = (
    "the of and to in is it you that he was for on are with as his they be at one have this from "
    "or had by not but what all were we when your can said there use an each which she do how "
    "their if will up other about out many then them these so some her would make like him into "
    "time has look two more write go see number no way could people my than first water been call "
    "who oil its now find long down day did get come made may part over new sound take only "
    "little work know place year live me back give most very after thing our just name good man "
    "think say great where help through much before line right too mean old any same tell boy "
    "follow came want show also around form three small set put end does another well large must "
    "big even such because turn here why ask went men read need land different home us move try "
    "kind hand picture again change off play spell air away animal house point page letter mother "
    "answer found study still learn should world weather city string object type value true false "
    "null user model system assistant"
)
_PUNCTUATION = (
    '{"',
    '":',
    '",',
    '"}',
    "},",
    '["',
    '"]',
    "],",
    "()",
    "();",
    "...",
    "--",
    "==",
    "//",
)
_SYLLABLES = tuple(map("".join, itertools.product("bdfghklmnprstvwz", "aeiou")))


def large_tokenizer(size: int = GEMMA_3, *, kind: Kind = "byte-level") -> Tokenizer:
    """A tokenizer with exactly `size` tokens, the same ones every time; made in a second or two.

    Encoding adds `<bos>` unless told not to, as Gemma's and Llama's tokenizers do. Raises
    ValueError for a size that is too small for bytes and English words, or for the syllables.
    """
    vocabulary = _Vocabulary(size, space=_SPACE if kind == "gemma" else "Ġ")
    for token in (*SPECIAL_TOKENS, *_base_tokens(kind)):
        vocabulary.add(token)
    for piece in (*_ENGLISH.split(), *_PUNCTUATION, *_SYLLABLES):
        vocabulary.add_piece(piece)
    if len(vocabulary.ids) >= size:
        raise ValueError(f"{size} tokens are too few: {len(vocabulary.ids)} are always there")
    for beginning, syllable in _words():
        if len(vocabulary.ids) == size:
            break
        vocabulary.add_word(beginning, syllable)
    else:
        raise ValueError(f"{size} tokens are too many: there are {len(vocabulary.ids)} words")
    tokenizer = _gemma(vocabulary) if kind == "gemma" else _byte_level(vocabulary)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    bos = SPECIAL_TOKENS.index("<bos>")
    tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[("<bos>", bos)]
    )
    return tokenizer


class _Vocabulary:
    """Tokens by id, and the merges that make them of shorter ones."""

    def __init__(self, size: int, *, space: str) -> None:
        self.ids: dict[str, int] = {}
        self.merges: list[tuple[str, str]] = []
        self._size = size
        self._space = space

    def add(self, token: str) -> None:
        self.ids.setdefault(token, len(self.ids))

    def add_piece(self, parts: Iterable[str]) -> None:
        """A token that is merged from left to right, and the same with a space before it."""
        whole = functools.reduce(self._merge, parts)
        self._merge(self._space, whole)

    def add_word(self, beginning: str, syllable: str) -> None:
        """A word whose beginning is there already, and the same with a space before it."""
        self._merge(beginning, syllable)
        self._merge(self._space + beginning, syllable)

    def _merge(self, left: str, right: str) -> str:
        whole = left + right
        if whole not in self.ids and len(self.ids) < self._size:
            self.merges.append((left, right))
            self.add(whole)
        return whole


def _base_tokens(kind: Kind) -> Iterator[str]:
    """What every text can be made of, and syllables are made of."""
    if kind == "byte-level":
        yield from sorted(pre_tokenizers.ByteLevel.alphabet())
        return
    yield from _runs()
    yield from (f"<0x{byte:02X}>" for byte in range(256))
    yield from (_SPACE, "\t", *_PRINTABLE)


def _runs() -> list[str]:
    lines = ["\n" * length for length in range(1, _LONGEST_RUN + 1)]
    return lines + [_SPACE * length for length in range(2, _LONGEST_RUN + 1)]


def _words() -> Iterator[tuple[str, str]]:
    """(beginning, last syllable) of words of two and three syllables; all beginnings come first."""
    for count in (1, 2):
        for *beginning, syllable in itertools.product(_SYLLABLES, repeat=count + 1):
            yield "".join(beginning), syllable


def _byte_level(vocabulary: _Vocabulary) -> Tokenizer:
    tokenizer = Tokenizer(BPE(vocabulary.ids, vocabulary.merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_LLAMA_3_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _gemma(vocabulary: _Vocabulary) -> Tokenizer:
    tokenizer = Tokenizer(
        BPE(vocabulary.ids, vocabulary.merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    )
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_tokens([AddedToken(run, normalized=False) for run in _runs()])
    return tokenizer
