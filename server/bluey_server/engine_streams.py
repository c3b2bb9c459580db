"""Those who wait for one engine's words, and which of its messages is for whom.

A request has a number for as long as it is in flight with this engine; what an engine says of a
number that is known no more was on its way when the request was cancelled, and is dropped.
"""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from bluey_server.engine_protocol import (
    EngineRequest,
    GeneratedTokens,
    GenerationAlive,
    GenerationEvent,
    GenerationFailed,
    GenerationFinished,
    GenerationStarted,
    ScoredTokens,
    ScoreRequest,
)
from bluey_server.messages import (
    Alive,
    Failed,
    Generate,
    Score,
    Scored,
    Started,
    Step,
    TokenLogprobs,
)

ForStreams = Started | Step | Scored | Failed | Alive
"""The messages of an engine that requests hear of."""


@dataclass
class Stream:
    """Somebody who waits for the events of a request."""

    number: int
    adapter: str | None
    events: asyncio.Queue[GenerationEvent] = field(default_factory=asyncio.Queue)
    sent: bool = False  # a process has been asked; from now on its death is this one's too
    started: bool = False


class EngineStreams:
    """All requests in flight with one engine."""

    def __init__(self, replica: str) -> None:
        """`replica` is the engine's name, as requests are told it."""
        self._replica = replica
        self._streams: dict[int, Stream] = {}
        self._numbers = itertools.count(1)

    def __bool__(self) -> bool:
        return bool(self._streams)

    def open(self, adapter: str | None) -> Stream:
        """A new request, by a number that no other had."""
        stream = Stream(next(self._numbers), adapter)
        self._streams[stream.number] = stream
        return stream

    def close(self, stream: Stream) -> None:
        """Nobody waits for it any more."""
        del self._streams[stream.number]

    def tell(self, message: ForStreams) -> None:
        """Hand on what the engine said."""
        match message:
            case Started(id=number, cached=cached):
                if (stream := self._streams.get(number)) is not None:
                    stream.started = True
                    self._put(number, GenerationStarted(self._replica, stream.adapter, cached))
            case Step():
                for number, event in _events(message):
                    self._put(number, event)
            case Scored(id=number, logprobs=logprobs, last=last):
                self._put(number, ScoredTokens(logprobs))
                if last:
                    self._put(number, GenerationFinished("scored"))
            case Failed(id=number, kind=kind, message=why, retryable=retryable):
                self._put(number, GenerationFailed(kind, why, retryable))
            case Alive():
                self.tell_alive()

    def tell_alive(self) -> None:
        """Tell everybody that their requests are being worked on."""
        for number in self._streams:
            self._put(number, GenerationAlive())

    def fail_sent(self, message: str, *, retryable: bool) -> None:
        """Tell those whom a process was working for; who waits for one goes on waiting."""
        for stream in self._streams.values():
            if stream.sent:
                stream.events.put_nowait(GenerationFailed("engine_died", message, retryable))

    def _put(self, number: int, event: GenerationEvent) -> None:
        if (stream := self._streams.get(number)) is not None:
            stream.events.put_nowait(event)


def engine_message(number: int, request: EngineRequest) -> Generate | Score:
    """A request as an engine process is told it."""
    if isinstance(request, ScoreRequest):
        return Score(
            id=number,
            prompt=request.prompt,
            adapter=request.adapter,
            logprobs=request.logprobs,
        )
    return Generate(
        id=number,
        prompt=request.prompt,
        checkpoints=request.checkpoints,
        adapter=request.adapter,
        max_tokens=request.max_tokens,
        min_tokens=request.min_tokens,
        end_ids=request.end_ids,
        sampling=request.sampling,
        logprobs=request.logprobs,
        grammar=request.grammar,
    )


def _events(step: Step) -> Iterator[tuple[int, GenerationEvent]]:
    """A step's tokens by request, then the ends."""
    tokens: dict[int, list[int]] = {}
    for number, token in step.tokens:
        tokens.setdefault(number, []).append(token)
    logprobs: dict[int, list[TokenLogprobs]] = {}
    for number, told in step.logprobs:
        logprobs.setdefault(number, []).append(told)
    for number, ids in tokens.items():
        yield number, GeneratedTokens(ids, logprobs.get(number))
    for number, reason in step.finished:
        yield number, GenerationFinished(reason)
