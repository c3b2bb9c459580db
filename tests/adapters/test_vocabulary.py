"""What token ids stand for, without a tokenizer; and how much text a token can stand for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Inner

from bluey_adapters.errors import BaseError
from bluey_adapters.tokenizer import Tokenizer
from bluey_adapters.vocabulary import (
    keep_vocabulary,
    kept_vocabulary,
    tokenizer_digest,
)
from bluey_data.catalog import embedded_model

TINY = embedded_model("tiny-it")
TOKENIZER = Tokenizer.load(TINY)
VOCABULARY = TOKENIZER.vocabulary()


def test_every_token_of_the_embedded_base_is_what_the_tokenizer_makes_of_it() -> None:
    inner = Inner.from_file(str(TINY / "tokenizer.json"))
    assert VOCABULARY.size == inner.get_vocab_size() == 4096
    for token in range(VOCABULARY.size):
        alone = inner.decode([token], skip_special_tokens=False)
        assert VOCABULARY.bytes_of(token).decode(errors="replace") == alone
        kept = inner.decode([token], skip_special_tokens=True)
        assert VOCABULARY.text_of(token).decode(errors="replace") == kept
    assert VOCABULARY.bytes_of(4096) == VOCABULARY.bytes_of(-1) == b""


def test_ids_of_tokens_that_templates_write() -> None:
    assert VOCABULARY.token_id("<end_of_turn>") == TOKENIZER.token_id("<end_of_turn>")
    assert VOCABULARY.token_id("<no such token>") is None


def test_a_kept_vocabulary_is_the_same(tmp_path: Path) -> None:
    digest = tokenizer_digest(TINY)
    assert kept_vocabulary(tmp_path, digest) is None
    keep_vocabulary(tmp_path, VOCABULARY)
    assert kept_vocabulary(tmp_path, digest) == VOCABULARY
    (file,) = (tmp_path / "vocabularies").iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    assert kept_vocabulary(tmp_path, digest) is None, "a damaged one is made again"


def test_runs_of_spaces_that_stand_beside_the_vocabulary_are_spaces() -> None:
    """Gemma 3's tokenizer.json has them as added tokens, written with its mark for spaces."""
    inner = Inner(models.BPE({"a": 0}, []))
    inner.add_tokens([AddedToken("\u2581\u2581", normalized=False)])
    inner.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.Fuse()])
    vocabulary = Tokenizer(inner).vocabulary()
    assert vocabulary.bytes_of(1) == b"  " == inner.decode([1]).encode()


@pytest.mark.parametrize(
    ("decoder", "named"),
    [(None, "none"), (decoders.WordPiece(), "WordPiece"), (decoders.CTC(), "CTC")],
)
def test_a_decoder_that_is_not_known_is_refused_by_name(decoder: object, named: str) -> None:
    inner = Inner(models.BPE({"a": 0}, []))
    if decoder is not None:
        inner.decoder = decoder
    with pytest.raises(BaseError, match=rf"the decoder of its tokenizer\.json \({named}\)"):
        Tokenizer(inner).vocabulary()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_has_no_fewer_tokens_than_its_length_says(text: str) -> None:
    assert VOCABULARY.longest is not None
    assert VOCABULARY.least_tokens(text) <= len(TOKENIZER.encode(text, special=False))


def test_the_longest_token_is_found() -> None:
    longest = max(range(4096), key=lambda token: len(VOCABULARY.bytes_of(token)))
    text = VOCABULARY.bytes_of(longest).decode() * 10
    assert VOCABULARY.longest == len(text) // 10
    assert VOCABULARY.least_tokens(text) == 10


def _with_all_bytes(inner: Inner) -> Inner:
    inner.decoder = decoders.ByteLevel()
    return inner


def _byte_level() -> Inner:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Inner(models.BPE({character: at for at, character in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return _with_all_bytes(inner)


def _normalized_away(inner: Inner) -> None:
    inner.normalizer = normalizers.Strip()


def _cut_away(inner: Inner) -> None:
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(" ", "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


def _taken_in(inner: Inner) -> None:
    inner.add_special_tokens([AddedToken("<end>", rstrip=True)])


@pytest.mark.parametrize("swallow", [_normalized_away, _cut_away, _taken_in])
def test_where_text_may_vanish_its_length_says_nothing(swallow: object) -> None:
    inner = _byte_level()
    assert Tokenizer(inner).vocabulary().longest == 1
    assert callable(swallow)
    swallow(inner)
    vocabulary = Tokenizer(inner).vocabulary()
    assert vocabulary.longest is None
    assert vocabulary.least_tokens("a" * 10**6) == 0


def test_a_character_that_was_several_counts_as_such() -> None:
    inner = _byte_level()
    inner.normalizer = normalizers.NFC()
    vocabulary = Tokenizer(inner).vocabulary()
    text = "\u03b1\u0313\u0300\u0345" * 50  # four characters each, composed into one
    assert vocabulary.longest == 4
    assert vocabulary.least_tokens(text) <= len(Tokenizer(inner).encode(text, special=False))
