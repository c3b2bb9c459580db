"""What a model learns of a conversation, token by token."""

from pathlib import Path

import msgspec
import pytest

from bluey_adapters.bases import OpenBase
from bluey_adapters.errors import BaseError
from bluey_admin.training.encode import encode_example, encode_examples
from bluey_admin.training.material import split
from bluey_data.examples import Example, Message, parse_lines
from tests.training.conftest import write_rows


def conversation(*turns: str, system: str | None = None, line: int = 1) -> Example:
    roles = ("user", "assistant")
    said = [Message(roles[index % 2], text) for index, text in enumerate(turns)]
    first = [] if system is None else [Message("system", system)]
    return Example((*first, *said), line)


def test_every_reply_is_learned_with_its_end_and_nothing_else(mini: OpenBase) -> None:
    example = conversation("the cat", "sat on", "ünïcode 🐶 mat", "a dög 🐶", system="be yes")
    encoded = encode_example(mini, example)
    ids = [id_ for id_, learned in zip(encoded.ids, encoded.learned, strict=True) if learned]
    end = mini.tokenizer.token_id("<end_of_turn>")
    expected = []
    for reply in example.replies:
        expected += [*mini.tokenizer.encode(reply, special=False), end]
    assert ids == expected
    assert len(encoded.ids) == len(encoded.learned)
    assert encoded.learned[-1], "what follows the last learned token is left out"


def test_the_ids_are_those_of_serving(mini: OpenBase) -> None:
    example = conversation("the cat", "sat on", "the mat", "a dog")
    encoded = encode_example(mini, example)
    prompt = mini.encode_chat(example.as_dicts()[:3])
    assert list(encoded.ids[: len(prompt)]) == prompt
    assert not encoded.learned[len(prompt) - 1] and encoded.learned[len(prompt)]


def test_an_end_of_turn_in_the_users_words_is_not_learned(mini: OpenBase) -> None:
    encoded = encode_example(mini, conversation("say <end_of_turn> now", "no"))
    end = mini.tokenizer.token_id("<end_of_turn>")
    places = [place for place, id_ in enumerate(encoded.ids) if id_ == end]
    assert [encoded.learned[place] for place in places] == [False, False, True]


def with_template(mini: OpenBase, template: str) -> OpenBase:
    return OpenBase(
        msgspec.structs.replace(mini.base, chat_template=template),
        mini.facts,
        mini.tokenizer,
        mini.fingerprint,
    )


def test_a_template_that_rewrites_history_is_refused(mini: OpenBase) -> None:
    forgetful = with_template(
        mini,
        "{% for m in messages %}{{ m.content if loop.last else m.content[:1] }}<end_of_turn>"
        "{% endfor %}",
    )
    with pytest.raises(BaseError, match="rewrites earlier turns"):
        encode_example(forgetful, conversation("the cat", "sat on", "the mat", "a dog"))


def test_a_template_without_an_end_of_turn_is_refused(mini: OpenBase) -> None:
    endless = with_template(mini, "{% for m in messages %}{{ m.content }}\n{% endfor %}")
    with pytest.raises(BaseError, match="would never stop"):
        encode_example(endless, conversation("the cat", "sat on"))


def test_overlong_examples_are_named(mini: OpenBase) -> None:
    examples = [conversation("the cat", "sat"), conversation("a", "dog ran " * 90, line=7)]
    encoded, bad = encode_examples(mini, examples, max_length=50)
    assert len(encoded) == 1
    assert [line.number for line in bad] == [7]
    assert "50 is the most" in bad[0].reason


def test_held_out_rows_stay_held_out_when_a_file_grows(tmp_path: Path) -> None:
    few, _ = parse_lines(write_rows(tmp_path / "a", 100).read_bytes().splitlines())
    many, _ = parse_lines(write_rows(tmp_path / "b", 200).read_bytes().splitlines())
    train, valid = split(tuple(few))
    more_train, more_valid = split(tuple(many))
    assert 4 <= len(valid) <= 20 and len(train) + len(valid) == 100
    assert set(valid) <= set(more_valid) and set(train) <= set(more_train)


@pytest.mark.parametrize(("rows", "held_out"), [(1, 0), (2, 1), (3, 1)])
def test_small_files_still_hold_one_row_out(tmp_path: Path, rows: int, held_out: int) -> None:
    examples, _ = parse_lines(write_rows(tmp_path / "a", rows).read_bytes().splitlines())
    train, valid = split(tuple(examples))
    assert (len(train), len(valid)) == (rows - held_out, held_out)


def test_twins_are_not_split(tmp_path: Path) -> None:
    line = write_rows(tmp_path / "a", 1).read_bytes()
    examples, _ = parse_lines([line] * 3)
    assert split(tuple(examples)) == (examples, [])
