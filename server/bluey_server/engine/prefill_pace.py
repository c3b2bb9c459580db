"""How much prefill goes into one step.

A stream that runs waits for the prefill of others in every step, and a prompt that is computed in
crumbs takes for ever. So prefill gets a share of the time: as long as somebody decodes, at most
`_SHARE` times what a decode step takes, by what the steps before have taken on this machine.
"""

_SHARE = 1.5
"""Time of prefill in a step over the time of decoding: streams run at no less than 1 / (1 + it)."""

_ALONE = 0.25
"""Seconds of prefill in a step while nobody decodes; cancels and newcomers wait for so long."""

_FEWEST, _MOST = 32, 2048  # tokens in a step, over all rows
_SMOOTHING = 0.3  # the weight of the newest step


class PrefillPace:
    """Pure: seconds come in by `observe`, tokens go out by `tokens`."""

    def __init__(self) -> None:
        self._decode: float | None = None  # seconds of a step that only decodes
        self._per_token: float | None = None  # seconds of prefill

    def tokens(self, *, decoding: bool) -> int:
        """How many tokens of prompts the coming step may compute, a power of two.

        Powers of two, because float sums depend on the pieces: few sizes, few orders.
        """
        if self._per_token is None:
            return 256
        target = _SHARE * self._decode if decoding and self._decode else _ALONE
        tokens = _FEWEST
        while tokens < _MOST and 2 * tokens * self._per_token <= target:
            tokens *= 2
        return tokens

    def observe(self, seconds: float, *, prefilled: int, decoded: bool) -> None:
        """One step took `seconds`: `prefilled` tokens of prompts, and a token a row if
        `decoded`."""
        if prefilled:
            spent = max(seconds - (self._decode or 0.0 if decoded else 0.0), 1e-6)
            self._per_token = _smooth(self._per_token, spent / prefilled)
        elif decoded:
            self._decode = _smooth(self._decode, seconds)


def _smooth(before: float | None, now: float) -> float:
    return now if before is None else before + _SMOOTHING * (now - before)
