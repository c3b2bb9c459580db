"""The load client: many streams over raw sockets, in one thread, on uvloop.

It shares the cores with what it measures. So it does little: httptools takes the framing off, and
msgspec reads of each event only what is counted. Each request opens a connection of its own,
because the peer closes them.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httptools
import uvloop

from benchmarks.sse import EventReader, read_chunk

T = TypeVar("T")

PATIENCE = 600.0
"""Seconds for one answer; on a loaded machine the peer may reload its base many times before."""


class LoadFailed(Exception):
    """An answer was an error, or did not come."""


@dataclass
class Answer:
    """One streamed answer. Times are seconds of `time.perf_counter`."""

    asked: float = 0.0
    first: float = 0.0  # the first text
    ended: float = 0.0
    latest: float = 0.0  # the text that came last
    largest_gap: float = 0.0  # seconds between two pieces of text
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    text: list[str] = field(default_factory=list)
    raw: bytes = b""  # the whole body, kept only when asked for

    @property
    def first_token(self) -> float:
        """Seconds to the first text."""
        return self.first - self.asked

    @property
    def seconds(self) -> float:
        """Seconds to the end."""
        return self.ended - self.asked


@dataclass
class Load:
    """Answers that were asked for together."""

    answers: list[Answer]

    @property
    def tokens(self) -> int:
        """Tokens of all answers, by the servers' own count."""
        return sum(answer.completion_tokens for answer in self.answers)

    @property
    def seconds(self) -> float:
        """From the first question to the last answer's end."""
        return max(a.ended for a in self.answers) - min(a.asked for a in self.answers)

    @property
    def tokens_per_second(self) -> float:
        """Throughput."""
        return self.tokens / self.seconds


class _Stream(asyncio.Protocol):
    """One request and its answer on one connection."""

    def __init__(self, request: bytes, *, keep: bool) -> None:
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._events = EventReader()
        self._keep: list[bytes] | None = [] if keep else None
        self._refusal = b""
        self._transport: asyncio.Transport | None = None
        self.answer = Answer()
        self.done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        self.answer.asked = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        # The peer's streams have no length: their end is the connection's.
        if self._parser.get_status_code() == 200:
            self.on_message_complete()
        else:
            self._fail(f"status {self._parser.get_status_code()}: {self._refusal.decode()} {exc}")

    # What httptools calls.

    def on_body(self, body: bytes) -> None:
        if self._parser.get_status_code() != 200:
            self._refusal += body
            return
        if self._keep is not None:
            self._keep.append(body)
        answer = self.answer
        for data in self._events.feed(body):
            chunk = read_chunk(data)
            if chunk.choices and (delta := chunk.choices[0].delta) and delta.content:
                now = time.perf_counter()
                answer.first = answer.first or now
                answer.largest_gap = max(answer.largest_gap, now - (answer.latest or now))
                answer.latest = now
                answer.text.append(delta.content)
            if chunk.usage is not None:
                answer.prompt_tokens = chunk.usage.prompt_tokens
                answer.completion_tokens = chunk.usage.completion_tokens
                if chunk.usage.prompt_tokens_details is not None:
                    answer.cached_tokens = chunk.usage.prompt_tokens_details.cached_tokens or 0
            if chunk.error is not None:
                self._fail(str(chunk.error))

    def on_message_complete(self) -> None:
        if self.done.done():
            return
        if self._parser.get_status_code() != 200:
            self._fail(f"status {self._parser.get_status_code()}: {self._refusal.decode()}")
            return
        if not self.answer.completion_tokens:
            self._fail("the stream ended without telling its tokens")
            return
        self.answer.ended = time.perf_counter()
        self.answer.first = self.answer.first or self.answer.ended
        self.answer.raw = b"".join(self._keep or ())
        self.done.set_result(self.answer)
        self._close()

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(LoadFailed(why))
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def ask(url: str, body: bytes, *, keep: bool = False) -> Answer:
    """Post a body to /v1/chat/completions and read the stream. Raises LoadFailed or OSError."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(
        lambda: _Stream(head.encode() + body, keep=keep), host, port
    )
    async with asyncio.timeout(PATIENCE):
        return await stream.done


async def ask_all(
    url: str, bodies: Sequence[bytes], *, at_once: int, keep: bool = False
) -> list[Answer]:
    """Every body's answer, in the order in which they ended; `at_once` are under way together."""
    waiting = list(reversed(bodies))
    answers: list[Answer] = []

    async def client() -> None:
        while waiting:
            answers.append(await ask(url, waiting.pop(), keep=keep))

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(bodies))):
            group.create_task(client())
    return answers


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do asynchronous work to its end. Raises what it raises, out of its group."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(work)
        except BaseExceptionGroup as group:
            raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
