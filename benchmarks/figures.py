"""What a measure finds: a ratio a round, their median and range, and whether a goal is met."""

import math
import statistics
from collections.abc import Sequence

import msgspec


class Goal(msgspec.Struct, frozen=True):
    """What a ratio should be: at least, or at most, a limit."""

    at_least: bool
    limit: float

    def met(self, figure: float) -> bool:
        """Whether `figure` is on the right side of the limit."""
        return figure >= self.limit if self.at_least else figure <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


def at_least(limit: float) -> Goal:
    """The more the better."""
    return Goal(True, limit)


def at_most(limit: float) -> Goal:
    """The less the better."""
    return Goal(False, limit)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    measure: str  # "P1" … "P15"
    what: str
    weights: str  # the name of a shape in weights.py, or "" where no model runs
    goal: Goal | None
    rounds: list[float]  # a ratio a round
    date: str = ""  # of its run
    absolute: dict[str, list[float]] = {}
    """What the ratios were taken of, a value a round. The key ends in the unit."""
    notes: list[str] = []
    client_share: float | None = None  # of all CPU time spent meanwhile
    neighbours: float | None = None
    """Cores that other programs kept busy meanwhile, on average."""

    @property
    def median(self) -> float:
        """The figure."""
        return statistics.median(self.rounds)

    @property
    def verdict(self) -> str:
        """What the table says of the goal."""
        if self.goal is None:
            return "—"
        return "met" if self.goal.met(self.median) else "**not met**"


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round, one over the other."""
    return [one / other for one, other in zip(above, below, strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
