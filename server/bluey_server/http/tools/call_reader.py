"""Finding calls in an answer's text as it arrives."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from bluey_server.http.tools.call_parsers import parser
from bluey_server.http.tools.call_styles import JsonCalls, ParsedCalls


@dataclass(frozen=True)
class Begun:
    """A call to this function begins."""

    name: str


@dataclass(frozen=True)
class Arguments:
    """More of the latest call's arguments, in JSON."""

    text: str


Part = str | Begun | Arguments
"""What an answer is made of; a string is text for the reader."""


class CallReader(Protocol):
    """Takes an answer's text and tells its parts. What may become a mark is held back."""

    @property
    def in_text(self) -> bool:
        """Whether what comes next is text, as far as is known."""
        ...

    @property
    def in_call(self) -> bool:
        """Whether there is a call that isn't whole."""
        ...

    def push(self, text: str) -> list[Part]: ...
    def finish(self) -> list[Part]: ...


class JsonCallReader:
    """Reads calls in JSON between marks, and tells arguments as they come. The grammar sees to it
    that they are what they should be (grammar/calls.py)."""

    def __init__(self, style: JsonCalls) -> None:
        self._opening, *rest = style.begin
        self._begin = "".join(rest)
        self._middle = "".join(style.middle)
        self._end = "".join(style.end)
        self._again = self._end + "".join(style.again)
        self._held = ""
        self._step = self._text
        self._json = _Braces()

    @property
    def in_text(self) -> bool:
        return self._step == self._text

    @property
    def in_call(self) -> bool:
        return self._step in (self._head, self._arguments)

    def push(self, text: str) -> list[Part]:
        self._held += text
        parts: list[Part] = []
        while True:
            before = (self._step, len(self._held))
            parts += self._step()
            if (self._step, len(self._held)) == before:
                return parts

    def finish(self) -> list[Part]:
        held, self._held = self._held, ""
        return [held] if self._step == self._text and held else []

    def _text(self) -> Iterator[Part]:
        text, found, self._held = _until(self._held, self._opening)
        if found:
            self._step = self._head
        if text:
            yield text

    def _head(self) -> Iterator[Part]:
        """From a mark to the arguments."""
        name, found, _ = self._held.partition(self._middle)
        if found:
            self._held = self._held[len(name + found) :]
            self._json = _Braces()
            self._step = self._arguments
            yield Begun(name.removeprefix(self._begin))

    def _arguments(self) -> Iterator[Part]:
        length = self._json.push(self._held)
        text, self._held = self._held[:length], self._held[length:]
        if self._json.closed:
            self._step = self._after
        if text:
            yield Arguments(text)

    def _after(self) -> Iterator[Part]:
        """Between two calls, or after the last; there is no text."""
        if self._held.startswith(self._again):
            self._held = self._begin + self._held[len(self._again) :]
            self._step = self._head
        yield from ()


class ParsedCallReader:
    """Reads calls by mlx-lm's parsers, each when it is whole. What can't be read, or calls a
    function that there is none of, is text."""

    def __init__(self, style: ParsedCalls, tools: Sequence[dict[str, Any]]) -> None:
        """`tools` as templates see them."""
        self._style = style
        self._tools = tools
        self._names = {tool["function"]["name"] for tool in tools}
        self._held = ""
        self.in_call = False

    @property
    def in_text(self) -> bool:
        return not self.in_call

    def push(self, text: str) -> list[Part]:
        self._held += text
        parts: list[Part] = []
        while True:
            if not self.in_call:
                before, self.in_call, self._held = _until(self._held, self._style.opening)
                parts += [before] if before else []
            if not self.in_call or not self._style.closing:
                return parts
            inner, found, rest = self._held.partition(self._style.closing)
            if not found:
                return parts
            parts += self._read(inner, self._style.closing)
            self._held, self.in_call = rest, False

    def finish(self) -> list[Part]:
        held, self._held = self._held, ""
        if self.in_call:
            # Without its closing mark, it is whole only where the style has none.
            parts = self._read(held, "") if not self._style.closing else []
            self.in_call = not parts
            return parts
        return [held] if held else []

    def _read(self, inner: str, closing: str) -> list[Part]:
        try:
            read = parser(self._style.parser)(inner, self._tools)
            calls = read if isinstance(read, list) else [read]
            parts: list[Part] = []
            for call in calls:
                name, arguments = call["name"], call.get("arguments") or {}
                if name not in self._names:
                    raise KeyError(name)
                text = arguments if isinstance(arguments, str) else _dump(arguments)
                parts += [Begun(name), Arguments(text)]
        except Exception:  # the parsers raise what they come across
            return [f"{self._style.opening}{inner}{closing}"]
        return parts


class _Braces:
    """Follows a JSON object to its end."""

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = self._escaped = False
        self.closed = False

    def push(self, text: str) -> int:
        """How many characters of `text` belong to the object."""
        for place, character in enumerate(text):
            if self._escaped:
                self._escaped = False
            elif self._quoted:
                self._escaped = character == "\\"
                self._quoted = character != '"'
            elif character == '"':
                self._quoted = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth == 0:
                    self.closed = True
                    return place + 1
        return len(text)


def _until(text: str, mark: str) -> tuple[str, bool, str]:
    """Text before a mark, whether the mark is there, and what is left: what follows it, or what
    may yet become it."""
    before, found, after = text.partition(mark)
    if found:
        return before, True, after
    longest = min(len(mark) - 1, len(text))
    held = next((n for n in range(longest, 0, -1) if mark.startswith(text[-n:])), 0)
    return text[: len(text) - held], False, text[len(text) - held :]


def _dump(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except TypeError:
        return json.dumps(value, default=str)
