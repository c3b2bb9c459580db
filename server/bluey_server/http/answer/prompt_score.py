"""Having a prompt's tokens scored, for a completion that echoes it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from bluey_server.engine_protocol import (
    EngineProtocol,
    GeneratedTokens,
    GenerationAlive,
    GenerationBusy,
    GenerationFailed,
    GenerationFinished,
    GenerationStarted,
    ScoredTokens,
    ScoreRequest,
)
from bluey_server.http.answer.deadlines import Limits, next_event
from bluey_server.http.answer.off_loop import MANY, off_loop
from bluey_server.http.answer.text_events import Pulse, TextEvent, TextStarted
from bluey_server.http.answer.told_tokens import ToldToken
from bluey_server.http.errors import busy, engine_failure
from bluey_server.http.request.prompt import Echo, Prompt
from bluey_server.messages import TokenLogprobs


async def score_echo(
    engine: EngineProtocol, prompt: Prompt, echo: Echo, limits: Limits
) -> AsyncGenerator[TextEvent, None]:
    """Have a prompt's tokens scored and fill `echo.told`; events only tell that it goes on.

    Raises like `generate_text`.
    """
    ids = prompt.generation.prompt
    logprobs: list[TokenLogprobs | None] = [None]  # nothing comes before the first token
    request = ScoreRequest(
        id=prompt.generation.id,
        prompt=ids,
        adapter=prompt.generation.adapter,
        logprobs=prompt.generation.logprobs or 0,
    )
    over = len(ids) == 1
    started = False
    async with aclosing(engine.submit(prompt.model.base, request)) as events:
        while not over:
            match await next_event(events, limits, started=started):
                case ScoredTokens(more):
                    logprobs += more
                    yield Pulse()
                case GenerationStarted(cached_tokens=cached_tokens):
                    started = True
                    yield TextStarted(cached_tokens)
                case GenerationAlive():
                    yield Pulse()
                case GenerationFinished():
                    over = True
                case GenerationBusy(retry_after):
                    raise busy(retry_after)
                case GenerationFailed(kind, message, retryable):
                    raise engine_failure(kind, message, retryable=retryable)
                case GeneratedTokens():
                    raise AssertionError("nothing was to be generated")

    def told() -> tuple[ToldToken, ...]:
        columns = zip(ids, logprobs, echo.offsets, strict=True)
        return tuple(ToldToken(*column) for column in columns)

    echo.told = await off_loop(told, much=len(ids) > MANY)
