"""Reading the bodies of requests: off the event loop where they are large, few of them at a time,
and no more of them in memory than there is room for.

Worker threads share the interpreter's lock with the event loop, which waits for its turn behind
each that computes. So large requests take turns; small ones never wait for them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import InternalServerException

from bluey_server.http.errors import ApiError
from bluey_server.http.exchange import exchange_of
from bluey_server.http.request.json_body import decode_body

Result = TypeVar("Result")

MOST_AT_ONCE = 512 * 2**20
"""Bytes of all bodies that have begun to arrive and aren't read yet: eight of the largest."""

_IN_THREAD = 64 * 2**10
"""Bytes of a body; a larger one is decoded and checked in a thread. A smaller one takes less than
20 ms, whatever is in it."""

_LARGE = 2**20
"""Bytes of a body whose request has to wait for its turn."""

_TURNS = 2


class Bodies:
    """Reads the bodies of all requests."""

    def __init__(self, patience: float) -> None:
        """`patience` is in seconds: a body of which nothing comes for so long is given up."""
        self._patience = patience
        self.held = 0  # bytes of bodies that are not read yet
        self._turns = asyncio.Semaphore(_TURNS)
        self._at_work: set[asyncio.Task[Any]] = set()

    async def read(
        self, request: Request[Any, Any, Any], check: Callable[[dict[str, Any]], Result]
    ) -> Result:
        """What `check` makes of the JSON object that a request carries.

        Raises what `check` raises; BadRequest for what is no such object; ApiError for a body that
        is too large, comes too slowly, or finds too many others.
        """
        pieces: list[bytes] = []
        with self._holding() as hold:
            await self._receive(request, pieces, hold)
            size = sum(map(len, pieces))
            exchange_of(request.scope).body_bytes = size
            if size <= _IN_THREAD:
                return check(decode_body(b"".join(pieces)))

            def decode_and_check() -> Result:
                body = b"".join(pieces)
                pieces.clear()
                given = decode_body(body)
                del body
                return check(given)

            return await self.take_turn(size, asyncio.to_thread(decode_and_check))

    async def take_turn(self, size: int, work: Coroutine[Any, Any, Result]) -> Result:
        """Do `work` for a request with a body of `size` bytes, together with few others if it is
        large."""
        if size <= _LARGE:
            return await work

        try:
            await self._turns.acquire()
        except BaseException:
            work.close()
            raise
        # A thread can't be stopped: its turn lasts until it is done, even if its client is gone.
        task = asyncio.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._at_work.discard(task)
        self._turns.release()

    async def _receive(
        self, request: Request[Any, Any, Any], pieces: list[bytes], hold: Callable[[int], None]
    ) -> None:
        # Not `request.body()`, which keeps the bytes until the answer is over.
        async with aclosing(request.stream()) as stream:
            while True:
                try:
                    piece = await self._next(anext(stream, None))
                except InternalServerException:
                    exchange_of(request.scope).outcome = "cancelled"  # the client is gone
                    raise
                if piece is None:
                    return
                hold(len(piece))
                pieces.append(piece)

    async def _next(self, piece: Awaitable[bytes | None]) -> bytes | None:
        try:
            async with asyncio.timeout(self._patience):
                return await piece
        except TimeoutError:
            raise ApiError(
                408,
                f"Nothing more of the request's body came for {self._patience:g} seconds.",
                code="request_timeout",
            ) from None

    @contextmanager
    def _holding(self) -> Iterator[Callable[[int], None]]:
        """Count bytes, until the block ends. Raises ApiError when there are too many in all."""
        own = 0

        def hold(more: int) -> None:
            nonlocal own
            if own + more > _LARGE and self.held + more > MOST_AT_ONCE:
                raise ApiError(
                    503,
                    "Too many large requests are arriving at once. Please try again in 5 s.",
                    code="server_error",
                    retry_after=5,
                )
            own += more
            self.held += more

        try:
            yield hold
        finally:
            self.held -= own
