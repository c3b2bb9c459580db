"""Work that grows with what is told, done in a thread where it is much: an answer of thousands of
tokens with log probabilities takes seconds to write down, and others are waiting."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

MANY = 256
"""Tokens with log probabilities; writing down so many takes some 10 ms."""

LARGE = 64 * 2**10
"""Bytes of a request, or characters of an answer, that are given back in JSON."""


async def off_loop(work: Callable[[], Result], *, much: bool) -> Result:
    """What `work` returns; if it is much, it is done in a thread."""
    return await asyncio.to_thread(work) if much else work()
