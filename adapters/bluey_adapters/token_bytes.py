"""Which bytes a token stands for.

A token's text is not enough. Several tokens may share the bytes of one character, and none of them
is text by itself. How a vocabulary writes bytes down is said by the tokenizer's decoder: either
each byte has a printable character of its own (GPT-2's way, `ByteLevel`), or a token is text, with
some `<0x0A>` for bytes (SentencePiece's way, `ByteFallback`), and a mark for spaces.
"""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from tokenizers import Tokenizer

from bluey_adapters.errors import BaseError

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_KNOWN = ("ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip")


def reader_of(tokenizer: Tokenizer) -> Callable[[int], bytes]:
    """A function from a token's id to its bytes; none for an id that the tokenizer doesn't know
    (a model's arrays may be wider)."""
    kinds = {step["type"] for step in _steps(tokenizer)}
    replaced = _replaced(tokenizer)

    def read(token: int) -> bytes:
        written = tokenizer.id_to_token(token)
        if written is None:
            return b""
        if "ByteLevel" in kinds:
            return _of_byte_level(written)
        one_byte = _BYTE.fullmatch(written)
        if one_byte and "ByteFallback" in kinds:
            return bytes([int(one_byte[1], 16)])
        for mark, text in replaced:
            written = written.replace(mark, text)
        return written.encode()

    return read


def stripped_at_start(tokenizer: Tokenizer) -> int:
    """How many leading spaces the decoder leaves out where a text begins."""
    for step in _steps(tokenizer):
        if step["type"] == "Strip" and step["content"] == " ":
            return int(step["start"])
        if step["type"] == "Metaspace" and step.get("prepend_scheme") != "never":
            return 1
    return 0


def check_decoder(tokenizer: Tokenizer) -> None:
    """Raise BaseError for a decoder that makes text in a way in which tokens have no bytes of their
    own, so that their text can't be streamed."""
    steps = _steps(tokenizer)
    unknown = [step["type"] for step in steps if step["type"] not in _KNOWN]
    unknown += ["Replace with a Regex" for step in steps if "Regex" in step.get("pattern", {})]
    if unknown or not steps:
        how = unknown[0] if unknown else "none"
        raise BaseError(
            f"the decoder of its tokenizer.json ({how}) is not known here; known are byte-level "
            "ones, as GPT-2's, and SentencePiece's"
        )


def show(data: bytes) -> str:
    """Bytes as text; those that are none as OpenAI shows them, such as `\\xf0\\x9f`."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in data)


def _steps(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """What the decoder does, one thing after the other, as tokenizer.json has it."""
    if tokenizer.decoder is None:
        return []
    told = json.loads(tokenizer.decoder.__getstate__())
    return list(told["decoders"]) if told["type"] == "Sequence" else [told]


def _replaced(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The marks that stand for other text, most of all for spaces; in added tokens too."""
    steps = _steps(tokenizer)
    spaces = [(step["replacement"], " ") for step in steps if step["type"] == "Metaspace"]
    return spaces + [
        (step["pattern"]["String"], step["content"])
        for step in steps
        if step["type"] == "Replace" and "String" in step["pattern"]
    ]


def _of_byte_level(written: str) -> bytes:
    table = _byte_level()
    try:
        return bytes([table[character] for character in written])
    except KeyError:  # an added token, written as it is
        return written.encode()


@functools.cache
def _byte_level() -> dict[str, int]:
    """GPT-2's table: printable bytes are themselves, the others follow from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(0x100 + place): byte for place, byte in enumerate(others)}
