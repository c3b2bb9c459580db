"""Text out of ids that come one at a time: never a broken character, nothing lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Inner
from tokenizers import decoders, models

from bluey_adapters.errors import BaseError
from bluey_adapters.tokenizer import TextStream, Tokenizer
from bluey_data.catalog import embedded_model

TOKENIZER = Tokenizer.load(embedded_model("tiny-it"))


def _streamed(ids: list[int]) -> list[str]:
    stream = TextStream(TOKENIZER)
    return [*(stream.push(token) for token in ids), stream.finish()]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_pieces_make_the_whole(text: str) -> None:
    ids = TOKENIZER.encode(text, special=False)
    assert "".join(_streamed(ids)) == TOKENIZER.decode(ids)


@pytest.mark.parametrize("text", ["G'day 🐶🐾!", "naïve café", "日本語のテキスト", "a 👩‍👩‍👧‍👦 b"])
def test_characters_of_several_tokens_come_whole(text: str) -> None:
    pieces = _streamed(TOKENIZER.encode(text, special=False))
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)


def test_a_character_that_never_ends_is_shown_as_such() -> None:
    ids = TOKENIZER.encode("🐶", special=False)
    assert len(ids) > 1, "the test needs a character of several tokens"
    pieces = _streamed(ids[:-1])
    assert pieces[:-1] == [""] * (len(ids) - 1)
    assert set(pieces[-1]) == {"\ufffd"}


def test_special_tokens_give_no_text() -> None:
    bos = TOKENIZER.token_id("<bos>")
    assert bos is not None
    assert _streamed([bos, *TOKENIZER.encode("hi", special=False)])[0] == ""
    assert TOKENIZER.token_id("<no such token>") is None


def test_a_broken_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"no tokenizer\.json"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BaseError, match="can't be read"):
        Tokenizer.load(tmp_path)


def test_a_text_that_goes_on_keeps_the_space_it_begins_with() -> None:
    """Tokenizers of Llama's kind leave it out where a text begins."""
    words = ["\u2581Once", "\u2581upon", "<0xC3>", "<0xA9>"]
    inner = Inner(models.BPE({word: place for place, word in enumerate(words)}, []))
    inner.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer = Tokenizer(inner)
    assert TextStream(tokenizer).push(1) == "upon"
    assert TextStream(tokenizer, before=[0]).push(1) == " upon"
    # Half a character before says nothing of spaces, and its end belongs to no text.
    assert TextStream(tokenizer, before=[0, 2]).push(1) == "upon"
