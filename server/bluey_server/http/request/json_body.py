"""A request's body, from bytes to a JSON object, without holding the interpreter's lock for long.

One call of a decoder holds the lock from its beginning to its end, on whatever thread: nobody else
is served meanwhile. Two things make such a call long, many values and long strings. How many values
there may be is limited, and counted before they are made; strings that are long are decoded apart,
in slices.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

from bluey_server.http.errors import ApiError, BadRequest

MOST_CONTAINERS = 50_000
MOST_KEYS = 100_000
MOST_VALUES = 1_000_000
MOST_LEVELS = 200
"""What a body may hold: as many decode within 0.1 s, garbage collection included. Conversations of
40,000 messages remain within, and a million token ids."""

_SMALL = 64 * 2**10
"""Bytes; a body of so few can't hold enough of anything to be worth a look."""

_SLICE = 256 * 2**10
_ESCAPE = 6  # bytes: \uXXXX


def decode_body(body: bytes) -> dict[str, Any]:
    """The JSON object that a request carries. Raises BadRequest, and ApiError for a body that holds
    too much. Takes up to seconds, during which other threads run."""
    try:
        given = _decode(body) if len(body) <= _SMALL else _decode_large(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRequest(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
            "using your HTTP library correctly. The API expects a JSON payload.)",
            code=None,
            param=None,
        ) from None
    if not isinstance(given, dict):
        raise BadRequest("Invalid body: expected a JSON object.", code="invalid_type", param=None)
    if body.count(b"[") + body.count(b"{") > MOST_LEVELS:
        _check_levels(given)
    return given


def _decode(text: bytes) -> Any:
    return msgspec.json.decode(text)


def _decode_large(body: bytes) -> Any:
    rest, long_strings = _without_long_strings(body)
    given = _decode(rest)
    return _with_long_strings(given, long_strings) if long_strings else given


def _without_long_strings(body: bytes) -> tuple[bytes, dict[str, str]]:
    """The body with a short stand-in for each string that is longer than a slice, and what each
    stands for. Raises ApiError as soon as too much was found outside of strings."""
    mark, found = secrets.token_hex(16), dict[str, str]()
    count = _Count()
    kept: list[bytes] = []
    beginning = b""  # of a string that is open where a slice ends
    pieces: list[str] | None = None  # of a string that is known to be long
    quoted = False
    for piece in _slices(body):
        # With escapes blanked out, each quotation mark begins or ends a string.
        plain = piece.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
        parts = plain.split(b'"')
        count.add(parts[int(quoted) :: 2])
        start = 0
        if quoted and len(parts) == 1:
            if pieces is None:
                pieces = [_text(beginning)]
            pieces.append(_text(piece))
            continue
        if quoted:
            start = len(parts[0])
            if pieces is None:
                kept.append(beginning + piece[:start])
            else:
                pieces.append(_text(piece[:start]))
                name = f"{mark}{len(found):08}"
                found[name] = "".join(pieces)
                kept.append(name.encode())
                pieces = None
        quoted ^= len(parts) % 2 == 0
        end = len(piece) - len(parts[-1]) if quoted else len(piece)
        kept.append(piece[start:end])
        beginning = piece[end:]
    if quoted:
        raise msgspec.DecodeError("the body ends within a string")
    return b"".join(kept), found


def _slices(body: bytes) -> Iterator[bytes]:
    """The body in pieces that end neither within a character nor within an escape."""
    start = 0
    while start < len(body):
        end = min(start + _SLICE, len(body))
        if end < len(body):
            end = _before_escape(body, start, end)
            while body[end] & 0xC0 == 0x80 and end > start + 1:  # the middle of a character
                end -= 1
        yield body[start:end]
        start = end


def _before_escape(body: bytes, start: int, end: int) -> int:
    """`end`, or the beginning of the escape that may reach across it."""
    # Two escapes may be one character: a first half is left to the next slice as well.
    tail = body[start:end].replace(b"\\\\", b"  ")
    place = tail.rfind(b"\\", len(tail) - _ESCAPE)
    if place < 0:
        return end
    before = tail[place - _ESCAPE : place].lower()
    if before[:3] == b"\\ud" and before[3:4] in (b"8", b"9", b"a", b"b"):
        place -= _ESCAPE
    return start + place if place > 0 else end


def _text(piece: bytes) -> str:
    return msgspec.json.decode(b'"' + piece + b'"', type=str)


class _Count:
    """Of what is outside of strings."""

    def __init__(self) -> None:
        self._containers = self._keys = self._values = 0

    def add(self, parts: list[bytes]) -> None:
        """More of it. Raises ApiError when it is too much."""
        text = b" ".join(parts)
        self._containers += text.count(b"[") + text.count(b"{")
        self._keys += text.count(b":")
        self._values += text.count(b",")
        for count, most, what in (
            (self._containers, MOST_CONTAINERS, "arrays and objects"),
            (self._keys, MOST_KEYS, "keys"),
            (self._values, MOST_VALUES, "values"),
        ):
            if count > most:
                raise ApiError(
                    413,
                    f"The request's body holds more than {most:,} {what}. Ask for less at once.",
                    code="request_too_large",
                )


def _with_long_strings(given: Any, long_strings: dict[str, str]) -> Any:
    """What was decoded, each stand-in replaced, in place."""
    if isinstance(given, str):
        return long_strings.get(given, given)
    length = len(next(iter(long_strings)))

    def real(value: Any) -> Any:
        if isinstance(value, str) and len(value) == length:
            return long_strings.get(value, value)
        return value

    for container in _containers(given):
        if isinstance(container, list):
            container[:] = map(real, container)
        else:
            entries = [(real(key), real(value)) for key, value in container.items()]
            container.clear()
            container.update(entries)
    return given


def _containers(given: Any) -> Iterator[Any]:
    """All arrays and objects in a value; each may be changed while it is looked at."""
    left = [given] if isinstance(given, list | dict) else []
    while left:
        container = left.pop()
        yield container
        values = container if isinstance(container, list) else container.values()
        left += [value for value in values if isinstance(value, list | dict)]


def _check_levels(given: dict[str, Any]) -> None:
    """Raise BadRequest for nesting that would end in a RecursionError somewhere."""
    for name, value in given.items():
        level = [value]
        for _ in range(MOST_LEVELS):
            level = [
                inner
                for outer in level
                if isinstance(outer, list | dict)
                for inner in (outer if isinstance(outer, list) else outer.values())
            ]
        if level:
            raise BadRequest(
                f"Invalid '{name[:100]}': it is nested more than {MOST_LEVELS} levels deep.",
                code="invalid_value",
                param=name[:100],
            )
