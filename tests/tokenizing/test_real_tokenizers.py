"""The tokenizers that people use: their tokens read back, their texts in parts, their bounds."""

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Inner

from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_adapters.text_stream import TextStream
from bluey_server.tokenizing.encoder import Encoder
from bluey_server.tokenizing.messages import Encode
from tests.clients.environments import node_modules_with
from tests.large import REAL_TOKENIZERS, write_large_base, write_real_base

WORDS = Path(__file__).read_text().split()
ODD = [
    "naïve café",
    "日本語のテキスト",
    "👩\u200d👩\u200d👧\u200d👦",
    "\n\n\t  ",
    "▁▁",
    "각",
    "<",
    ">",
]
PIECES = [*WORDS, *ODD]


@pytest.fixture(
    scope="module",
    params=[
        "byte-level",
        "gemma",
        *(pytest.param(name, marks=pytest.mark.slow) for name in REAL_TOKENIZERS),
    ],
)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenBase:
    folder = tmp_path_factory.mktemp("large") / request.param
    if request.param in REAL_TOKENIZERS:
        modules = node_modules_with("tokenizers")
        write_real_base(folder, modules, REAL_TOKENIZERS[request.param])
    else:
        write_large_base(folder, kind=request.param, vocabulary=20_000)
    return open_base(Base(name="large", source=f"path:{folder}"), "f" * 64)


def conversation(draw: random.Random, turns: int) -> list[dict[str, str]]:
    return [
        {
            "role": ("user", "assistant")[turn % 2],
            "content": " ".join(draw.choices(PIECES, k=draw.randint(1, 60))),
        }
        for turn in range(turns)
    ]


def test_every_token_is_what_the_tokenizer_makes_of_it(base: OpenBase) -> None:
    inner = Inner.from_file(str(base.facts.folder / "tokenizer.json"))
    vocabulary = base.vocabulary
    assert vocabulary.size == inner.get_vocab_size()
    for token in range(vocabulary.size):
        alone = inner.decode([token], skip_special_tokens=False)
        assert vocabulary.bytes_of(token).decode(errors="replace") == alone
        assert (token in vocabulary.special) == (inner.decode([token]) == "" != alone)


def test_streamed_text_is_the_text(base: OpenBase) -> None:
    draw = random.Random(1)
    for turn in conversation(draw, 40):
        ids = base.tokenizer.encode(turn["content"], special=False)
        stream = TextStream(base.vocabulary)
        text = "".join(map(stream.push, ids)) + stream.finish()
        assert text == base.tokenizer.decode(ids)


def test_a_growing_conversation_has_the_ids_of_the_whole(base: OpenBase) -> None:
    draw = random.Random(2)
    encoder = Encoder(base.tokenizer)
    messages = conversation(draw, 25)
    for turns in range(1, len(messages) + 1, 2):
        text = base.write_chat(messages[:turns])
        found = encoder.encode(Encode(id=1, text=text, special=False, borders=[len(text) // 2]))
        ids, spans = base.tokenizer.encode_with_offsets(text)
        assert found.ids == ids
        (before,) = found.borders
        assert all(end <= len(text) // 2 for _, end in spans[:before])


def test_no_text_has_fewer_tokens_than_its_length_says(base: OpenBase) -> None:
    draw = random.Random(3)
    assert base.vocabulary.longest is not None
    ids = [draw.randrange(base.vocabulary.size) for _ in range(2000)]
    texts = [base.vocabulary.bytes_of(token).decode(errors="ignore") * 50 for token in ids]
    longest = sorted(range(base.vocabulary.size), key=lambda id: len(base.vocabulary.bytes_of(id)))
    texts += [base.vocabulary.bytes_of(id).decode(errors="ignore") * 50 for id in longest[-50:]]
    texts += [" " * 5000, "\n" * 5000, "e\u0301" * 3000, "\u1100\u1161\u11a8" * 2000]
    for text in texts:
        least = base.vocabulary.least_tokens(text)
        assert least <= len(base.tokenizer.encode(text, special=False))
