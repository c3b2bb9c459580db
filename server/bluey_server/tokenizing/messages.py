"""What the HTTP process and a tokenizer process say to each other. A closed union each way."""

import msgspec

from bluey_adapters.vocabulary import Vocabulary


class Encode(msgspec.Struct, frozen=True, kw_only=True, tag="encode"):
    """Make token ids of a text."""

    id: int
    text: str
    special: bool  # add what the tokenizer puts around a text (a <bos>)
    borders: list[int] = []  # places in the text, in characters
    starts: bool = False  # tell where each token begins


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The tokenizer is ready."""

    vocabulary: Vocabulary | None  # None: it was kept in the cache before


class Encoded(msgspec.Struct, frozen=True, kw_only=True, tag="encoded"):
    """A text in token ids."""

    id: int
    ids: list[int]
    borders: list[int]  # for each one asked for: the tokens that end at or before it
    starts: list[int]  # characters before each token; empty unless asked for


class EncodeFailed(msgspec.Struct, frozen=True, tag="failed"):
    """One text could not be encoded."""

    id: int
    message: str


class LoadFailed(msgspec.Struct, frozen=True, tag="unusable"):
    """The tokenizer could not be loaded; the process ends."""

    message: str


FromTokenizer = Loaded | Encoded | EncodeFailed | LoadFailed

_encode: msgspec.msgpack.Decoder[Encode] = msgspec.msgpack.Decoder(Encode)
_from_tokenizer: msgspec.msgpack.Decoder[FromTokenizer] = msgspec.msgpack.Decoder(FromTokenizer)


def read_encode(body: bytes) -> Encode:
    """A message for the tokenizer process. Raises msgspec.MsgspecError when it is none."""
    return _encode.decode(body)


def read_from_tokenizer(body: bytes) -> FromTokenizer:
    """A message from it. Raises msgspec.MsgspecError when it is none."""
    return _from_tokenizer.decode(body)
