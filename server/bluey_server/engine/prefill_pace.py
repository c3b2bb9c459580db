"""How much prefill goes into one step.

A stream that runs waits for the prefill of others in every step, and a prompt that is computed in
crumbs takes for ever. So prefill gets a share of the time, by what the steps before have taken on
this machine: a piece is a pass through the model of its own, which costs about a decode step
however short it is, and then so much a token. The pass can't be saved; the tokens are measured out.
"""

_BESIDE = 1.0
"""Time of a piece beyond its pass, over a decode step's, while somebody decodes: streams run at
about a third of their speed as long as somebody else's prompt is being computed."""

_CROWD = 8.0
"""Where more wait for their prompts than decode, so many times that, at most: time is shared by
heads, or one early stream would hold up all who came a moment later."""

_ALONE = 3.0
"""The same while nobody decodes; cancels and newcomers wait for so long. Less than a short answer
takes, so that one who comes beside a long prompt hardly notices the piece in hand."""

_LEAST_ALONE, _MOST_ALONE = 0.01, 0.25  # seconds of such a piece
_FEWEST, _MOST = 16, 2048  # tokens in a step, over all rows
_SMOOTHING = 0.3  # the weight of the newest step


class PrefillPace:
    """Pure: seconds come in by `observe`, tokens go out by `tokens`."""

    def __init__(self) -> None:
        self._decode: float | None = None  # seconds of a step that only decodes
        self._per_token: float | None = None  # seconds of prefill, beyond the pass

    def tokens(self, *, prefilling: int, decoding: int) -> int:
        """How many tokens of prompts the coming step may compute, a power of two, where so many
        rows want some and so many decode.

        Powers of two, because float sums depend on the pieces: few sizes, few orders.
        """
        if self._per_token is None:
            return 256
        decode = self._decode or 0.0
        if decoding and decode:
            beside = _BESIDE * decode
            crowd = min(max(prefilling / decoding, 1.0), _CROWD)
            target = max(beside, min(crowd * beside, _MOST_ALONE))
        else:
            target = min(max(_ALONE * decode, _LEAST_ALONE), _MOST_ALONE)
        tokens = _FEWEST
        while tokens < _MOST and 2 * tokens * self._per_token <= target:
            tokens *= 2
        return tokens

    def observe(self, seconds: float, *, prefilled: int, decoded: bool) -> None:
        """One step took `seconds`: `prefilled` tokens of prompts, and a token a row if
        `decoded`."""
        if prefilled:
            passes = (self._decode or 0.0) * (2 if decoded else 1)
            # A short piece may have taken less than was thought; it did not take nothing.
            spent = max(seconds - passes, 0.1 * seconds)
            self._per_token = _smooth(self._per_token, spent / prefilled)
        elif decoded:
            self._decode = _smooth(self._decode, seconds)


def _smooth(before: float | None, now: float) -> float:
    return now if before is None else before + _SMOOTHING * (now - before)
