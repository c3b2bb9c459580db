"""Whether a new version is clearly worse than the current one. Pure.

Both were measured on the same held-out rows, so the difference is taken row by row, which cancels
how hard each row is, and the mean difference has an interval by the bootstrap. That interval
knows only of chance among rows. Another seed shifts all rows a little, which would look significant
and mean nothing; so "no worse" has a margin, and the new version is clearly worse when even the
interval's lower end is beyond it (a test of non-inferiority). Better, equal and too close to call
all pass: a false alarm would cost the user a retraining, a false pass one `rollback`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

MIN_ROWS = 5
"""With fewer rows a bootstrap interval means little, and nothing is held back."""

MARGIN = 0.02
"""Share of the current version's loss that a new one may lose and still be "no worse"."""

_RESAMPLES = 4000
_LEVEL = 0.95


@dataclass(frozen=True)
class Verdict:
    """New against current, mean held-out loss over rows (nats a token)."""

    new: float
    current: float
    low: float  # 95 % interval of the mean difference, new - current
    high: float
    rows: int

    @property
    def clearly_worse(self) -> bool:
        """Whether the interval excludes "no worse"."""
        return self.rows >= MIN_ROWS and self.low > MARGIN * self.current

    def __str__(self) -> str:
        return (
            f"held-out loss {self.new:.3f} against {self.current:.3f}, difference "
            f"{self.new - self.current:+.3f} (95 % interval {self.low:+.3f} to {self.high:+.3f}, "
            f"{self.rows} rows)"
        )


def compare(new: Sequence[float], current: Sequence[float]) -> Verdict:
    """The verdict on per-row losses of the same rows in the same order; at least one row."""
    differences = [a - b for a, b in zip(new, current, strict=True)]
    chance = random.Random(0)  # the same figures give the same verdict
    means = sorted(
        fmean(chance.choices(differences, k=len(differences))) for _ in range(_RESAMPLES)
    )
    tail = int(_RESAMPLES * (1 - _LEVEL) / 2)
    return Verdict(fmean(new), fmean(current), means[tail], means[-1 - tail], len(differences))
