"""From an engine's events to text: one asynchronous generator, with one end.

Closing it, at any moment, closes the engine's and so cancels the request. That is also how a
deadline ends one: its row is free within a step.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from bluey_server.engine_protocol import (
    EngineProtocol,
    GeneratedTokens,
    GenerationAlive,
    GenerationBusy,
    GenerationFailed,
    GenerationFinished,
    GenerationStarted,
    ScoredTokens,
)
from bluey_server.http.answer.deadlines import Limits, next_event
from bluey_server.http.answer.prompt_score import score_echo
from bluey_server.http.answer.text import AnswerText
from bluey_server.http.answer.text_events import Pulse, TextEnd, TextEvent, TextPiece, TextStarted
from bluey_server.http.errors import busy, engine_failure
from bluey_server.http.request.prompt import Prompt


async def generate_text(
    engine: EngineProtocol, prompt: Prompt, limits: Limits
) -> AsyncGenerator[TextEvent, None]:
    """The answer to a prompt, ending in exactly one TextEnd; before it the prompt itself, where it
    is to be echoed.

    Raises EngineFailure when the engine is too busy or fails, or says nothing for too long, or
    when a deadline has passed.
    """
    given = 0  # characters
    if prompt.echo is not None:
        if prompt.generation.logprobs is not None and prompt.echo.told is None:
            before_score = asyncio.get_running_loop().time()
            async with aclosing(score_echo(engine, prompt, prompt.echo, limits)) as waiting:
                async for event in waiting:
                    yield event
            # The answer waits for a turn of its own; what the score took is not held against it.
            took = asyncio.get_running_loop().time() - before_score
            limits = replace(limits, start_by=limits.start_by + took)
        yield TextPiece(prompt.echo.text, 0, prompt.echo.told or ())
        given = len(prompt.echo.text)
    if prompt.generation.max_tokens == 0:
        yield TextEnd("", "length")
        return
    answer = AnswerText(prompt, given)
    started = False
    end: TextEvent | None = None
    async with aclosing(engine.submit(prompt.model.base, prompt.generation)) as events:
        while end is None:
            match await next_event(events, limits, started=started):
                case GeneratedTokens(ids, logprobs):
                    for event in answer.push(ids, logprobs):
                        yield event
                    if answer.stopped:
                        end = answer.stop()
                case GenerationStarted(cached_tokens=cached_tokens):
                    started = True
                    yield TextStarted(cached_tokens)
                case GenerationAlive():
                    yield Pulse()
                case GenerationFinished(reason):
                    *rest, end = answer.finish(reason)
                    for event in rest:
                        yield event
                case ScoredTokens():
                    raise AssertionError("nothing was to be scored")
                case GenerationBusy(retry_after):
                    raise busy(retry_after)
                case GenerationFailed(kind, message, retryable):
                    raise engine_failure(kind, message, retryable=retryable)
    yield end  # the engine is let go first: its slot may be wanted
