"""The registry, on a thread of its own.

SQLite may wait for another process's transaction; on the event loop that would stall every
stream.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry

Result = TypeVar("Result")


class RegistryThread:
    """One thread, and the Registry that only it touches."""

    def __init__(self, home: Home) -> None:
        """Open the registry of a home. Raises HomeError or RegistryError; blocks meanwhile."""
        self.home = home
        self._closed = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="registry")
        try:
            self._registry = self._executor.submit(Registry, home).result()
        except BaseException:
            self._executor.shutdown(wait=False)
            raise

    async def call(self, work: Callable[[Registry], Result]) -> Result:
        """Do something with the registry, on its thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, work, self._registry)

    def call_blocking(self, work: Callable[[Registry], Result]) -> Result:
        """The same for callers without an event loop."""
        return self._executor.submit(work, self._registry).result()

    def close(self) -> None:
        """Close the registry and end the thread, once what was asked of it is done. Idle the
        second time."""
        if not self._closed:
            self._closed = True
            self._executor.submit(self._registry.close)
            self._executor.shutdown(wait=True)
