"""Doing something for a client only as long as the client is there."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from litestar.types import Receive

from bluey_server.http.errors import HungUp


async def while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, whose request's body has been read; cancel it when the client hangs up.

    Raises what `work` raises, or HungUp.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_hang_up(receive))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HungUp
        working.result()
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
