"""Answering a request for text, streamed or whole: prepare, generate, write.

What is asked and how it is written down differs between endpoints: that is their Form. Everything
else is here: the client that may hang up, the deadlines, the failures, the figures.
"""

import asyncio
import functools
import logging
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

import msgspec
from litestar.types import Receive, Scope, Send

from bluey_server.http.answer import sse
from bluey_server.http.answer.deadlines import Limits
from bluey_server.http.answer.generation import generate_text
from bluey_server.http.answer.off_loop import LARGE, MANY, off_loop
from bluey_server.http.answer.side_by_side import side_by_side
from bluey_server.http.answer.stream_writer import StreamWriter
from bluey_server.http.answer.text_events import (
    CallArguments,
    CallBegun,
    Pulse,
    TextEnd,
    TextEvent,
    TextPiece,
    TextStarted,
)
from bluey_server.http.answer.told_tokens import ToldToken
from bluey_server.http.answer.whole_writer import WholeWriter
from bluey_server.http.connection import while_connected
from bluey_server.http.errors import ApiError, EngineFailure, HungUp, as_api_error
from bluey_server.http.exchange import Exchange, exchange_of
from bluey_server.http.names import Model
from bluey_server.http.request.prompt import Prompt
from bluey_server.http.request.text_request import TextRequest
from bluey_server.http.service import Service

log = logging.getLogger(__name__)


@dataclass
class Call:
    """A function that the model calls."""

    id: str
    name: str
    arguments: str = ""  # in JSON


@dataclass
class Collected:
    """All of one answer."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    told: list[ToldToken] = field(default_factory=list)
    reason: str = ""

    def add(self, event: TextEvent) -> None:
        """What an event tells of it."""
        match event:
            case TextPiece(text=text, told=told) | TextEnd(text=text, told=told):
                self.text += text
                self.told += told
                if isinstance(event, TextEnd):
                    self.reason = event.reason
            case CallBegun(id=id, name=name):
                self.calls.append(Call(id, name))
            case CallArguments(text=text):
                self.calls[-1].arguments += text


class Answer(Protocol):
    """Writes answers down. `piece`, `call` and `closing` take the index of the choice; `whole` and
    `last` may have something to do before the client is told that all is well."""

    mark: bytes = sse.DONE  # what a stream that went well ends with

    async def whole(
        self, answers: Sequence[Collected], completion_tokens: int, cached_tokens: int
    ) -> msgspec.Struct: ...
    def opening(self) -> list[msgspec.Struct]: ...
    def piece(self, index: int, text: str, told: Sequence[ToldToken]) -> list[msgspec.Struct]: ...
    def call(self, index: int, event: CallBegun | CallArguments) -> list[msgspec.Struct]: ...
    def closing(self, index: int, finish_reason: str) -> list[msgspec.Struct]: ...
    async def last(self, completion_tokens: int, cached_tokens: int) -> list[msgspec.Struct]: ...

    def pulse(self) -> list[msgspec.Struct]:
        """Events for when there is nothing to tell; without any, a comment is sent."""
        return []

    def failure(self, error: ApiError) -> msgspec.Struct:
        """The event for a failure in the middle of a stream."""
        return error.envelope()


Choice = TypeVar("Choice", bound=msgspec.Struct)


async def written(
    write: Callable[[int, Collected], Choice], answers: Sequence[Collected]
) -> tuple[Choice, ...]:
    """The choices of a whole answer, each by `write`. Where many tokens are told of, each is
    encoded by itself, in a thread: all at once would hold the interpreter's lock for long."""

    def encoded() -> tuple[Choice, ...]:
        choices = (write(index, one) for index, one in enumerate(answers))
        return tuple(cast(Choice, msgspec.Raw(msgspec.json.encode(one))) for one in choices)

    if sum(len(one.told) for one in answers) > MANY:
        return await asyncio.to_thread(encoded)
    return tuple(write(index, one) for index, one in enumerate(answers))


class Form(Protocol):
    """One endpoint's way of asking and answering."""

    @property
    def request(self) -> TextRequest: ...
    @property
    def params(self) -> Mapping[str, str]:
        """What fields are called here that chat completions call otherwise."""
        ...

    async def prompts(self, model: Model, request_id: str) -> list[Prompt]: ...
    def answer(self, model: Model, prompt_tokens: int) -> Answer: ...


class Reply:
    """An ASGI application that answers one request, as long as its client is there."""

    def __init__(self, service: Service, form: Form) -> None:
        self._service = service
        self._form = form
        self._request = form.request
        self._tokens: list[int] = []  # of each answer so far
        self._begun: set[int] = set()  # prompts that have left the queue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Errors found before the first byte are raised, for the table of errors to answer."""
        exchange = exchange_of(scope)
        exchange.model = self._request.model
        exchange.ignored = self._request.ignored
        with self._service.answering(exchange):
            try:
                await while_connected(receive, self._answer(exchange, send))
            except HungUp:
                exchange.outcome = exchange.outcome or "cancelled"
            except EngineFailure as failure:
                exchange.outcome = f"failed:{failure.kind}"
                raise self._named(failure) from None

    async def _answer(self, exchange: Exchange, send: Send) -> None:
        model = await self._service.names.resolve(self._request.model)
        exchange.digest, exchange.model_exists = model.digest, True
        prompts = await self._service.bodies.take_turn(
            exchange.body_bytes, self._form.prompts(model, exchange.id)
        )
        exchange.prompt_tokens = sum(len(prompt.generation.prompt) for prompt in prompts)
        answer = self._form.answer(model, exchange.prompt_tokens)
        asked = [one for prompt in prompts for one in prompt.answers(self._request.n)]
        self._tokens = [0] * len(asked)
        starts = [functools.partial(self._generate, prompt, exchange) for prompt in asked]
        async with aclosing(side_by_side(starts, n=self._request.n)) as events:
            if self._request.stream:
                await self._stream(events, answer, exchange, StreamWriter(send))
            else:
                await self._whole(events, answer, exchange, send)

    def _generate(self, prompt: Prompt, exchange: Exchange) -> AsyncGenerator[TextEvent, None]:
        # The queue's deadline is of the moment at which an answer is asked for.
        return generate_text(self._service.engine, prompt, self._limits(exchange))

    def _limits(self, exchange: Exchange) -> Limits:
        timings, now = self._service.timings, asyncio.get_running_loop().time()
        arrived = now - exchange.seconds
        finish_by = arrived + timings.request if timings.request else math.inf
        return Limits(timings.silence, start_by=now + timings.queue, finish_by=finish_by)

    async def _whole(
        self,
        events: AsyncGenerator[tuple[int, TextEvent], None],
        answer: Answer,
        exchange: Exchange,
        send: Send,
    ) -> None:
        answers = [Collected() for _ in self._tokens]
        writer = WholeWriter(send, self._service.timings.headers)
        try:
            async for index, event in events:
                self._note(index, event, exchange)
                answers[index].add(event)
                await writer.wait()
            whole = await answer.whole(answers, *_figures(exchange))
            exchange.outcome = _outcome([one.reason for one in answers])
            written = exchange.body_bytes + sum(len(one.text) for one in answers)
            told = sum(len(one.told) for one in answers)
            await writer.done(whole, much=written > LARGE or told > MANY)
        except Exception as error:
            if not writer.opened:
                raise
            self._failed_midway(error, exchange)

    async def _stream(
        self,
        events: AsyncGenerator[tuple[int, TextEvent], None],
        answer: Answer,
        exchange: Exchange,
        writer: StreamWriter,
    ) -> None:
        timings = self._service.timings
        reasons: list[str] = []
        large = exchange.body_bytes > LARGE  # and a response gives much of it back
        try:
            async for index, event in events:
                if not writer.opened and (
                    not isinstance(event, Pulse | TextStarted)
                    or writer.quiet_for >= timings.patience
                ):
                    await writer.open(*answer.opening(), much=large)
                self._note(index, event, exchange)
                match event:
                    case TextPiece(text, _, told):
                        much = len(told) > MANY
                        payloads = await off_loop(
                            functools.partial(answer.piece, index, text, told), much=much
                        )
                        if payloads:
                            await writer.write(*payloads, much=much)
                    case CallBegun() | CallArguments():
                        await writer.write(*answer.call(index, event))
                    case TextEnd(text, reason, told):
                        payloads = answer.piece(index, text, told) + answer.closing(index, reason)
                        await writer.write(*payloads)
                        reasons.append(reason)
                        if len(reasons) == len(self._tokens):
                            payloads = await answer.last(*_figures(exchange))
                            exchange.outcome = _outcome(reasons)
                            await writer.done(*payloads, mark=answer.mark, much=large)
                            return
                if writer.opened and writer.quiet_for >= timings.keepalive:
                    await writer.keep_alive(*answer.pulse())
        except Exception as error:
            if not writer.opened:
                raise
            self._failed_midway(error, exchange)
            await writer.fail(answer.failure(as_api_error(self._named(error))))

    def _note(self, index: int, event: TextEvent, exchange: Exchange) -> None:
        """Count what an event tells for the request's figures."""
        prompt = index // self._request.n
        match event:
            case TextStarted(cached_tokens) if prompt not in self._begun:
                # The first word of a prompt tells what was computed for others; later ones find
                # what this request itself has computed.
                exchange.begin(cached_tokens)
                self._begun.add(prompt)
            case TextPiece(tokens=tokens) if tokens:
                new, self._tokens[index] = tokens - self._tokens[index], tokens
                exchange.count((exchange.completion_tokens or 0) + new)

    def _failed_midway(self, error: Exception, exchange: Exchange) -> None:
        """Note a failure that no status can tell of any more."""
        exchange.outcome = f"failed:{getattr(error, 'kind', 'server')}"
        if not isinstance(error, EngineFailure):
            log.exception("request %s failed in the middle of its answer", exchange.id)

    def _named(self, error: Exception) -> Exception:
        """An error that speaks of the request's input, by the name that the input has here."""
        if isinstance(error, EngineFailure) and error.param is not None:
            error.param = self._form.params.get(error.param, error.param)
        return error


def _figures(exchange: Exchange) -> tuple[int, int]:
    """Tokens of all answers, and how many of the prompts' the prefix cache had."""
    return exchange.completion_tokens or 0, exchange.cached_tokens or 0


def _outcome(reasons: Sequence[str]) -> str:
    return next((one for one in ("length", "tool_calls") if one in reasons), "stop")
