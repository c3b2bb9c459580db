"""Text to token ids and back, by the base's own `tokenizer.json`.

Serving and training both use this file, so that a conversation becomes the same ids in both. It
stands on the `tokenizers` library alone: the HTTP process and the CLI's start-up must not pay the
seconds that importing transformers or mlx_lm costs.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from tokenizers import Tokenizer as _Tokenizer

from bluey_adapters.errors import BaseError
from bluey_adapters.token_bytes import reader_of


class Tokenizer:
    """The tokenizer of one base. Safe to share between threads: nothing in it changes."""

    def __init__(self, inner: _Tokenizer) -> None:
        self._inner = inner

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read `tokenizer.json` from a model's folder. Raises BaseError when that fails."""
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise BaseError(f"{folder} has no tokenizer.json; a base needs a fast tokenizer's file")
        try:
            return cls(_Tokenizer.from_file(str(path)))
        except Exception as error:  # the Rust side raises bare Exception for every kind of defect
            raise BaseError(f"{path} can't be read: {error}") from None

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""
        return int(self._inner.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Token ids of `text`. `special` adds what the tokenizer puts around a text (a <bos>)."""
        ids: list[int] = self._inner.encode(text, add_special_tokens=special).ids
        return ids

    def encode_with_offsets(
        self, text: str, *, special: bool = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of `text`, and where in it each token begins and ends (characters; the tokens
        of one multi-byte character share its place, and added ones are at 0). `special` as for
        `encode`."""
        found = self._inner.encode(text, add_special_tokens=special)
        return found.ids, found.offsets

    def decode(self, ids: list[int]) -> str:
        """Text of `ids`, special tokens left out."""
        return str(self._inner.decode(ids, skip_special_tokens=True))

    @functools.cached_property
    def bytes_of(self) -> Callable[[int], bytes]:
        """From a token's id to the bytes that it stands for; see token_bytes.py."""
        return reader_of(self._inner)

    @functools.cached_property
    def added_tokens(self) -> dict[str, int]:
        """Ids of the tokens that stand beside the vocabulary proper, such as those for turns; text
        that is written like one becomes it."""
        return {
            str(token.content): number
            for number, token in self._inner.get_added_tokens_decoder().items()
        }

    def token_id(self, token: str) -> int | None:
        """The id of one token by its exact text, or None."""
        found: int | None = self._inner.token_to_id(token)
        return found


class TextStream:
    """Turns ids that arrive one at a time into text, never splitting a character.

    Decoding all ids at every step would cost time quadratic in the length. So only a window is
    decoded: the ids since the last safe point, and a few before it for context (tokens that join
    with what precedes them, such as a leading space).
    """

    def __init__(self, tokenizer: Tokenizer, before: Sequence[int] = ()) -> None:
        """`before` are ids whose text is already there, when the text goes on from it: some
        tokenizers leave a leading space out where a text begins."""
        self._tokenizer = tokenizer
        if tokenizer.decode(list(before)).endswith("\ufffd"):
            before = ()  # what completes a character is more than a difference of lengths
        self._ids = list(before)
        self._context = 0  # where the window begins
        self._settled = len(before)  # up to here the text has been given out

    def push(self, token: int) -> str:
        """The text that `token` completes; empty while a character is incomplete."""
        self._ids.append(token)
        return self._advance(final=False)

    def finish(self) -> str:
        """What is left, an incomplete character shown as U+FFFD."""
        return self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        before = self._tokenizer.decode(self._ids[self._context : self._settled])
        after = self._tokenizer.decode(self._ids[self._context :])
        if not final and after.endswith("\ufffd"):
            return ""
        self._context, self._settled = self._settled, len(self._ids)
        return after[len(before) :]
