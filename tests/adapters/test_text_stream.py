"""Text out of ids that come one at a time: never a broken character, nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Inner
from tokenizers import decoders, models

from bluey_adapters.text_stream import TextStream, text_of
from bluey_adapters.tokenizer import Tokenizer
from bluey_adapters.vocabulary import Vocabulary
from bluey_data.catalog import embedded_model

TOKENIZER = Tokenizer.load(embedded_model("tiny-it"))
VOCABULARY = TOKENIZER.vocabulary()
LLAMA = ["\u2581Once", "\u2581upon", "<0xC3>", "<0xA9>"]


def _streamed(ids: list[int], vocabulary: Vocabulary = VOCABULARY) -> list[str]:
    stream = TextStream(vocabulary)
    return [*(stream.push(token) for token in ids), stream.finish()]


def _llama() -> tuple[Inner, Vocabulary]:
    """A tokenizer that leaves out the space a text begins with, as Llama 2's does."""
    inner = Inner(models.BPE({word: place for place, word in enumerate(LLAMA)}, []))
    inner.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return inner, Tokenizer(inner).vocabulary()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_pieces_make_the_whole(text: str) -> None:
    ids = TOKENIZER.encode(text, special=False)
    assert "".join(_streamed(ids)) == TOKENIZER.decode(ids) == text_of(VOCABULARY, ids)


@given(st.lists(st.integers(0, 4095), max_size=40))
def test_any_ids_give_what_the_tokenizer_makes_of_them(ids: list[int]) -> None:
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
    bos = VOCABULARY.token_id("<bos>")
    assert bos is not None
    assert _streamed([bos, *TOKENIZER.encode("hi", special=False)])[0] == ""


def test_the_space_that_a_text_begins_with_is_left_out_where_the_tokenizer_does() -> None:
    inner, vocabulary = _llama()
    for ids in ([0], [1, 0], [2, 3, 1], [0, 2, 3]):
        assert text_of(vocabulary, ids) == inner.decode(ids)


def test_a_text_that_goes_on_keeps_the_space_it_begins_with() -> None:
    _, vocabulary = _llama()
    assert TextStream(vocabulary).push(1) == "upon"
    assert TextStream(vocabulary, before=[0]).push(1) == " upon"
    # The end of a character that began before belongs to no text of the answer's.
    assert TextStream(vocabulary, before=[0, 2]).push(1) == " upon"
    broken = TextStream(vocabulary, before=[0, 2])
    assert broken.push(3) + broken.finish() == "\ufffd"
