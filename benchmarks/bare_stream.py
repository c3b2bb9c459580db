"""What streaming costs at least: a Litestar handler that sends recorded events, on uvicorn.

`python -m benchmarks.bare_stream RECORDING PERIOD PORT LIFELINE`. One clock wakes all streams every
PERIOD seconds, as an engine's step does; each then sends its next event. No engine, no tokenizer,
no JSON.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from litestar import Litestar, get, post
from litestar.response import Stream

from bluey_adapters.lifeline import on_parent_gone


class _Clock:
    """Wakes everybody at once."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._tick = asyncio.Event()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            self._tick.set()
            self._tick = asyncio.Event()

    async def tick(self) -> None:
        await self._tick.wait()


def create_app(events: list[bytes], period: float) -> Litestar:
    """The application; it ticks while it is up."""
    clock = _Clock(period)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        ticking = asyncio.create_task(clock.run())
        yield
        ticking.cancel()

    async def play() -> AsyncGenerator[bytes, None]:
        for event in events:
            await clock.tick()
            yield event

    @get("/")
    async def up() -> str:
        return "up"

    @post("/v1/chat/completions", status_code=200)
    async def answer() -> Stream:
        return Stream(play(), media_type="text/event-stream")

    return Litestar([up, answer], lifespan=[lifespan], openapi_config=None, logging_config=None)


def main() -> None:
    """Serve until the parent is gone or says so."""
    recording, period, port, lifeline = sys.argv[1:]
    on_parent_gone(int(lifeline), lambda: os._exit(1))
    events = [event + b"\n\n" for event in Path(recording).read_bytes().split(b"\n\n") if event]
    uvicorn.run(
        create_app(events, float(period)),
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
