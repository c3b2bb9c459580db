"""Grammars over a base's tokens: which of them may come next in one row's answer.

By llguidance, in whose own JSON a grammar comes. There is no MLX here: masks.py takes what is
allowed to the logits.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

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
    """Makes constraints over the tokens of one base."""

    def __init__(self, tokenizer: Path, vocabulary: int) -> None:
        """`tokenizer` is a tokenizer.json; the model's logits are `vocabulary` wide."""
        self._path = tokenizer
        self._vocabulary = vocabulary
        self._tokenizer: LLTokenizer | None = None  # read when needed: a large one takes a second
        self._reading = threading.Lock()

    def constraint(self, grammar: str, end_ids: Sequence[int]) -> Constraint:
        """A new one, at the grammar's beginning. Raises GrammarError."""
        with self._reading:
            if self._tokenizer is None:
                self._tokenizer = self._read(end_ids)
            tokenizer = self._tokenizer
        # Its errors and warnings are not to hold what was said: they may be logged.
        limits = LLParserLimits(verbose_errors=False)
        matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise GrammarError(_first_line(matcher.get_error()))
        never = set(tokenizer.eos_tokens) - set(end_ids)
        return Constraint(matcher, tokenizer.vocab_size, end_ids, never)

    def _read(self, end_ids: Sequence[int]) -> LLTokenizer:
        # The library wants to know of an end. Of which doesn't matter: constraints see to that.
        ends = list(end_ids) or None
        try:
            tokenizer = LLTokenizer(str(self._path), eos_token=ends)
            if tokenizer.vocab_size < self._vocabulary:  # the model's width may be padded
                tokenizer = LLTokenizer(str(self._path), self._vocabulary, ends)
        except Exception as error:  # the Rust side's, of no common kind
            raise GrammarError(f"this base's tokenizer can't be constrained: {error}") from None
        return tokenizer


def _set(words: Words, token: int, allowed: bool) -> None:
    word, bit = divmod(token, 32)
    if word < len(words):
        mask = np.uint32(1 << bit).view(np.int32)
        words[word] = words[word] | mask if allowed else words[word] & ~mask


def _first_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[0] if lines else "no reason was given"
