"""Text to ids: the tokenizer.json of a base, and where its texts fall apart."""

from pathlib import Path

import pytest
from tokenizers import AddedToken, models, pre_tokenizers
from tokenizers import Tokenizer as Inner

from bluey_adapters.errors import BaseError
from bluey_adapters.tokenizer import Tokenizer
from bluey_data.catalog import embedded_model

TINY = embedded_model("tiny-it")


def test_the_ids_are_those_of_the_library() -> None:
    inner = Inner.from_file(str(TINY / "tokenizer.json"))
    tokenizer = Tokenizer.load(TINY)
    text = "<start_of_turn>user\nG'day 🐶, naïve café!<end_of_turn>"
    for special in (True, False):
        ids = inner.encode(text, add_special_tokens=special).ids
        assert tokenizer.encode(text, special=special) == ids
        assert tokenizer.encode_with_offsets(text, special=special)[0] == ids
    assert tokenizer.token_id("<no such token>") is None


def test_a_broken_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"no tokenizer\.json"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BaseError, match="can't be read"):
        Tokenizer.load(tmp_path)


def test_a_file_that_cuts_texts_short_does_not(tmp_path: Path) -> None:
    """Some were saved with the truncation and padding that somebody trained with."""
    inner = Inner.from_file(str(TINY / "tokenizer.json"))
    inner.enable_truncation(4)
    inner.enable_padding(length=16)
    inner.save(str(tmp_path / "tokenizer.json"))
    text = "one two three four five six seven eight nine ten"
    expected = Tokenizer.load(TINY).encode(text, special=False)
    assert len(expected) > 4
    assert Tokenizer.load(tmp_path).encode(text, special=False) == expected


@pytest.mark.parametrize(
    ("tokens", "separators"),
    [
        (["<a>", "<b>"], ["<a>", "<b>"]),
        (["<a>", "<a><b>"], []),  # one within another
        (["ab", "bc"], []),  # they may share a "b"
        (["aba", "<x>"], ["<x>"]),  # it may share its "a" with the next one
        (["<x>", "<x"], []),
    ],
)
def test_texts_fall_apart_only_where_nothing_else_can_be_meant(
    tokens: list[str], separators: list[str]
) -> None:
    inner = Inner(models.BPE({"a": 0}, []))
    inner.add_special_tokens([AddedToken(token, normalized=False) for token in tokens])
    assert Tokenizer(inner).separators() == separators


def test_tokens_that_look_beside_themselves_are_no_separators() -> None:
    inner = Inner(models.BPE({"a": 0}, []))
    inner.add_special_tokens(
        [
            AddedToken("<l>", lstrip=True, normalized=False),
            AddedToken("<r>", rstrip=True, normalized=False),
            AddedToken("<w>", single_word=True, normalized=False),
            AddedToken("<n>", normalized=True),
        ]
    )
    inner.add_tokens([AddedToken("<plain>", normalized=False)])
    assert Tokenizer(inner).separators() == []
    inner.add_special_tokens([AddedToken("<s>", normalized=False)])
    assert Tokenizer(inner).separators() == ["<s>"]
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    assert Tokenizer(inner).separators() == [], "what begins the text is encoded differently"
