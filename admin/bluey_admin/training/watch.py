"""When a run must stop because it has gone wrong. Pure."""

import math
from collections import deque

from bluey_data.errors import BlueyError

_OVER = 8  # steps, whose mean is looked at
_WORSE = 1.25  # times the loss it began with


class TrainingError(BlueyError):
    """A run that must not go on."""


class Watch:
    """Looks at the loss of each step."""

    def __init__(self, vocabulary: int) -> None:
        self._guessing = math.log(vocabulary)
        """Nats a token that giving every token the same chance would cost."""
        self._recent: deque[float] = deque(maxlen=_OVER)
        self._first: float | None = None

    def check(self, step: int, loss: float) -> None:
        """Raise TrainingError, naming the step, when the loss is no number, or has for some steps
        been worse than guessing and clearly worse than it was at first (a base may begin worse
        than guessing)."""
        if not math.isfinite(loss):
            raise TrainingError(
                f"training stopped at step {step}: the loss is {loss}; "
                "a lower learning rate may help"
            )
        self._first = loss if self._first is None else self._first
        self._recent.append(loss)
        mean = sum(self._recent) / len(self._recent)
        if len(self._recent) == _OVER and mean > max(self._guessing, _WORSE * self._first):
            raise TrainingError(
                f"training diverged: at step {step} the loss, {mean:.2f}, is worse than guessing "
                f"(it began at {self._first:.2f}); a lower learning rate may help"
            )
