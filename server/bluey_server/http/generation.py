"""From an engine's events to text: one asynchronous generator, with one end.

Closing it, at any moment, closes the engine's and so cancels the request.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from bluey_adapters.tokenizer import TextStream
from bluey_server.engine_protocol import (
    EngineProtocol,
    GeneratedTokens,
    GenerationAlive,
    GenerationBusy,
    GenerationEvent,
    GenerationFailed,
    GenerationFinished,
    GenerationStarted,
)
from bluey_server.http.errors import busy, engine_failure
from bluey_server.http.prompt import Prompt
from bluey_server.http.stop_matcher import StopMatcher


class TextPiece(msgspec.Struct, frozen=True):
    """Tokens have come, and with them text; it may be empty while a character is incomplete or
    what may become a stop string is held back."""

    text: str
    tokens: int


class Pulse(msgspec.Struct, frozen=True):
    """No token, but the engine is at it."""


class TextEnd(msgspec.Struct, frozen=True):
    """The answer is whole."""

    text: str  # what was still held back
    reason: str  # "stop" | "length"


TextEvent = TextPiece | Pulse | TextEnd


async def generate_text(
    engine: EngineProtocol, prompt: Prompt, *, silence: float
) -> AsyncGenerator[TextEvent, None]:
    """The answer to a prompt, ending in exactly one TextEnd.

    Raises ApiError when the engine is too busy or fails, or says nothing for `silence` seconds.
    """
    stream = TextStream(prompt.model.base.tokenizer)
    matcher = StopMatcher(prompt.stop)
    min_tokens = prompt.generation.min_tokens
    tokens = 0
    end: TextEnd | None = None
    async with aclosing(engine.submit(prompt.model.base, prompt.generation)) as events:
        while end is None:
            match await _next(events, silence):
                case GeneratedTokens(ids):
                    text = ""
                    for token in ids:
                        tokens += 1
                        text += matcher.push(stream.push(token), may_match=tokens >= min_tokens)
                        if matcher.matched:
                            end = TextEnd("", "stop")
                            break
                    yield TextPiece(text, tokens)
                case GenerationStarted() | GenerationAlive():
                    yield Pulse()
                case GenerationFinished(reason):
                    text = matcher.push(stream.finish())
                    end = (
                        TextEnd(text, "stop")
                        if matcher.matched
                        else TextEnd(text + matcher.finish(), reason)
                    )
                case GenerationBusy(retry_after):
                    raise busy(retry_after)
                case GenerationFailed(kind, message, retryable):
                    raise engine_failure(kind, message, retryable=retryable)
    yield end  # the engine is let go first: its slot may be wanted


async def _next(events: AsyncGenerator[GenerationEvent, None], silence: float) -> GenerationEvent:
    try:
        async with asyncio.timeout(silence):
            return await anext(events)
    except TimeoutError:
        kind, message = "silent", f"The engine gave no sign of life for {silence:g} seconds."
    except StopAsyncIteration:
        kind, message = "engine_died", "The engine ended without finishing the answer."
    return GenerationFailed(kind, message, retryable=True)
