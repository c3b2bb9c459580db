"""Telling a busy engine from a hung one: whether a process that says nothing is to be ended.

An engine says a word every second, unless something in it holds the interpreter's lock (a call
into a library that doesn't let go of it), or it is stopped, or stuck. Its words can't tell these
apart; what it uses of the machine does. So it is looked at from outside, once a second.

Pure: the clock's readings and what was seen of the process are handed in.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class WatchLimits:
    """When to end an engine process. In seconds."""

    every: float = 1.0
    """Between two looks."""

    silence: float = 4.5
    """A ready engine that neither spoke nor worked for so long is hung. Together with the time
    between two looks, less than the 6 s after which requests give it up: so they are told that it
    was ended, and those that have no token yet are tried again."""

    busy: float = 90.0
    """A ready engine that has used so much of a core's time (not of the clock's: a slow machine
    takes longer) without a word is caught in a loop. The longest that was ever seen to be of use
    took 4 s."""

    loading: float = 120.0
    """An engine that loads says nothing, however long it takes; when it didn't work either for so
    long, it is hung. So long, since waiting for a network's disk looks like idleness on macOS."""


@dataclass(frozen=True)
class Activity:
    """What a process looks like from outside."""

    cpu: float  # seconds, all its threads' since it began
    waits: bool = False  # for the processor, or for a disk: not of its own will


class Verdict(StrEnum):
    """What a look at an engine comes to."""

    SPEAKS = "speaks"
    WORKS = "works"  # without a word
    QUIET = "quiet"  # without a word and without work, not for long yet
    HUNG = "hung"  # to be ended
    LOOPS = "looped"  # to be ended


_WORK = 0.05
"""Of the time since the last look, the processor's time that counts as work. The threads of a
process whose lock is never released wake up to ask for it, and use 0.004 each."""

_WORK_LOADING = 0.02
"""The same while loading, which may have to wait for a slow disk most of the time."""


class ChildWatch:
    """What is known of one engine process's silence."""

    def __init__(self, limits: WatchLimits, now: float) -> None:
        """Of a process that has just been started, and loads."""
        self._limits = limits
        self._ready = False
        self._looked = self._heard = now
        self._seen = Activity(0.0)
        self._idle = 0.0  # seconds without a word and without work
        self._worked = 0.0  # seconds of a core's time without a word

    def silence(self, now: float) -> float:
        """Seconds since it last said something."""
        return now - self._heard

    def heard(self, now: float, *, ready: bool) -> None:
        """It has said something; whether it is ready by now."""
        self._heard, self._ready = now, ready
        self._idle = self._worked = 0.0

    def look(self, now: float, activity: Activity | None) -> Verdict:
        """Judge what is seen of it; None where nothing can be seen."""
        limits = self._limits
        passed = now - max(self._looked, self._heard)
        if now - self._looked > 2 * limits.every:
            # We were late: this process stood still itself, and could not have heard anything.
            passed = min(passed, limits.every)
        activity = activity or Activity(self._seen.cpu)
        used = max(activity.cpu - self._seen.cpu, 0.0)
        self._looked, self._seen = now, activity
        if activity.waits or used >= passed * (_WORK if self._ready else _WORK_LOADING):
            self._idle = 0.0
            self._worked += min(used, passed)
        else:
            self._idle += passed
        if self._idle > (limits.silence if self._ready else limits.loading):
            return Verdict.HUNG
        if self._ready and self._worked > limits.busy:
            return Verdict.LOOPS
        if self.silence(now) <= limits.every:
            return Verdict.SPEAKS
        return Verdict.QUIET if self._idle else Verdict.WORKS
