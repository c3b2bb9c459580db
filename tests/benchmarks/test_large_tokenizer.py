"""The large tokenizers: what the engine's tests and the measures take for granted of them."""

import json

import pytest

from benchmarks.large_tokenizer import SPECIAL_TOKENS, Kind, large_tokenizer
from bluey_adapters.tokenizer import Tokenizer

KINDS: tuple[Kind, ...] = ("byte-level", "gemma")
TEXTS = (
    "The weather in Paris is nice, isn't it?\n\n\n  Two spaces, and a tab\there.",
    'Ünïcode: 漢字 🙂 {"a": [1, 23.5, true], "b": "batoki domalu"}',
    "",
)


@pytest.mark.parametrize("kind", KINDS)
def test_any_text_comes_back_and_begins_with_bos(kind: Kind) -> None:
    tokenizer = large_tokenizer(5000, kind=kind)
    bos = SPECIAL_TOKENS.index("<bos>")
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        assert ids[0] == bos
        assert tokenizer.decode(ids) == text
        vocabulary = Tokenizer(tokenizer).vocabulary()
        assert b"".join(map(vocabulary.bytes_of, ids[1:])) == text.encode()


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_is_exact_and_the_tokens_are_the_same_every_time(kind: Kind) -> None:
    once, again = (large_tokenizer(20_000, kind=kind) for _ in range(2))
    assert once.get_vocab_size() == 20_000
    assert json.loads(once.to_str()) == json.loads(again.to_str())
    assert [once.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(6))


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_single_tokens_with_and_without_a_space(kind: Kind) -> None:
    tokenizer = large_tokenizer(20_000, kind=kind)
    assert len(tokenizer.encode("bato bato the", add_special_tokens=False).ids) == 3


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        large_tokenizer(300)
    with pytest.raises(ValueError, match="too many"):
        large_tokenizer(10_000_000)
