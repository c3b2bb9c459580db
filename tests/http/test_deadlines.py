"""What is taken for an engine's silence, and what is our own."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator

from bluey_server.engine_protocol import GenerationAlive, GenerationEvent, GenerationFailed
from bluey_server.http.answer.deadlines import Limits, next_event

SILENCE = 0.2
STALL = 0.6


async def _first_event(*, spoken: bool) -> GenerationEvent:
    """The next event of an engine that speaks, or doesn't, while the event loop stands still."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)

    async def events() -> AsyncGenerator[GenerationEvent, None]:
        while await reader.read(1):
            yield GenerationAlive()

    limits = Limits(silence=SILENCE, start_by=float("inf"), finish_by=float("inf"))
    waiting = asyncio.create_task(next_event(events(), limits, started=True))
    await asyncio.sleep(SILENCE / 4)
    if spoken:
        threading.Timer(STALL / 2, theirs.sendall, [b"1"]).start()
    time.sleep(STALL)  # noqa: ASYNC251 - this is the stall
    try:
        return await waiting
    finally:
        writer.close()
        await writer.wait_closed()
        theirs.close()


def test_an_event_that_came_while_the_loop_stood_still_came_in_time() -> None:
    assert asyncio.run(_first_event(spoken=True)) == GenerationAlive()


def test_an_engine_that_was_silent_all_the_while_has_failed() -> None:
    event = asyncio.run(_first_event(spoken=False))
    assert isinstance(event, GenerationFailed) and event.kind == "silent"
