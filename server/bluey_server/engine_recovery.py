"""When an engine that has died is started again: at once at first, and ever later when it goes on
dying. Pure: the clock's readings are handed in, in seconds.
"""

BACKOFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds after the n-th death in a row
TRIES = 3  # deaths in a row, after which one before ready fails requests rather than holds them
STEADY = 60.0  # seconds; an engine that was ready for so long is in no crash loop


class Recovery:
    """What is remembered of one engine's deaths."""

    def __init__(self) -> None:
        self._deaths = 0  # in a row, without having been ready for long
        self._retry_at = 0.0

    def died(self, ready_for: float | None) -> float | None:
        """Seconds after which to start the next process; None: better give up for now. The one
        that died had been ready for `ready_for` seconds, or never (None)."""
        if ready_for is not None and ready_for >= STEADY:
            self._deaths = 0
        self._deaths += 1
        if ready_for is None and self._deaths >= TRIES:
            return None
        return self._pause()

    def give_up(self, now: float) -> None:
        """It has failed; requests may try again after a pause, however many come."""
        # At least the shortest one: what failed a moment ago will not be well by now.
        self._retry_at = now + max(self._pause(), BACKOFF[1])

    def retry_in(self, now: float) -> float:
        """Seconds until an engine that was given up may be tried again."""
        return max(0.0, self._retry_at - now)

    def forget(self) -> None:
        """It was stopped on purpose: what was before says nothing of the next process."""
        self._deaths, self._retry_at = 0, 0.0

    def _pause(self) -> float:
        return BACKOFF[min(self._deaths, len(BACKOFF)) - 1] if self._deaths else 0.0
