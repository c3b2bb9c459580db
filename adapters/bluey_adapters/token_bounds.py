"""How much text one token can stand for, so that a text's length alone says how many it has at
least.

That holds where no text vanishes on its way to tokens. So what a tokenizer does to text before its
model sees it is looked through, and whatever isn't known to keep it all gives no bound.
"""

import json
from collections.abc import Callable
from typing import Any

from tokenizers import Tokenizer

_NFC = 4
"""Characters that NFC makes one of, at most."""

_KEEPS = ("ByteLevel", "Digits", "Metaspace", "Punctuation", "Split", "UnicodeScripts")
"""Pre-tokenizers that cut text and remove none, but for a `behavior` of "Removed"."""


def characters_per_token(tokenizer: Tokenizer, read: Callable[[int], bytes]) -> int | None:
    """The most characters of text that become one token; None: any number might. `read` gives a
    token's bytes."""
    added = tokenizer.get_added_tokens_decoder().values()
    if any(token.lstrip or token.rstrip for token in added):
        return None  # such a token takes in all the white space beside it
    before = _steps(tokenizer.pre_tokenizer, "pretokenizers")
    shrinking = _shrinking(_steps(tokenizer.normalizer, "normalizers"))
    cuts = all(step["type"] in _KEEPS and step.get("behavior") != "Removed" for step in before)
    if shrinking is None or not cuts:
        return None
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    by_byte = any(step["type"] == "ByteLevel" for step in before)
    if by_byte:
        lengths = [len(read(token)) for token in range(size)]
        whole = {read(token) for token in range(size)} >= {bytes([byte]) for byte in range(256)}
    else:
        lengths = [len(tokenizer.id_to_token(token) or "") for token in range(size)]
        whole = bool(getattr(tokenizer.model, "byte_fallback", False)) and all(
            tokenizer.token_to_id(f"<0x{byte:02X}>") is not None for byte in range(256)
        )
    # Without all bytes, what the vocabulary can't say becomes one token together, or none.
    return max(lengths) * shrinking if whole else None


def _steps(part: Any, within: str) -> list[dict[str, Any]]:
    """What a normalizer or pre-tokenizer does, one thing after the other."""
    if part is None:
        return []
    told = json.loads(part.__getstate__())
    if told["type"] != "Sequence":
        return [told]
    return [inner for step in told[within] for inner in _flat(step, within)]


def _flat(step: dict[str, Any], within: str) -> list[dict[str, Any]]:
    if step["type"] != "Sequence":
        return [step]
    return [inner for one in step[within] for inner in _flat(one, within)]


def _shrinking(steps: list[dict[str, Any]]) -> int | None:
    """How many characters may become one; None where that isn't known."""
    factor = 1
    for step in steps:
        match step:
            case {"type": "NFC"}:
                factor *= _NFC
            case {"type": "Prepend"}:
                pass
            case {"type": "Replace", "pattern": {"String": str(found)}, "content": str(put)} if len(
                put
            ) >= len(found):
                pass
            case _:
                return None
    return factor
