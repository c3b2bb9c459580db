"""The answers to one request, each a generation of its own, told as they come."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from bluey_server.http.answer.text_events import TextEnd, TextEvent, TextPiece

_AT_ONCE = 32
"""Answers of one request that an engine works at together: a full batch, and no more, so that the
requests of others never wait behind all that one asks for."""


async def side_by_side(
    starts: Sequence[Callable[[], AsyncGenerator[TextEvent, None]]], *, n: int
) -> AsyncGenerator[tuple[int, TextEvent], None]:
    """Events of all answers, each with its index. `n` answers in a row share a prompt: the others
    begin when the first has a token, and find the prompt computed.

    Raises what the first of them to fail raises; closing it closes them all.
    """
    if len(starts) == 1:
        async with aclosing(starts[0]()) as events:
            async for event in events:
                yield 0, event
        return
    told: asyncio.Queue[tuple[int, TextEvent | Exception]] = asyncio.Queue(_AT_ONCE)
    computed = [asyncio.Event() for _ in range(len(starts) // n)]
    places = asyncio.Semaphore(_AT_ONCE)

    async def run(index: int) -> None:
        try:
            if index % n:
                await computed[index // n].wait()
            async with places, aclosing(starts[index]()) as events:
                async for event in events:
                    if isinstance(event, TextEnd) or (
                        isinstance(event, TextPiece) and event.tokens
                    ):
                        computed[index // n].set()
                    await told.put((index, event))
        except Exception as error:
            await told.put((index, error))

    running = [asyncio.create_task(run(index)) for index in range(len(starts))]
    try:
        left = len(starts)
        while left:
            index, news = await told.get()
            if isinstance(news, Exception):
                raise news
            left -= isinstance(news, TextEnd)
            yield index, news
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
