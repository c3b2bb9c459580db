"""The queue in front of one engine: bounded, so that who can't be served soon is told so at once.

Pure: the clock's readings are handed in.
"""

from collections import deque

LONGEST, SHORTEST = 60.0, 1.0
"""Seconds. OpenAI's clients take no notice of a Retry-After beyond a minute."""

_WINDOW = 60.0  # seconds; how fast it went before that says nothing of now
_KEPT = 64  # ends of requests that are remembered
_UNKNOWN = 10.0  # seconds, while nothing has ended lately: the base is still loading, say
_SHARE = 0.25
"""Come back when so much of the queue will have been served: after one place alone has become
free, nearly everybody would be refused again; after all have, the engine would have run dry."""


class Admission:
    """Who waits for one engine, by number; and when it may be worth another try."""

    def __init__(self, most: int) -> None:
        """`most` requests may wait; those whose rows are in the batch don't count."""
        self.most = most
        self._waiting: set[int] = set()
        self._ends: deque[float] = deque(maxlen=_KEPT)

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether one more would be one too many."""
        return len(self._waiting) >= self.most

    def enter(self, request: int) -> None:
        """A request begins to wait."""
        self._waiting.add(request)

    def leave(self, request: int) -> None:
        """It waits no longer: it was started, or nobody wants it any more. Idle the second time."""
        self._waiting.discard(request)

    def ended(self, now: float) -> None:
        """A request that had been started is over, in whatever way; its row is free."""
        self._ends.append(now)

    def retry_after(self, now: float) -> float:
        """Seconds until a good part of the queue will have been served, by how fast requests have
        ended within the last minute; between SHORTEST and LONGEST."""
        lately = [end for end in self._ends if now - end <= _WINDOW]
        if not lately:
            return _UNKNOWN
        each = (now - lately[0]) / len(lately)
        return min(max(each * self.waiting * _SHARE, SHORTEST), LONGEST)
