"""Server-sent events of chat completions, read as cheaply as Python allows."""

from collections.abc import Iterator
from typing import Any

import msgspec


class Delta(msgspec.Struct):
    """What is new in a choice."""

    content: str | None = None


class Choice(msgspec.Struct):
    """Of it, only what is measured."""

    delta: Delta | None = None


class CachedTokens(msgspec.Struct):
    """Where a server tells of its prefix cache."""

    cached_tokens: int | None = 0


class Usage(msgspec.Struct):
    """Tokens by the server's count."""

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: CachedTokens | None = None


class Chunk(msgspec.Struct):
    """One event; an error has none of these but its own."""

    choices: list[Choice] = []
    usage: Usage | None = None
    error: Any = None


_chunk = msgspec.json.Decoder(Chunk)


def read_chunk(data: bytes) -> Chunk:
    """The part of an event that counts. Raises msgspec.MsgspecError."""
    return _chunk.decode(data)


class EventReader:
    """Bytes as they come, in pieces of any size, to the data of whole events.

    Both servers write LF and one `data:` line an event; comments (heartbeats) are passed over.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The events that `data` completes, the last one's `[DONE]` left out."""
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for event in whole:
            if event.startswith(b"data: ") and event != b"data: [DONE]":
                yield event[6:]
