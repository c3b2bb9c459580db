"""The extra cache entry: how each row of the batch carries its adapter and its sampling.

mlx-lm's BatchGenerator moves every entry of a batch's cache along with its rows: it merges the
entries of new requests, extends, filters, splits and extracts them, at prefill and decode alike.
So an entry of our own, appended to each request's cache, always knows which request sits in which
row, without a patch to mlx-lm. The wrapper model (backend.py) takes it off again before the real
model sees the cache.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bluey_server.messages import Sampling, TokenLogprobs

if TYPE_CHECKING:
    from bluey_server.engine.adjustments import Adjustment, Processor
    from bluey_server.engine.grammar import Constraint
    from bluey_server.engine.likeliest import StepLogprobs

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


class Draw:
    """The tokens that one step chose for its B rows, and what goes with them."""

    def __init__(self, tokens: Any, peaks: Any, logprobs: StepLogprobs | None = None) -> None:
        """`tokens` and `peaks`, the largest logit of each row, are (B,), on the device, their
        evaluation begun."""
        self.array = tokens
        self._peaks = peaks
        self._logprobs = logprobs

    @functools.cached_property
    def tokens(self) -> list[int]:
        """Of every row."""
        values: list[int] = self.array.tolist()
        return values

    @functools.cached_property
    def peaks(self) -> list[float]:
        """The largest logit of every row: -inf where no token was possible, NaN where the logits
        are no numbers. Such a row's token is none."""
        values: list[float] = self._peaks.tolist()
        return values

    def told(self, place: int) -> TokenLogprobs | None:
        """What a row is told of its token; None where nobody asked."""
        return None if self._logprobs is None else self._logprobs.of(place)


@dataclass(eq=False)
class Row:
    """One request's part in the batch. Shared by reference between all copies of its entry."""

    slot: int  # in the LoRA bank; 0 is the bare base
    sampling: Sampling
    end_ids: tuple[int, ...]
    min_tokens: int
    adjustment: Adjustment | None = None  # penalties and biases; None wants none
    processor: Processor | None = None  # of its logits, after those
    constraint: Constraint | None = None  # the grammar that the answer follows
    logprobs: int | None = None  # alternatives to be told of; None: nothing is
    sampled: int = 0  # tokens chosen so far
    draws: deque[tuple[Draw, int]] = field(default_factory=deque)
    """For each token chosen and not yet given out, the draw and this row's place in it."""
    failure: str | None = None  # why the row can't go on; it leaves the batch after the step

    def __post_init__(self) -> None:
        self._key = _mix(self.sampling.seed)

    @property
    def uniform(self) -> float:
        """The random number in [0, 1) that chooses the next token, of 23 bits, so that it is
        exact in float32.

        It depends on the seed and the token's index alone (splitmix64's sequence), so a row draws
        the same numbers whatever else is in its batch.
        """
        return (_mix(self._key + self.sampled * _GOLDEN) >> 41) / 2**23

    @property
    def wants_adjustment(self) -> bool:
        """Whether its logits are not to be taken as they are."""
        return self.adjustment is not None or self.processor is not None

    @property
    def may_end(self) -> bool:
        """Whether the next token may be one that ends the turn. A grammar that has nothing more to
        say ends it, however few tokens there are."""
        if self.constraint is not None and self.constraint.must_end:
            return True
        return self.sampled >= self.min_tokens


@dataclass(frozen=True)
class RowToken:
    """One token of one request. `finished` is "stop", "length" or None."""

    request: int
    token: int
    finished: str | None
    logprobs: TokenLogprobs | None = None  # of the token, for a request that asks


@dataclass(frozen=True)
class RowFailed:
    """One request can't go on, and has left the batch."""

    request: int
    message: str


@dataclass(frozen=True)
class PromptScored:
    """The next tokens of a prompt that is scored; its first one has no log probability."""

    request: int
    logprobs: list[TokenLogprobs]
    last: bool


Outcome = RowToken | RowFailed | PromptScored
"""What a step gives a request."""


class RowEntry:
    """The cache entry; it answers the protocol of mlx-lm's caches, but holds no tensor."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.step_arrays: Any = None  # the sampler's, made from `rows`; stale when they change

    def merge(self, entries: Sequence[RowEntry]) -> RowEntry:
        """One entry for the rows of many, in their order."""
        return RowEntry([row for entry in entries for row in entry.rows])

    def extend(self, other: RowEntry) -> None:
        """Append another batch's rows."""
        self.rows = self.rows + other.rows
        self.step_arrays = None

    def filter(self, keep: Sequence[int]) -> None:
        """Keep the rows at these indices, in that order."""
        self.rows = [self.rows[index] for index in keep]
        self.step_arrays = None

    def extract(self, index: int) -> RowEntry:
        """The entry of one row."""
        return RowEntry([self.rows[index]])

    def __deepcopy__(self, memo: dict[int, Any]) -> RowEntry:
        # BatchGenerator splits a batch by copying it and filtering both halves.
        return RowEntry(self.rows)

    # What follows concerns tokens and tensors, of which there are none here.

    def prepare(self, **_: Any) -> None:
        """Idle."""

    def finalize(self) -> None:
        """Idle."""

    def is_trimmable(self) -> bool:
        """Trimming other entries need not spare this one."""
        return True

    def trim(self, count: int) -> int:
        """Idle; `count`, as if it had been done."""
        return count

    @property
    def state(self) -> list[Any]:
        """Nothing to evaluate."""
        return []

    @property
    def nbytes(self) -> int:
        """No tensors, no bytes."""
        return 0

    def size(self) -> int:
        """Tokens held."""
        return 0

    def empty(self) -> bool:
        """Whether it holds no tokens."""
        return True


def _mix(word: int) -> int:
    """Spread 64 bits over 64 bits (splitmix64's step), so that neighbouring seeds don't give
    overlapping sequences."""
    word = (word + _GOLDEN) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)
