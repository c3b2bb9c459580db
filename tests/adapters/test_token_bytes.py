"""The bytes that tokens stand for, in both ways of writing them down."""

import pytest
from tokenizers import Tokenizer, decoders, models

from bluey_adapters.token_bytes import reader_of, show
from bluey_data.catalog import embedded_model


def test_of_the_embedded_base_every_text_is_its_tokens_bytes() -> None:
    inner = Tokenizer.from_file(str(embedded_model("tiny-it") / "tokenizer.json"))
    read = reader_of(inner)
    text = "Ärger, 漢字 🐶\n  tab\t\x00 and 'quotes'"
    ids = inner.encode(text, add_special_tokens=False).ids
    assert b"".join(map(read, ids)) == text.encode()
    assert any(len(read(token)) == 1 and read(token) >= b"\x80" for token in ids)
    assert sorted(read(token) for token in range(4096) if len(read(token)) == 1) == [
        bytes([byte]) for byte in range(256)
    ]
    end_of_turn = inner.token_to_id("<end_of_turn>")
    assert read(end_of_turn) == b"<end_of_turn>"
    assert read(99999) == b""


def test_with_a_mark_for_spaces_and_bytes_by_name() -> None:
    words = ["<unk>", "\u2581Hello", "\u2581", "<0xF0>", "<0x9F>", "é"]
    inner = Tokenizer(
        models.BPE({word: place for place, word in enumerate(words)}, [], unk_token="<unk>")
    )
    inner.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    assert [reader_of(inner)(place) for place in range(1, 6)] == [
        b" Hello",
        b" ",
        b"\xf0",
        b"\x9f",
        "é".encode(),
    ]


@pytest.mark.parametrize(
    ("data", "shown"), [(b" a", " a"), ("🐶".encode(), "🐶"), (b"\xf0\x9f", "\\xf0\\x9f")]
)
def test_bytes_that_are_no_text_are_shown_as_bytes(data: bytes, shown: str) -> None:
    assert show(data) == shown
