"""A client that looks at the clock: how long a server leaves others without an answer while it is
busy with somebody's request."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.http.rig import Rig

GENEROUS = 1.0
"""Seconds that nobody has to wait for a tiny answer, even on a busy machine. The aim is 0.2."""


@dataclass
class Ticks:
    """What the ticking client has seen."""

    longest: float = 0.0  # seconds between two answers
    answers: int = 0


@contextmanager
def ticking(rig: Rig) -> Iterator[Ticks]:
    """Tiny requests in a row on a connection of their own, until the block ends."""
    ticks, over, begun = Ticks(), threading.Event(), threading.Event()

    def tick() -> None:
        connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=60)
        last = time.monotonic()
        while not over.is_set():
            connection.request("GET", "/health")
            connection.getresponse().read()
            now = time.monotonic()
            if begun.is_set():
                ticks.longest = max(ticks.longest, now - last)
                ticks.answers += 1
            begun.set()
            last = now
            time.sleep(0.002)
        connection.close()

    thread = threading.Thread(target=tick, name="ticking")
    thread.start()
    begun.wait(20)
    try:
        yield ticks
    finally:
        over.set()
        thread.join(60)
