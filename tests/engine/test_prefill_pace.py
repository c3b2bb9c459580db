"""Prefill takes its share of a step's time, whatever the machine's speed is."""

import pytest

from bluey_server.engine.prefill_pace import PrefillPace


def settled(*, decode: float, per_token: float, a_pass: float = 1.0, steps: int = 60) -> int:
    """Tokens of prefill beside streams, on a machine of that speed, once the pace has settled. A
    pass costs `a_pass` decode steps before its first token."""
    pace = PrefillPace()
    for _ in range(5):
        pace.observe(decode, prefilled=0, decoded=True)
    for _ in range(steps):
        tokens = pace.tokens(prefilling=1, decoding=1)
        took = decode + decode * a_pass + tokens * per_token
        pace.observe(took, prefilled=tokens, decoded=True)
    return pace.tokens(prefilling=1, decoding=1)


@pytest.mark.parametrize(
    ("decode", "per_token", "tokens"),
    [
        (0.010, 0.0001, 64),  # a pass, and 10 ms more are 100 tokens
        (0.010, 0.001, 16),  # slow prefill: the least that is worth a pass
        (0.010, 0.000001, 2048),  # fast prefill: the most
    ],
)
def test_streams_keep_their_share(decode: float, per_token: float, tokens: int) -> None:
    assert settled(decode=decode, per_token=per_token) == tokens


@pytest.mark.parametrize("a_pass", [0.3, 1.0, 1.5])
def test_what_a_pass_costs_anyhow_does_not_stop_growth(a_pass: float) -> None:
    # On a GPU, a few tokens take as long as a decode step; judged by few tokens, prefill is slow.
    assert settled(decode=0.010, per_token=0.00001, a_pass=a_pass) >= 128


def test_alone_it_takes_larger_pieces() -> None:
    pace = PrefillPace()
    pace.observe(0.010, prefilled=0, decoded=True)
    pace.observe(0.1, prefilled=256, decoded=False)
    assert pace.tokens(prefilling=1, decoding=0) > pace.tokens(prefilling=1, decoding=1)


def test_a_crowd_that_waits_gets_more_than_one_who_does() -> None:
    pace = PrefillPace()
    pace.observe(0.010, prefilled=0, decoded=True)
    pace.observe(0.1, prefilled=256, decoded=False)
    one = pace.tokens(prefilling=1, decoding=1)
    assert pace.tokens(prefilling=16, decoding=1) == 8 * one
    assert pace.tokens(prefilling=16, decoding=16) == one
    assert pace.tokens(prefilling=1, decoding=16) == one


def test_the_first_piece_is_a_guess() -> None:
    assert PrefillPace().tokens(prefilling=1, decoding=0) == 256
