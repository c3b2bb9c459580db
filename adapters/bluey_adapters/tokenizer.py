"""Text to token ids, by the base's own `tokenizer.json`.

Serving and training both use this file, so that a conversation becomes the same ids in both. It
stands on the `tokenizers` library alone: the HTTP process and the CLI's start-up must not pay the
seconds that importing transformers or mlx_lm costs. Back to text goes a Vocabulary, which needs no
tokenizer.
"""

from pathlib import Path

from tokenizers import Encoding
from tokenizers import Tokenizer as _Tokenizer

from bluey_adapters.errors import BaseError
from bluey_adapters.vocabulary import Vocabulary, tokenizer_digest, tokenizer_file

_LONG = 100  # characters; none that ends a turn is nearly as long


class Tokenizer:
    """The tokenizer of one base. Safe to share between threads: nothing in it changes."""

    def __init__(self, inner: _Tokenizer, digest: str = "") -> None:
        """`digest` is the sha256, hex, of its tokenizer.json."""
        self._inner = inner
        self._digest = digest

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read `tokenizer.json` from a model's folder. Raises BaseError when that fails."""
        path = tokenizer_file(folder)
        try:
            inner = _Tokenizer.from_file(str(path))
        except Exception as error:  # the Rust side raises bare Exception for every kind of defect
            raise BaseError(f"{path} can't be read: {error}") from None
        # Some files say that texts are to be cut short or filled up, for training elsewhere.
        inner.no_truncation()
        inner.no_padding()
        return cls(inner, tokenizer_digest(folder))

    def vocabulary(self) -> Vocabulary:
        """What its ids stand for. Raises BaseError where they can't be read one by one."""
        return Vocabulary.of(self._inner, self._digest)

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Token ids of `text`. `special` adds what the tokenizer puts around a text (a <bos>)."""
        # Of the library's calls, those for batches alone let go of the interpreter's lock.
        found: list[Encoding] = self._inner.encode_batch_fast([text], add_special_tokens=special)
        return found[0].ids

    def encode_with_offsets(
        self, text: str, *, special: bool = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of `text`, and where in it each token begins and ends (characters; the tokens
        of one multi-byte character share its place, and added ones are at 0). `special` as for
        `encode`."""
        (found,) = self._inner.encode_batch([text], add_special_tokens=special)
        return found.ids, found.offsets

    def decode(self, ids: list[int]) -> str:
        """Text of `ids`, special tokens left out."""
        return str(self._inner.decode(ids, skip_special_tokens=True))

    def token_id(self, token: str) -> int | None:
        """The id of one token by its exact text, or None."""
        found: int | None = self._inner.token_to_id(token)
        return found

    def separators(self) -> list[str]:
        """Special tokens at which a text falls apart into parts that are encoded each by itself,
        whatever stands beside them."""
        before = self._inner.pre_tokenizer
        if before is not None and b'"prepend_scheme":"first"' in before.__getstate__():
            return []  # what begins the text has a space put before it, and no other part
        added = self._inner.get_added_tokens_decoder().values()
        apart = _apart([token.content for token in added])
        return [
            token.content
            for token in added
            if token.special
            and token.content in apart
            and not (token.normalized or token.lstrip or token.rstrip or token.single_word)
        ]


def _apart(texts: list[str]) -> set[str]:
    """Those that can't be found in a text so that another one, or the same again, shares some of
    their characters."""
    beginnings = {text[:end] for text in texts for end in range(1, len(text))}
    endings = {text[start:] for text in texts for start in range(1, len(text))}
    known, everywhere = set(texts), "\0".join(texts)

    def is_apart(text: str) -> bool:
        places = range(1, len(text))
        within = {text[start:end] for start in range(len(text)) for end in places if start < end}
        return (
            everywhere.count(text) == 1
            and not any(text[:end] in endings or text[-end:] in beginnings for end in places)
            and not (within | {text[start:] for start in places}) & known
        )

    return {text for text in texts if len(text) < _LONG and is_apart(text)}
