"""The likeliest tokens of wide logits, found without looking at every logit twice.

Logits are cut into blocks of neighbouring ids. Each block's largest logit is found in one pass;
whatever is among the k likeliest lies in one of the k blocks that come first by it, so only those
blocks are put in order. All shapes depend on shapes alone, so the graph stays lazy.

Order is by logit, the larger first; of equal logits the lower id comes first, so that which tokens
are the k likeliest never depends on how they were found.
"""

import mlx.core as mx


class Candidates:
    """The tokens of (B, V) logits of any float dtype, by blocks."""

    def __init__(self, logits: mx.array, most: int) -> None:
        """`most` is the largest k that `likeliest` will be asked for."""
        rows, vocabulary = logits.shape
        self._most = min(most, vocabulary)
        # To order V / width largest logits and then k · width logits is least work at the root.
        width = 1
        while width * width * self._most < vocabulary:
            width *= 2
        if lacking := -vocabulary % width:
            logits = mx.pad(logits, [(0, 0), (0, lacking)], constant_values=-mx.inf)
        self._width = width
        self._blocks = logits.reshape(rows, -1, width)
        self._largest = mx.max(self._blocks, axis=-1)

    @property
    def peaks(self) -> mx.array:
        """(B,) largest logits: NaN where any logit of the row is, -inf where no token is
        possible."""
        return mx.max(self._largest, axis=-1)

    def first(self) -> mx.array:
        """(B,) uint32 ids of the likeliest tokens."""
        block = mx.argmax(self._largest, axis=-1, keepdims=True)
        within = mx.take_along_axis(self._blocks, block[:, :, None], axis=1)[:, 0]
        return block[:, 0] * self._width + mx.argmax(within, axis=-1)

    def likeliest(self) -> tuple[mx.array, mx.array]:
        """Ids (B, k) int32 and logits (B, k) float32 of the k likeliest tokens, in order; k is
        `most`, or V where that is less."""
        rows, count = self._largest.shape
        blocks = min(self._most, count)
        chosen = mx.sort(_first(self._largest.astype(mx.float32), blocks), axis=-1)
        logits = mx.take_along_axis(self._blocks, chosen[:, :, None], axis=1)
        logits = logits.reshape(rows, -1).astype(mx.float32)
        ids = chosen.astype(mx.int32)[:, :, None] * self._width + mx.arange(self._width)
        ids = ids.reshape(rows, -1)  # ascending, so places are in the order of ids
        best = _first(logits, self._most)
        ids, logits = (mx.take_along_axis(each, best, axis=-1) for each in (ids, logits))
        order = mx.argsort(_keys(logits, ids), axis=-1)
        return (
            mx.take_along_axis(ids, order, axis=-1),
            mx.take_along_axis(logits, order, axis=-1),
        )


def _first(logits: mx.array, count: int) -> mx.array:
    """(B, count) places of those that come first of (B, N), in any order."""
    size = logits.shape[-1]
    if count == size:
        return mx.broadcast_to(mx.arange(size, dtype=mx.uint32), logits.shape)
    return mx.argpartition(_keys(logits, mx.arange(size)), kth=count - 1, axis=-1)[:, :count]


def _keys(logits: mx.array, places: mx.array) -> mx.array:
    """int64 numbers in the order of float32 logits, the largest first, and of places where those
    are equal. No two are equal, so that no sort need be stable."""
    bits = (logits + 0.0).view(mx.int32)  # there is one zero now, of positive sign
    rising = mx.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(mx.int64)
    return places.astype(mx.int64) - rising * 2**32
