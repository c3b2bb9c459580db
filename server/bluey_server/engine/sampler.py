"""Choosing the next token of every row in one batched call.

BatchGenerator calls one shared sampler once for the whole batch; the parameters of each row ride
in the batch's RowEntry. The order is that of transformers and vLLM: temperature, then top-k, then
top-p and min-p on what it left.

There are three ways to draw, and the batch takes the first that serves all of its rows: among a few
candidates, where each row has a small top-k or is greedy (candidates.py); among all tokens on the
host, where that is much faster (host_draw.py); among all of them on the device (device_draw.py).
Nothing is normalized over the vocabulary that need not be.
"""

import mlx.core as mx

from bluey_server.engine.adjustments import adjust, count
from bluey_server.engine.candidates import Candidates
from bluey_server.engine.device_draw import FEW, Parameters, draw_from_all, draw_from_few
from bluey_server.engine.host import as_numpy, in_float32, on_host
from bluey_server.engine.host_draw import HostDraw
from bluey_server.engine.likeliest import step_logprobs
from bluey_server.engine.masks import Masks
from bluey_server.engine.rows import Draw, Row, RowEntry

WIDE = 16384
"""Tokens of a vocabulary from which on drawing on the host is worth the wait for the logits."""


class BatchSampler:
    """A sampler as mlx-lm calls it; the wrapper model sets `entry` and `logits` before each
    call."""

    def __init__(self, wide: int = WIDE) -> None:
        """`wide` is the vocabulary from which on tokens are drawn on the host, if the device is
        the CPU."""
        self.entry = RowEntry([])
        self.logits = mx.zeros((0, 0))  # (B, V), of any float dtype
        self._wide = wide
        self._masks = Masks()
        self._host_draw = HostDraw()

    def __call__(self, _: mx.array) -> mx.array:
        """(B,) token ids, of the logits; what is given is mlx-lm's, and nothing."""
        rows, logits = self.entry.rows, self.logits
        if self.entry.step_arrays is None:
            samplings = [row.sampling for row in rows]
            self.entry.step_arrays = Parameters.of(samplings, logits.shape[-1])
        logits = adjust(logits, rows)
        if any(row.constraint is not None for row in rows):
            logits = self._masks.apply(logits, rows)
        possible = _forbid_ends(logits, rows)
        tokens, peaks = self._choose(possible, self.entry.step_arrays)
        mx.async_eval(tokens, peaks)
        told = {place: row.logprobs for place, row in enumerate(rows) if row.logprobs is not None}
        logprobs = step_logprobs(logits, tokens, told, possible) if told else None
        draw = Draw(tokens, peaks, logprobs)
        count(draw, rows)
        for place, row in enumerate(rows):
            row.sampled += 1
            row.draws.append((draw, place))
        return tokens

    def _choose(self, logits: mx.array, parameters: Parameters) -> tuple[mx.array, mx.array]:
        """Tokens (B,) and the largest logit of each row (B,), of (B, V) logits."""
        rows = self.entry.rows
        few = parameters.candidates
        if few is None and on_host() and logits.shape[-1] >= self._wide:
            return self._choose_on_host(logits)
        candidates = Candidates(logits, few or FEW[0])
        if parameters.greedy:
            return candidates.first(), candidates.peaks
        uniforms = mx.array([[row.uniform] for row in rows], mx.float32)
        if few is not None:
            return draw_from_few(candidates, parameters, uniforms), candidates.peaks
        drawn_tokens = draw_from_all(logits, parameters, uniforms)
        tokens = mx.where(parameters.is_greedy, candidates.first(), drawn_tokens)
        return tokens, candidates.peaks

    def _choose_on_host(self, logits: mx.array) -> tuple[mx.array, mx.array]:
        chosen = [
            self._host_draw.draw(of_row, row.sampling, row.uniform)
            for of_row, row in zip(as_numpy(in_float32(logits)), self.entry.rows, strict=True)
        ]
        tokens, peaks = zip(*chosen, strict=True)
        return mx.array(tokens, mx.uint32), mx.array(peaks, mx.float32)


def _forbid_ends(logits: mx.array, rows: list[Row]) -> mx.array:
    """(B, V) logits, those of ids that end a turn -inf in rows that must go on."""
    ends = [() if row.may_end else row.end_ids for row in rows]
    most = max(map(len, ends))
    if not most:
        return logits
    # A row with fewer has its first one, or its first logit as it is, again and again.
    ids = mx.array([[*each, *[(*each, 0)[0]] * (most - len(each))] for each in ends])
    barred = mx.array([[bool(each)] for each in ends])
    values = mx.take_along_axis(logits, ids, axis=-1)
    values = mx.where(barred, mx.array(-mx.inf, logits.dtype), values)
    return mx.put_along_axis(logits, ids, values, axis=-1)
