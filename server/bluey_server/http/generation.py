"""From an engine's events to text: one asynchronous generator, with one end.

Closing it, at any moment, closes the engine's and so cancels the request. That is also how a
deadline ends one: its row is free within a step.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Limits:
    """How long to wait for an answer. Seconds, of the event loop's clock where it is a time."""

    silence: float  # between two events
    start_by: float
    finish_by: float


class TextStarted(msgspec.Struct, frozen=True):
    """The request has left the queue."""

    cached_tokens: int  # of the prompt: computed for others before


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


TextEvent = TextStarted | TextPiece | Pulse | TextEnd


async def generate_text(
    engine: EngineProtocol, prompt: Prompt, limits: Limits
) -> AsyncGenerator[TextEvent, None]:
    """The answer to a prompt, ending in exactly one TextEnd.

    Raises EngineFailure when the engine is too busy or fails, or says nothing for too long, or
    when a deadline has passed.
    """
    stream = TextStream(prompt.model.base.tokenizer)
    matcher = StopMatcher(prompt.stop)
    min_tokens = prompt.generation.min_tokens
    tokens = 0
    started = False
    end: TextEnd | None = None
    async with aclosing(engine.submit(prompt.model.base, prompt.generation)) as events:
        while end is None:
            match await _next(events, limits, started=started):
                case GeneratedTokens(ids):
                    text = ""
                    for token in ids:
                        tokens += 1
                        text += matcher.push(stream.push(token), may_match=tokens >= min_tokens)
                        if matcher.matched:
                            end = TextEnd("", "stop")
                            break
                    yield TextPiece(text, tokens)
                case GenerationStarted(cached_tokens=cached_tokens):
                    started = True
                    yield TextStarted(cached_tokens)
                case GenerationAlive():
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


async def _next(
    events: AsyncGenerator[GenerationEvent, None], limits: Limits, *, started: bool
) -> GenerationEvent:
    """The next event; or, when none has come in time, the failure that stands for it."""
    now = asyncio.get_running_loop().time()
    silent_at = now + limits.silence
    until = min(silent_at, limits.finish_by if started else limits.start_by, limits.finish_by)
    try:
        # Events that have piled up already come without waiting: a timeout would not see them.
        if now < until:
            async with asyncio.timeout_at(until):
                return await anext(events)
    except TimeoutError:
        pass
    except StopAsyncIteration:
        message = "The engine ended without finishing the answer."
        return GenerationFailed("engine_died", message, retryable=True)
    if until == limits.finish_by:
        message = "The request has taken longer than this server allows, and was ended."
        return GenerationFailed("request_timeout", message, retryable=False)
    if until == silent_at:
        message = f"The engine gave no sign of life for {limits.silence:g} seconds."
        return GenerationFailed("silent", message, retryable=True)
    message = "The request has waited for its turn for too long. Try again in a while."
    return GenerationFailed("queue_timeout", message, retryable=True)
