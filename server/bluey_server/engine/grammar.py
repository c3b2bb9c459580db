"""Grammars over a base's tokens: which of them may come next in one row's answer.

By llguidance, in whose own JSON a grammar comes. There is no MLX here: masks.py takes what is
allowed to the logits.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.numpy import get_bitmask_shape

Words = npt.NDArray[np.int32]
"""A bit for each token, 32 in a word, the lowest one first."""


class GrammarError(Exception):
    """A grammar that this base can't follow."""


class Constraint:
    """One row's place in its grammar.

    Where an answer may end is the grammar's to say, by which tokens it ends is the request's: the
    ids that end its turn are allowed where the grammar is complete and nowhere else, whatever text
    they might stand for.
    """

    def __init__(
        self, matcher: LLMatcher, vocabulary: int, end_ids: Sequence[int], never: Iterable[int] = ()
    ) -> None:
        """`never` are ids that the library takes for ends, and the request doesn't."""
        self.matcher = matcher
        self.words = get_bitmask_shape(1, vocabulary)[1]
        self.must_end = False  # there is nothing left to say
        self.failure: str | None = None  # why no token is allowed
        self._end_ids = end_ids
        self._barred = (*end_ids, *never)
        self._over = False

    def take(self, token: int) -> None:
        """Go on by the token that was chosen."""
        if token in self._end_ids:
            self._over = True  # the batch still computes one step for the row
        elif not self.matcher.consume_token(token):
            self.failure = self.failure or self._reason()

    def settle(self, allowed: Words) -> None:
        """Put right what the matcher wrote into (W,) words: ends, and failures."""
        if self._over:
            allowed[:] = -1
            return
        if self.matcher.is_error():
            self.failure = self.failure or self._reason()
        for token in self._barred:
            _set(allowed, token, False)
        complete = self.failure is None and self.matcher.is_accepting()
        self.must_end = complete and not allowed.any()
        if complete:
            for token in self._end_ids:
                _set(allowed, token, True)
        if self.failure is not None:
            allowed[:] = 0
        elif not allowed.any():
            self.failure = (
                "the grammar is at its end, and no token ends this model's turns"
                if complete
                else "the grammar allows no further token"
            )

    def _reason(self) -> str:
        return f"the grammar can't go on: {_first_line(self.matcher.get_error())}"


class Grammars:
    """Makes constraints over the tokens of one base.

    Reading a large tokenizer takes seconds, in which the library doesn't let go of the interpreter
    (2.4 s for Gemma 3's on a quiet machine, and more beside others): no thread of this process can
    say a word meanwhile. So an engine has `prepare` done before it calls itself ready.
    """

    def __init__(self, tokenizer: Path, vocabulary: int, end_ids: Sequence[int] = ()) -> None:
        """`tokenizer` is a tokenizer.json; the model's logits are `vocabulary` wide, and `end_ids`
        end its turns."""
        self._path = tokenizer
        self._vocabulary = vocabulary
        self._end_ids = end_ids
        self._read: LLTokenizer | GrammarError | None = None
        self._reading = threading.Lock()

    def prepare(self) -> None:
        """Read the tokenizer, unless that is done. One that can't be constrained is no error yet:
        requests without a grammar don't need it."""
        with self._reading:
            if self._read is None:
                self._read = _read_tokenizer(self._path, self._vocabulary, self._end_ids)

    def fit(self, vocabulary: int) -> None:
        """The logits turn out to be `vocabulary` wide."""
        if vocabulary == self._vocabulary:
            return
        with self._reading:
            self._vocabulary = vocabulary
            if isinstance(self._read, LLTokenizer) and self._read.vocab_size < vocabulary:
                self._read = None

    def constraint(self, grammar: str, end_ids: Sequence[int]) -> Constraint:
        """A new one, at the grammar's beginning. Raises GrammarError."""
        self.prepare()
        tokenizer = self._read
        if not isinstance(tokenizer, LLTokenizer):
            raise GrammarError(str(tokenizer))
        # Its errors and warnings are not to hold what was said: they may be logged.
        limits = LLParserLimits(verbose_errors=False)
        matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise GrammarError(_first_line(matcher.get_error()))
        never = set(tokenizer.eos_tokens) - set(end_ids)
        return Constraint(matcher, tokenizer.vocab_size, end_ids, never)


class _AddedToken(msgspec.Struct):
    id: int
    special: bool = False


class _Model(msgspec.Struct):
    vocab: dict[str, int] | list[Any]


class _TokenizerFile(msgspec.Struct):
    """What is needed of a tokenizer.json; read in a tenth of the time that a tokenizer takes."""

    model: _Model
    added_tokens: list[_AddedToken] = []

    @property
    def width(self) -> int:
        """The highest id and one."""
        vocab = self.model.vocab
        ids = vocab.values() if isinstance(vocab, dict) else range(len(vocab))
        return 1 + max(max(ids, default=-1), *(token.id for token in self.added_tokens), -1)


def _read_tokenizer(
    path: Path, vocabulary: int, end_ids: Sequence[int]
) -> LLTokenizer | GrammarError:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_TokenizerFile)
        # A model's logits may be wider than its tokenizer (padded), or narrower (Gemma 3's).
        wider = vocabulary if vocabulary > file.width else None
        # The library wants to know of an end. Of which doesn't matter: constraints see to that.
        # Left alone it guesses by text, and takes HTML's "</s>" for one of Gemma's ends.
        ends = [token for token in end_ids if token < max(file.width, vocabulary)]
        ends = ends or [token.id for token in file.added_tokens if token.special][:1]
        return LLTokenizer(str(path), wider, ends or None)
    except (
        BaseException
    ) as error:  # the Rust side's are of no common kind, and its panics no Exception
        return GrammarError(f"this base's tokenizer can't be constrained: {error}")


def _set(words: Words, token: int, allowed: bool) -> None:
    word, bit = divmod(token, 32)
    if word < len(words):
        mask = np.uint32(1 << bit).view(np.int32)
        words[word] = words[word] | mask if allowed else words[word] & ~mask


def _first_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[0] if lines else "no reason was given"
