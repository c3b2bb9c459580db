"""Prefill takes its share of a step's time, whatever the machine's speed is."""

import pytest

from bluey_server.engine.prefill_pace import PrefillPace


def settled(*, decode: float, per_token: float, overhead: float = 0.0, steps: int = 60) -> int:
    """Tokens of prefill beside streams, on a machine of that speed, once the pace has settled."""
    pace = PrefillPace()
    for _ in range(5):
        pace.observe(decode, prefilled=0, decoded=True)
    for _ in range(steps):
        tokens = pace.tokens(decoding=True)
        pace.observe(decode + overhead + tokens * per_token, prefilled=tokens, decoded=True)
    return pace.tokens(decoding=True)


@pytest.mark.parametrize(
    ("decode", "per_token", "tokens"),
    [
        (0.010, 0.0001, 128),  # 1.5 x 10 ms are 150 tokens
        (0.010, 0.001, 32),  # slow prefill: the least that is worth a pass
        (0.010, 0.000001, 2048),  # fast prefill: the most
    ],
)
def test_streams_keep_their_share(decode: float, per_token: float, tokens: int) -> None:
    assert settled(decode=decode, per_token=per_token) == tokens


def test_a_pass_that_costs_as_much_as_a_step_does_not_stop_growth() -> None:
    # On a GPU, a few tokens take as long as a decode step; judged by few tokens, prefill is slow.
    assert settled(decode=0.010, per_token=0.00001, overhead=0.010) >= 256


def test_alone_it_takes_larger_pieces() -> None:
    pace = PrefillPace()
    pace.observe(0.010, prefilled=0, decoded=True)
    pace.observe(0.1, prefilled=256, decoded=False)
    assert pace.tokens(decoding=False) > pace.tokens(decoding=True)


def test_the_first_piece_is_a_guess() -> None:
    assert PrefillPace().tokens(decoding=False) == 256
