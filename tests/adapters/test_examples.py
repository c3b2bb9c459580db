"""Training data: what is read, and every way in which a line can be bad."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluey_data.catalog import find_training_data, packaged_datasets
from bluey_data.errors import DataError
from bluey_data.examples import Message, parse_lines, read_dataset

U = {"role": "user", "content": "hi"}
A = {"role": "assistant", "content": "hello"}
S = {"role": "system", "content": "be kind"}


@pytest.mark.parametrize(
    ("row", "count"),
    [
        ({"messages": [U, A]}, 2),
        ({"messages": [S, U, A, U, A], "more": 1}, 5),
        ({"prompt": "hi", "completion": "hello"}, 2),
        ({"instruction": "hi", "response": "hello"}, 2),
    ],
)
def test_three_formats(row: dict[str, object], count: int) -> None:
    [example], bad = parse_lines([json.dumps(row).encode()])
    assert bad == []
    assert len(example.messages) == count
    assert example.messages[-1] == Message("assistant", "hello")
    assert example.replies[0] == "hello"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"prompt": "\xff"}', "not UTF-8 (byte 13)"),
        (b"[]", "a JSON object was expected, not a list"),
        (b"null", "not null"),
        (b"true", "not a boolean"),
        (b"3", "not a number"),
        (b"{}", "none of the keys"),
        (b'{"prompt": "hi"}', "'completion' is missing"),
        (b'{"completion": "hi"}', "'prompt' is missing"),
        (b'{"instruction": "hi", "response": 3}', "'response' must be a string, not a number"),
        (b'{"prompt": "hi", "completion": " "}', "'completion' is empty"),
        (b'{"messages": []}', "at least one message"),
        (b'{"messages": "hi"}', "must be a list"),
        (b'{"messages": ["hi"]}', "messages[0] must be an object, not a string"),
        (b'{"messages": [{"role": "tool", "content": "x"}]}', "role 'tool' is none of"),
        (b'{"messages": [{"role": "user", "content": null}]}', "content is missing"),
        (json.dumps({"messages": [U]}).encode(), "must be the assistant's, not the user's"),
        (json.dumps({"messages": [A]}).encode(), "take turns, the user first"),
        (json.dumps({"messages": [U, U, A]}).encode(), "take turns"),
        (json.dumps({"messages": [U, S, A]}).encode(), "only come first"),
        (json.dumps({"messages": [S, A]}).encode(), "take turns"),
    ],
)
def test_bad_lines_are_told_with_the_reason(line: bytes, reason: str) -> None:
    examples, [bad] = parse_lines([b"", line])
    assert examples == []
    assert bad.number == 2
    assert reason in bad.reason
    assert "\n" not in str(bad)


def test_every_bad_line_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "some data.jsonl"
    good = json.dumps({"messages": [U, A]})
    path.write_text("\n".join([good, "{", "", "[]", good, '{"prompt": 1}']))
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert [line.number for line in caught.value.bad_lines] == [2, 4, 6]
    assert str(caught.value).splitlines()[0] == f"{path}: 3 lines can't be used"


def test_files_that_hold_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n \n")
    with pytest.raises(DataError, match="holds no examples"):
        read_dataset(empty)
    with pytest.raises(DataError, match="there is no data file"):
        read_dataset(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="can't be read"):
        read_dataset(tmp_path)
    with pytest.raises(DataError, match=r"no data set of that name \(bluey, captain\)"):
        find_training_data("nothing")


def test_marks_of_other_systems_are_no_errors(tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"messages": [U, A]}).encode() + b"\r\n")
    assert len(read_dataset(path).examples) == 1


@given(st.lists(st.binary()))
def test_no_bytes_whatever_make_it_raise(lines: list[bytes]) -> None:
    examples, bad = parse_lines(lines)
    assert len(examples) + len(bad) == sum(bool(line.strip()) for line in lines)


@pytest.mark.parametrize(("name", "train", "valid"), [("bluey", 111, 20), ("captain", 60, 12)])
def test_the_data_sets_that_come_with_bluey(name: str, train: int, valid: int) -> None:
    packaged = packaged_datasets()[name]
    assert len(read_dataset(packaged.train).examples) == train
    assert len(read_dataset(packaged.valid).examples) == valid
    assert find_training_data(name) == (packaged.train, packaged.valid)
    lines = (packaged.folder / "contrast.jsonl", packaged.train)
    plain, voice = ([e.messages for e in read_dataset(path).examples] for path in lines)
    for one, other in zip(plain, voice, strict=True):
        assert [m.content for m in one if m.role == "user"] == [
            m.content for m in other if m.role == "user"
        ]
