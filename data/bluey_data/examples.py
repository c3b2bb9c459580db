"""Reading training examples: three formats, one JSON object a line, every bad line named.

    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
    {"prompt": "…", "completion": "…"}
    {"instruction": "…", "response": "…"}

The whole file is checked before anybody trains on it: a bad row met in step 300 would cost the
first 299. Blank lines are passed over.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluey_data.errors import BadLine, DataError

ROLES = ("system", "user", "assistant")

_PAIRS = (("prompt", "completion"), ("instruction", "response"))


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True)
class Example:
    """A conversation to learn from; it ends with the assistant's turn."""

    messages: tuple[Message, ...]
    line: int  # where it stands in its file, counted from 1

    @property
    def replies(self) -> list[str]:
        """What the assistant says, turn by turn."""
        return [message.content for message in self.messages if message.role == "assistant"]

    def as_dicts(self) -> list[dict[str, str]]:
        """The messages as chat templates take them."""
        return [{"role": message.role, "content": message.content} for message in self.messages]


@dataclass(frozen=True)
class Dataset:
    """A checked data file."""

    path: Path
    examples: tuple[Example, ...]
    digest: str  # sha256 of the file's bytes, hex


def read_dataset(path: Path) -> Dataset:
    """Read and check a JSON Lines file.

    Raises DataError when there is no such file, when it holds no example, or with the number and
    the reason of every bad line.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no data file at {path}") from None
    except OSError as error:
        raise DataError(f"the data file {path} can't be read: {error.strerror}") from None
    examples, bad = parse_lines(raw.split(b"\n"))
    if bad:
        noun = "line" if len(bad) == 1 else "lines"
        raise DataError(f"{path}: {len(bad)} {noun} can't be used", tuple(bad))
    if not examples:
        raise DataError(f"{path} holds no examples")
    return Dataset(path, tuple(examples), hashlib.sha256(raw).hexdigest())


def parse_lines(lines: Iterable[bytes]) -> tuple[list[Example], list[BadLine]]:
    """All examples, and all lines that are none, in the order of the file."""
    examples: list[Example] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            examples.append(Example(_parse(line), number))
        except _Reason as reason:
            bad.append(BadLine(number, str(reason)))
    return examples, bad


class _Reason(Exception):
    pass


def _parse(line: bytes) -> tuple[Message, ...]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _Reason(f"not UTF-8 (byte {error.start + 1})") from None
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        detail = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise _Reason(f"not JSON: {detail}{where}") from None
    if not isinstance(row, dict):
        raise _Reason(f"a JSON object was expected, not {_kind(row)}")
    if "messages" in row:
        return _conversation(row["messages"])
    for user, assistant in _PAIRS:
        if user in row or assistant in row:
            return (
                Message("user", _text(row.get(user), f"'{user}'")),
                Message("assistant", _text(row.get(assistant), f"'{assistant}'")),
            )
    raise _Reason(
        "none of the keys 'messages', 'prompt' and 'completion', 'instruction' and 'response'"
    )


def _conversation(messages: Any) -> tuple[Message, ...]:
    if not isinstance(messages, list) or not messages:
        raise _Reason("'messages' must be a list with at least one message")
    turns: list[Message] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise _Reason(f"{where} must be an object, not {_kind(message)}")
        role = message.get("role")
        if role not in ROLES:
            raise _Reason(f"{where}: role {role!r} is none of {', '.join(ROLES)}")
        turns.append(Message(role, _text(message.get("content"), f"{where}: content")))
    if turns[-1].role != "assistant":
        raise _Reason(f"the last message must be the assistant's, not the {turns[-1].role}'s")
    spoken = [turn.role for turn in turns if turn.role != "system"]
    expected = ["user", "assistant"] * (len(spoken) // 2)
    if spoken != expected:
        raise _Reason("user and assistant must take turns, the user first")
    if any(turn.role == "system" for turn in turns[1:]):
        raise _Reason("a system message may only come first")
    return tuple(turns)


def _text(value: Any, what: str) -> str:
    if value is None:
        raise _Reason(f"{what} is missing")
    if not isinstance(value, str):
        raise _Reason(f"{what} must be a string, not {_kind(value)}")
    if not value.strip():
        raise _Reason(f"{what} is empty")
    return value


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    return kinds.get(type(value), "a number")
