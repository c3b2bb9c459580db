"""When a worker should stop: asked by a signal, by the registry, or by its parent's death.

Whoever asks first sets the reason; the run looks at it between steps.
"""

import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bluey_adapters.home import Home
from bluey_adapters.jobs import HEARTBEAT_EVERY
from bluey_adapters.lifeline import on_parent_gone
from bluey_adapters.registry import Registry
from bluey_data.errors import BlueyError


class StopRequested(Exception):
    """The run was asked to stop, and has."""


class StopSign:
    """Set once, from any thread or signal handler; never taken back."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask for the end."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether somebody has asked."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise StopRequested if somebody has asked."""
        if self._event.is_set():
            raise StopRequested

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until somebody asks; whether somebody has."""
        return self._event.wait(seconds)

    def heed_signals(self) -> None:
        """SIGINT and SIGTERM ask. To be called in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.set())

    def heed_parent(self, lifeline: int) -> None:
        """The end of the parent asks."""
        on_parent_gone(lifeline, self.set)


@contextmanager
def heartbeat(home: Home, job_id: str, stop: StopSign) -> Iterator[None]:
    """While inside, a thread proves that this worker lives, and hears what is asked of the job."""
    over = threading.Event()

    def beat() -> None:
        with Registry(home) as registry:  # a connection belongs to one thread
            while not over.wait(HEARTBEAT_EVERY):
                try:
                    if registry.jobs.heartbeat(job_id):
                        stop.set()
                except (sqlite3.Error, BlueyError) as error:
                    # Tried again in two seconds; the lease allows for several misses.
                    print(f"heartbeat: {error}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
