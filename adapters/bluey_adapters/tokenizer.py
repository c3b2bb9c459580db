"""Text to token ids and back, by the base's own `tokenizer.json`.

Serving and training both use this file, so that a conversation becomes the same ids in both. It
stands on the `tokenizers` library alone: the HTTP process and the CLI's start-up must not pay the
seconds that importing transformers or mlx_lm costs.
"""

from pathlib import Path

from tokenizers import Tokenizer as _Tokenizer

from bluey_adapters.errors import BaseError


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

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of `text`, none added, and where in it each token begins and ends
        (characters; the tokens of one multi-byte character share its place)."""
        found = self._inner.encode(text, add_special_tokens=False)
        return found.ids, found.offsets

    def decode(self, ids: list[int]) -> str:
        """Text of `ids`, special tokens left out."""
        return str(self._inner.decode(ids, skip_special_tokens=True))

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

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._context = 0  # where the window begins
        self._settled = 0  # up to here the text has been given out

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
