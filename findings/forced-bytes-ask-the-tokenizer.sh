#!/bin/sh
# llguidance 1.9.1: a tokenizer given as tokens (TokenizerWrapper) is asked to encode text too. Where
# the grammar leaves only one text, the mask allows the tokens of that encoding alone, and forbids
# others that spell the same. So two tokenizers with the same vocabulary give different masks, and a
# wrapper whose encoding is a stand-in bends every JSON answer (keys and punctuation are forced).
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check llguidance==1.9.1 numpy==2.4.6
"$scratch/venv/bin/python" - <<'PY'
import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import fill_next_token_bitmask, get_bitmask_shape

TOKENS = [*(bytes([byte]) for byte in range(255)), b"<end>", b"ab", b"abab"]


class Wrapper:
    """All tokens, and one way of encoding."""

    is_tokenizer_wrapper = True
    tokens = TOKENS
    eos_token_id = 255
    bos_token_id = None
    special_token_ids = (255,)

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __call__(self, text: str | bytes) -> list[int]:
        rest, ids = text.encode() if isinstance(text, str) else text, []
        while rest:
            piece = next((p for p in self.pieces if rest.startswith(p)), rest[:1])
            ids.append(TOKENS.index(piece))
            rest = rest[len(piece) :]
        return ids


def allowed(pieces: list[bytes]) -> list[bytes]:
    tokenizer = LLTokenizer(Wrapper(pieces))
    matcher = LLMatcher(tokenizer, 'start: "abab"')
    words = np.zeros(get_bitmask_shape(1, len(TOKENS)), np.int32)
    fill_next_token_bitmask(matcher, words, 0)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")[: len(TOKENS)]
    return [TOKENS[at] for at in np.flatnonzero(bits)]


whole, bytewise = allowed([b"abab"]), allowed([])
print(f'of "abab", by an encoder of whole words: {whole}; by one of single bytes: {bytewise}')
assert whole != bytewise, "the vocabulary alone decides: this has changed"
PY
