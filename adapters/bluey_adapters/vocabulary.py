"""A tokenizer's vocabulary without the tokenizer: what each token id stands for.

Reading back what a model says needs no tokenizer, only the bytes of each token; and a tokenizer of
262,144 tokens takes 300 MB of memory and seconds to load, in which it holds the interpreter's lock.
So the bytes are written to a file once, some 4 MB, and whoever only reads text opens that.
"""

from array import array
from functools import cached_property
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from bluey_adapters.errors import BaseError
from bluey_adapters.files import file_digest, write_atomically
from bluey_adapters.token_bounds import characters_per_token
from bluey_adapters.token_bytes import check_decoder, reader_of, stripped_at_start

_FORMAT = 1
"""Changes with the layout of the file, or with what is written into it, TURN_ENDS for one."""

TURN_ENDS = ("<end_of_turn>", "<|im_end|>", "<|eot_id|>", "<|end|>", "<|eom_id|>", "</s>")
"""Tokens that end a turn in the formats in use. One of them ends a turn for a base when its
vocabulary has it and its template writes it."""


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True, dict=True, weakref=True):
    """The tokens of one tokenizer.json."""

    digest: str  # sha256, hex, of the tokenizer.json
    data: bytes  # the tokens' bytes, one token after the other
    ends: bytes  # where in `data` each token ends, uint32 in this machine's byte order
    special: frozenset[int]  # ids that are no text, such as those that begin and end turns
    added_tokens: dict[str, int]
    """Ids of the tokens that stand beside the vocabulary proper; text that is written like one
    becomes it."""
    turn_ends: dict[str, int]  # ids of those of TURN_ENDS that it has
    stripped: int  # leading spaces that are left out where a text begins
    longest: int | None  # characters of text that one token stands for at most; None: unknown

    @classmethod
    def of(cls, tokenizer: Tokenizer, digest: str) -> "Vocabulary":
        """Read all tokens (half a second for 262,144). Raises BaseError for a decoder by which
        tokens have no bytes of their own."""
        check_decoder(tokenizer)
        read, added = reader_of(tokenizer), tokenizer.get_added_tokens_decoder()
        size = tokenizer.get_vocab_size(with_added_tokens=True)
        highest = max([size - 1, *added])
        data, ends = bytearray(), array("I")
        for token in range(highest + 1):
            data += read(token)
            ends.append(len(data))
        return cls(
            digest=digest,
            data=bytes(data),
            ends=ends.tobytes(),
            special=frozenset(number for number, token in added.items() if token.special),
            added_tokens={token.content: number for number, token in added.items()},
            turn_ends=_turn_ends(tokenizer),
            stripped=stripped_at_start(tokenizer),
            longest=characters_per_token(tokenizer, read),
        )

    @property
    def size(self) -> int:
        """Ids from 0 on, special ones included."""
        return len(self._ends)

    @cached_property
    def _ends(self) -> memoryview:
        return memoryview(self.ends).cast("I")

    def bytes_of(self, token: int) -> bytes:
        """What a token stands for, special ones as they are written; nothing for an id that the
        tokenizer doesn't know (a model's arrays may be wider)."""
        ends = self._ends
        if not 0 <= token < len(ends):
            return b""
        return self.data[ends[token - 1] if token else 0 : ends[token]]

    def text_of(self, token: int) -> bytes:
        """What a token adds to a text, in UTF-8; a special one adds nothing."""
        return b"" if token in self.special else self.bytes_of(token)

    def token_id(self, token: str) -> int | None:
        """The id of an added token, or of one of TURN_ENDS, by its exact text; or None."""
        return self.added_tokens.get(token, self.turn_ends.get(token))

    def least_tokens(self, text: str) -> int:
        """So many tokens `text` has at least, known from its length alone."""
        return 0 if self.longest is None else -(-len(text) // self.longest)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Vocabulary)


def kept_vocabulary(cache: Path, digest: str) -> Vocabulary | None:
    """The vocabulary of the tokenizer.json of that digest, if it was kept in a home's `cache`."""
    try:
        return _decoder.decode(_file(cache, digest).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None  # not there, or damaged: it is made again


def keep_vocabulary(cache: Path, vocabulary: Vocabulary) -> None:
    """Write a vocabulary into a home's `cache`. Raises OSError."""
    path = _file(cache, vocabulary.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _encoder.encode(vocabulary))


def tokenizer_digest(folder: Path) -> str:
    """sha256, hex, of a model folder's tokenizer.json. Raises BaseError if there is none."""
    path = tokenizer_file(folder)
    try:
        return file_digest(path)
    except OSError as error:
        raise BaseError(f"{path} can't be read: {error}") from None


def tokenizer_file(folder: Path) -> Path:
    """The tokenizer.json of a model folder. Raises BaseError if there is none."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BaseError(f"{folder} has no tokenizer.json; a base needs a fast tokenizer's file")
    return path


def _file(cache: Path, digest: str) -> Path:
    return cache / "vocabularies" / f"{digest}-{_FORMAT}.msgpack"


def _turn_ends(tokenizer: Tokenizer) -> dict[str, int]:
    found = ((token, tokenizer.token_to_id(token)) for token in TURN_ENDS)
    return {token: number for token, number in found if number is not None}
