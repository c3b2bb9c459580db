"""Answering a chat completion, streamed or whole: prepare, generate, write."""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from litestar.types import Receive, Scope, Send

from bluey_server.http.chat_answer import ChatAnswer
from bluey_server.http.chat_request import ChatRequest
from bluey_server.http.connection import while_connected
from bluey_server.http.errors import EngineFailure, HungUp, as_api_error
from bluey_server.http.exchange import Exchange, exchange_of
from bluey_server.http.generation import (
    Limits,
    Pulse,
    TextEnd,
    TextEvent,
    TextPiece,
    TextStarted,
    generate_text,
)
from bluey_server.http.prompt import prepare_prompt
from bluey_server.http.service import Service
from bluey_server.http.stream_writer import StreamWriter

log = logging.getLogger(__name__)


class ChatReply:
    """An ASGI application that answers one request, as long as its client is there."""

    def __init__(self, service: Service, request: ChatRequest) -> None:
        self._service = service
        self._request = request

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
                raise

    async def _answer(self, exchange: Exchange, send: Send) -> None:
        model = await self._service.names.resolve(self._request.model)
        exchange.digest, exchange.model_exists = model.digest, True
        prompt = await prepare_prompt(self._request, model, exchange.id)
        exchange.prompt_tokens = len(prompt.generation.prompt)
        answer = ChatAnswer(self._request, prompt)
        events = generate_text(self._service.engine, prompt, self._limits(exchange))
        async with aclosing(events):
            if self._request.stream:
                await self._stream(events, answer, exchange, StreamWriter(send))
            else:
                await self._whole(events, answer, exchange, send)

    def _limits(self, exchange: Exchange) -> Limits:
        timings, now = self._service.timings, asyncio.get_running_loop().time()
        arrived = now - exchange.seconds
        finish_by = arrived + timings.request if timings.request else math.inf
        return Limits(timings.silence, start_by=now + timings.queue, finish_by=finish_by)

    async def _whole(
        self,
        events: AsyncGenerator[TextEvent, None],
        answer: ChatAnswer,
        exchange: Exchange,
        send: Send,
    ) -> None:
        text = ""
        async for event in events:
            match event:
                case TextStarted(cached_tokens):
                    exchange.begin(cached_tokens)
                    answer.cached_tokens = cached_tokens
                case TextPiece(piece, tokens):
                    text += piece
                    exchange.count(tokens)
                case TextEnd(piece, reason):
                    body = answer.whole(text + piece, reason, exchange.completion_tokens or 0)
                    exchange.outcome = reason
                    await _send_json(send, body)

    async def _stream(
        self,
        events: AsyncGenerator[TextEvent, None],
        answer: ChatAnswer,
        exchange: Exchange,
        writer: StreamWriter,
    ) -> None:
        timings = self._service.timings
        try:
            async for event in events:
                if not writer.opened and (
                    not isinstance(event, Pulse | TextStarted)
                    or writer.quiet_for >= timings.patience
                ):
                    await writer.open(answer.opening())
                match event:
                    case TextStarted(cached_tokens):
                        exchange.begin(cached_tokens)
                        answer.cached_tokens = cached_tokens
                    case TextPiece(text, tokens):
                        exchange.count(tokens)
                        if text:
                            await writer.write(answer.piece(text))
                    case TextEnd(text, reason):
                        last = [answer.piece(text)] if text else []
                        last.append(answer.closing(reason))
                        if self._request.include_usage:
                            last.append(answer.usage(exchange.completion_tokens or 0))
                        exchange.outcome = reason
                        await writer.done(*last)
                        return
                if writer.opened and writer.quiet_for >= timings.keepalive:
                    await writer.keep_alive()
        except Exception as error:
            if not writer.opened:
                raise
            exchange.outcome = f"failed:{getattr(error, 'kind', 'server')}"
            if not isinstance(error, EngineFailure):
                log.exception("request %s failed in the middle of its stream", exchange.id)
            await writer.fail(as_api_error(error).body())


async def _send_json(send: Send, payload: msgspec.Struct) -> None:
    body = msgspec.json.encode(payload)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
