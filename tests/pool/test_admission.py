"""The queue's bound, and when to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluey_server.admission import LONGEST, SHORTEST, Admission


def test_only_those_that_wait_count() -> None:
    queue = Admission(2)
    queue.enter(1)
    assert not queue.full
    queue.enter(2)
    assert queue.full
    queue.leave(1)  # it was started
    assert not queue.full
    queue.leave(1)
    queue.leave(2)
    assert queue.waiting == 0


@pytest.mark.parametrize(
    ("waiting", "ends", "now", "expected"),
    [
        (256, [], 100.0, 10.0),  # nothing is known: loading, perhaps
        (256, [1.0, 2.0], 100.0, 10.0),  # how it was a while ago says nothing
        (40, [91.0, 92.0, 95.0, 98.0, 99.0], 101.0, 20.0),  # one every 2 s; a quarter of 40
        (4, [91.0, 92.0, 95.0, 98.0, 99.0], 101.0, 2.0),
        (1, [91.0, 92.0, 95.0, 98.0, 99.0], 101.0, SHORTEST),
        (4000, [91.0, 92.0, 95.0, 98.0, 99.0], 101.0, LONGEST),
        (40, [10.0, 91.0, 92.0, 95.0, 98.0, 99.0], 101.0, 20.0),  # the first is forgotten
        (40, [41.0], 101.0, LONGEST),  # it has almost come to a stop
    ],
)
def test_when_to_come_back(waiting: int, ends: list[float], now: float, expected: float) -> None:
    queue = Admission(10_000)
    for number in range(waiting):
        queue.enter(number)
    for end in ends:
        queue.ended(end)
    assert queue.retry_after(now) == pytest.approx(expected)


@given(st.integers(0, 500), st.lists(st.floats(0, 1000)), st.floats(1000, 2000))
def test_it_is_never_too_soon_nor_too_late(waiting: int, ends: list[float], now: float) -> None:
    queue = Admission(500)
    for number in range(waiting):
        queue.enter(number)
    for end in sorted(ends):
        queue.ended(end)
    assert SHORTEST <= queue.retry_after(now) <= LONGEST
