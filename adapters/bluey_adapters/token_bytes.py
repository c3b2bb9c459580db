"""Which bytes a token stands for: what log probabilities are told of.

A token's text is not enough. Several tokens may share the bytes of one character, and none of them
is text by itself. How a vocabulary writes bytes down is said by the tokenizer's decoder: either
each byte has a printable character of its own (GPT-2's way, `ByteLevel`), or a token is text, with
some `<0x0A>` for bytes (SentencePiece's way, `ByteFallback`), and a mark for spaces.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tokenizers import Tokenizer

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def reader_of(tokenizer: Tokenizer) -> Callable[[int], bytes]:
    """A function from a token's id to its bytes; none for an id that the tokenizer doesn't know
    (a model's arrays may be wider)."""
    added = {token: str(found) for token, found in _added(tokenizer)}
    steps = list(_steps(tokenizer))
    kinds = {step["type"] for step in steps}
    spaces = [step["replacement"] for step in steps if step["type"] == "Metaspace"]
    replaced = [(mark, " ") for mark in spaces] + [
        (step["pattern"]["String"], step["content"])
        for step in steps
        if step["type"] == "Replace" and "String" in step["pattern"]
    ]

    def read(token: int) -> bytes:
        if token in added:
            return added[token].encode()
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


def show(data: bytes) -> str:
    """Bytes as text; those that are none as OpenAI shows them, such as `\\xf0\\x9f`."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in data)


def _added(tokenizer: Tokenizer) -> Iterator[tuple[int, str]]:
    for token, found in tokenizer.get_added_tokens_decoder().items():
        yield token, found.content


def _steps(tokenizer: Tokenizer) -> Iterator[dict[str, Any]]:
    """What the decoder does, one thing after the other, as tokenizer.json has it."""
    if tokenizer.decoder is not None:
        told = json.loads(tokenizer.decoder.__getstate__())
        yield from told["decoders"] if told["type"] == "Sequence" else [told]


def _of_byte_level(written: str) -> bytes:
    table = _byte_level()
    return b"".join(
        bytes([table[character]]) if character in table else character.encode()
        for character in written
    )


@functools.cache
def _byte_level() -> dict[str, int]:
    """GPT-2's table: printable bytes are themselves, the others follow from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(0x100 + place): byte for place, byte in enumerate(others)}
