"""How long to wait for an engine: its next event, or the failure that stands for it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from bluey_server.engine_protocol import GenerationEvent, GenerationFailed

_MOMENT = 0.1  # seconds


@dataclass(frozen=True)
class Limits:
    """How long to wait for an answer. Seconds, of the event loop's clock where it is a time."""

    silence: float  # between two events
    start_by: float
    finish_by: float


async def next_event(
    events: AsyncGenerator[GenerationEvent, None], limits: Limits, *, started: bool
) -> GenerationEvent:
    """The next event; or, when none has come in time, the failure that stands for it."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    silent_at = now + limits.silence
    until = min(silent_at, limits.finish_by if started else limits.start_by, limits.finish_by)
    try:
        # Events that have piled up already come without waiting: a timeout would not see them.
        if now < until:
            async with asyncio.timeout(None) as timeout:
                # After a stall the loop finds at once that the deadline has passed and that the
                # engine has spoken, and would act on the deadline first, taking its own silence
                # for the engine's. So it gets a moment more, counted from when it runs again.
                timer = loop.call_at(until, lambda: timeout.reschedule(loop.time() + _MOMENT))
                try:
                    return await anext(events)
                finally:
                    timer.cancel()
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
