"""Texts that grow are encoded in parts, to the same ids as at once."""

import random

from hypothesis import given
from hypothesis import strategies as st

from bluey_adapters.tokenizer import Tokenizer
from bluey_data.catalog import embedded_model
from bluey_server.tokenizing.encoder import Encoder
from bluey_server.tokenizing.messages import Encode, Encoded

TOKENIZER = Tokenizer.load(embedded_model("tiny-it"))
PIECES = [
    "<bos>",
    "<start_of_turn>user\n",
    "<start_of_turn>model\n",
    "<end_of_turn>\n",
    "<end_of_turn",
    "<start_of_turn><start_of_turn>",
    "Good morning! ",
    "How are you?",
    "漢字 🐶",
    "\n\n  ",
    "",
]


def encode(encoder: Encoder, text: str, **options: object) -> Encoded:
    return encoder.encode(Encode(id=7, text=text, **{"special": False, **options}))


class Counting(Tokenizer):
    """Counts the characters that it encodes."""

    encoded = 0

    def encode_with_offsets(
        self, text: str, *, special: bool = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        self.encoded += len(text)
        return TOKENIZER.encode_with_offsets(text, special=special)

    def separators(self) -> list[str]:
        return TOKENIZER.separators()


@given(st.lists(st.sampled_from(PIECES) | st.text(st.characters(exclude_categories=["Cs"]))))
def test_the_ids_are_those_of_the_whole_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    encoder = Encoder(TOKENIZER)
    for _ in range(2):  # the second time some of it is kept
        assert encode(encoder, text).ids == TOKENIZER.encode(text, special=False)
        assert encode(encoder, text, special=True).ids == TOKENIZER.encode(text, special=True)


def test_places_and_borders_are_those_of_the_whole_text() -> None:
    draw = random.Random(5)
    for _ in range(100):
        text = "".join(draw.choices(PIECES, k=draw.randint(1, 12)))
        ids, spans = TOKENIZER.encode_with_offsets(text)
        borders = sorted(draw.randint(0, len(text)) for _ in range(3))
        found = encode(Encoder(TOKENIZER), text, borders=borders, starts=True)
        assert (found.id, found.ids) == (7, ids)
        for border, count in zip(borders, found.borders, strict=True):
            # The first token that isn't whole before the border comes after all that are.
            assert all(end <= border for _, end in spans[:count])
            assert count == len(spans) or spans[count][1] > border
        assert found.starts == sorted(found.starts)
        assert len(found.starts) == len(ids)
    assert encode(Encoder(TOKENIZER), "One two").starts == []


def conversation(turns: int) -> str:
    said = (f"{'and so on ' * 20}{turn}<end_of_turn>\n" for turn in range(turns))
    return "<bos>" + "".join(f"<start_of_turn>user\n{words}" for words in said)


def test_a_longer_conversation_has_only_its_end_encoded() -> None:
    tokenizer = Counting(TOKENIZER._inner)
    encoder = Encoder(tokenizer)
    for turns in range(1, 20):
        tokenizer.encoded = 0
        text = conversation(turns)
        assert encode(encoder, text).ids == TOKENIZER.encode(text, special=False)
        if turns > 1:
            assert tokenizer.encoded < 2 * len(conversation(1))


def test_what_is_kept_is_bounded_and_the_latest_stays() -> None:
    tokenizer = Counting(TOKENIZER._inner)
    encoder = Encoder(tokenizer, kept=1000)
    first = "<bos>" + "a" * 200 + "<end_of_turn>"
    encode(encoder, first)
    for number in range(20):
        encode(encoder, f"{number} " * 60)
        tokenizer.encoded = 0
        encode(encoder, first)
        assert tokenizer.encoded == 0, "it was used a moment ago"
    tokenizer.encoded = 0
    encode(encoder, "0 " * 60)
    assert tokenizer.encoded == 120, "it was used long ago"
    huge = "b" * 900
    encode(encoder, huge)
    tokenizer.encoded = 0
    encode(encoder, first + huge)
    assert tokenizer.encoded == 900, "one that would drive out all others isn't kept"
