"""When an engine that died is started again."""

from bluey_server.engine_recovery import BACKOFF, STEADY, Recovery


def test_a_death_after_a_long_life_is_the_first() -> None:
    recovery = Recovery()
    assert [recovery.died(STEADY) for _ in range(5)] == [0.0] * 5


def test_short_lives_are_followed_by_longer_and_longer_pauses() -> None:
    recovery = Recovery()
    pauses = [recovery.died(1.0) for _ in range(len(BACKOFF) + 3)]
    assert pauses == [*BACKOFF, *[BACKOFF[-1]] * 3]
    assert recovery.died(STEADY) == 0.0


def test_one_that_never_gets_ready_is_given_up() -> None:
    recovery = Recovery()
    assert [recovery.died(None) for _ in range(4)] == [0.0, BACKOFF[1], None, None]
    recovery.give_up(100.0)
    assert recovery.retry_in(100.0) == BACKOFF[3]
    assert recovery.retry_in(101.0) == BACKOFF[3] - 1
    assert recovery.retry_in(200.0) == 0.0
    recovery.forget()
    assert recovery.died(None) == 0.0


def test_giving_up_lasts_a_moment_even_the_first_time() -> None:
    recovery = Recovery()
    recovery.died(None)
    recovery.give_up(100.0)
    assert recovery.retry_in(100.0) == BACKOFF[1]
