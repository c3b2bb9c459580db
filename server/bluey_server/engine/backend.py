"""Everything that touches MLX in an engine: the base, the bank, the batch, the prefix cache.

One long-lived thread makes it and calls it: `generation_stream` is thread-local, and lazy arrays
can't cross threads. What goes in and comes out is plain Python.
"""

import logging
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.generate import BatchGenerator, StopSequences
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model

from bluey_server.engine.adjustments import Adjustment
from bluey_server.engine.bank import LoRABank
from bluey_server.engine.figures import BackendFigures
from bluey_server.engine.grammar import Constraint
from bluey_server.engine.kv_budget import KVBudget, KVCost, Room
from bluey_server.engine.prefill_pace import PrefillPace
from bluey_server.engine.prefix_cache import SHORTEST, PrefixCache
from bluey_server.engine.rows import Outcome, PromptScored, Row, RowEntry, RowFailed, RowToken
from bluey_server.engine.sampler import BatchSampler
from bluey_server.engine.scorer import Scorer
from bluey_server.messages import Generate, Score

log = logging.getLogger(__name__)

MAX_ROWS = 32
"""Rows that decode together."""

_PREFILL_ROWS = 16
"""Rows whose prompts are computed together; they share the step's tokens, so a short prompt is
through after a few steps whatever is beside it."""

_KV_SHARE = 0.7
"""Of the memory left beside weights and adapters, for keys and values; steps need the rest."""

_PREFIX_SHARE = 0.5
"""Of the memory for keys and values, what the prefix cache may fill; rows that need it come
first."""


class _SharedModel:
    """The base as BatchGenerator sees it: takes our entry off the cache, tells bank and sampler
    which rows are coming, and calls the real model."""

    def __init__(self, model: Any, bank: LoRABank, sampler: BatchSampler) -> None:
        self._model = model
        self._bank = bank
        self._sampler = sampler
        self.layers = model.layers

    def __call__(self, tokens: mx.array, cache: list[Any]) -> mx.array:
        """Token ids (B, L), to logits for the sampler and (B, L, 1) zeros for BatchGenerator: it
        would normalize logits over the whole vocabulary, each row's at each step, and nobody
        would look at that."""
        entry: RowEntry = cache[-1]
        self._bank.select([row.slot for row in entry.rows])
        logits: mx.array = self._model(tokens, cache=cache[:-1])
        self._sampler.entry = entry
        if tokens.shape[1] == 1:
            self._sampler.logits = logits[:, -1]
        return mx.zeros((*tokens.shape, 1))


@dataclass
class _Request:
    """A request in the batch."""

    uid: int
    asked: Generate
    row: Row
    cached: int  # tokens of the prompt that the prefix cache had
    borders: list[int]  # lengths of the prompt at which its caches are to be kept


class Backend:
    """A loaded base and the batch that runs on it."""

    def __init__(self, folder: Path, *, memory: int) -> None:
        """Load the base in `folder`, within `memory` bytes. Raises whatever mlx_lm raises."""
        started = time.monotonic()
        before = mx.get_active_memory()
        self._model, _ = load_model(folder)
        self._model.eval()
        self._bank = LoRABank(self._model)
        self._sampler = BatchSampler()
        self._requests: dict[int, _Request] = {}  # by the request's number
        self._numbers: dict[int, int] = {}  # uid to request
        self._decoding: set[int] = set()  # requests whose prompt is computed
        self._memory = memory
        self._pace = PrefillPace()
        self._scoring_pace = PrefillPace()  # a scored token costs more: all its logits are needed
        self._generator = self._make_generator()
        room = int(max(memory - (mx.get_active_memory() - before), 0) * _KV_SHARE)
        cost, self.vocabulary = self._measure()
        self._budget = KVBudget(cost, room)
        self._scorer = Scorer(self._model, self._bank, self.vocabulary)
        self._prefixes = PrefixCache(int(room * _PREFIX_SHARE))
        self._prompt_tokens = self._cached_tokens = self._steps = self._rows_stepped = 0
        self.load_seconds = time.monotonic() - started

    def load_adapter(self, slot: int, folder: Path) -> None:
        """Fill a slot of the bank. Raises UnservableAdapter."""
        self._bank.load(slot, folder)

    def clear_slot(self, slot: int) -> None:
        """Empty a slot of the bank."""
        self._bank.clear(slot)

    def drop_adapter(self, adapter: str) -> None:
        """Forget what the prefix cache holds for an adapter that won't be asked for again."""
        self._prefixes.drop(adapter)

    def room(self, request: Generate | Score) -> Room:
        """Whether there is memory for a request, the prefix cache giving way if need be."""
        longest = len(request.prompt) + (request.max_tokens if isinstance(request, Generate) else 0)
        room = self._budget.room(longest)
        if room is Room.NOW:
            self._prefixes.shrink(self._budget.left(longest))
        return room

    def add(self, request: Generate, slot: int, constraint: Constraint | None = None) -> int:
        """Put a request into the batch; its prompt is computed in the coming steps, but for the
        tokens that the prefix cache has: their number. `constraint` is its grammar's."""
        layers, cached = self._prefixes.find(request.adapter, request.prompt)
        adjustment = Adjustment.wanted(request.sampling, request.prompt)
        row = Row(
            slot,
            request.sampling,
            request.end_ids,
            request.min_tokens,
            adjustment,
            constraint=constraint,
            logprobs=request.logprobs,
        )
        last = len(request.prompt) - 1
        wanted = (n for n in {*request.checkpoints, last} if n >= SHORTEST)
        borders = sorted(n for n in wanted if cached < n <= last)
        (uid,) = self._generator.insert_segments(
            [_cut(request.prompt, [cached, *borders])],
            max_tokens=[request.max_tokens],
            caches=[[*(layers or make_prompt_cache(self._model)), RowEntry([row])]],
            all_tokens=[request.prompt[:cached]],
            stop_sequences=[StopSequences([[token] for token in request.end_ids])],
        )
        self._requests[request.id] = _Request(uid, request, row, cached, borders)
        self._numbers[uid] = request.id
        self._budget.reserve(request.id, len(request.prompt) + request.max_tokens)
        self._prompt_tokens += len(request.prompt)
        self._cached_tokens += cached
        return cached

    def score(self, request: Score, slot: int) -> None:
        """Have a prompt scored in the coming steps, beside the batch."""
        self._scorer.add(request, slot)
        self._budget.reserve(request.id, len(request.prompt))
        self._prompt_tokens += len(request.prompt)

    def remove(self, request: int) -> None:
        """Take a request out, wherever it stands. Idle when it isn't there."""
        if request in self._requests:
            self._generator.remove([self._forget(request).uid])
        else:
            self._scorer.remove(request)
            self._budget.release(request)

    def step(self) -> list[Outcome]:
        """One decode step for all rows that have their prompt, one piece of prefill for those
        that don't; then one of scoring."""
        generated = self._generate() if self._requests else []
        return [*generated, *(self._score() if self._scorer else [])]

    def _generate(self) -> list[Outcome]:
        prefilling = len(self._requests) - len(self._decoding)
        piece = self._pace.tokens(prefilling=prefilling, decoding=len(self._decoding))
        if self._scorer:
            piece //= 2  # streams wait for no more than without it
        rows = min(max(prefilling, 1), _PREFILL_ROWS)
        self._generator.prefill_step_size = max(piece // rows, 1)
        started = time.perf_counter()
        with self._generator.stats() as stats:
            prompts, responses = self._generator.next()
        took = time.perf_counter() - started
        self._pace.observe(took, prefilled=stats.prompt_tokens, decoded=bool(responses))
        if not stats.prompt_tokens:
            self._scoring_pace.observe(took, prefilled=0, decoded=bool(responses))
        for response in prompts:
            self._progress(response)
        self._steps += bool(responses)
        self._rows_stepped += len(responses)
        return [self._outcome(response) for response in responses]

    def _score(self) -> list[Outcome]:
        """Score as many tokens of prompts as the pace allows; each prompt's outcome is its own."""
        left = self._scoring_pace.tokens(prefilling=1, decoding=len(self._decoding))
        if len(self._requests) > len(self._decoding):
            left //= 2
        outcomes: list[Outcome] = []
        while self._scorer and left > 0:
            scoring = self._scorer.next
            number, started = scoring.asked.id, time.perf_counter()
            try:
                told = self._scorer.piece(left)
            except Exception as error:
                # It has no part in the batch, so no one else has a part in its failure.
                log.exception("prompt %d could not be scored", number)
                self.remove(number)
                outcomes.append(RowFailed(number, f"the prompt could not be scored: {error}"))
                continue
            took = time.perf_counter() - started
            self._scoring_pace.observe(took, prefilled=len(told), decoded=False)
            left -= max(len(told), 1)
            last = scoring.left == 0
            if last:
                self._budget.release(number)
                # For whoever goes on from the prompt: its last token is what they begin with.
                self._prefixes.put(scoring.asked.adapter, scoring.asked.prompt[:-1], scoring.layers)
            outcomes.append(PromptScored(number, told, last))
        return outcomes

    def reset(self) -> list[int]:
        """Throw the batch away and start another; the requests that were in it."""
        lost = list(self._requests)
        for request in lost:
            self._forget(request)
        self._generator.close()
        self._generator = self._make_generator()
        return lost

    @property
    def figures(self) -> BackendFigures:
        """What it holds and has done."""
        return BackendFigures(
            memory_bytes=mx.get_active_memory(),
            kv_bytes=self._budget.reserved,
            prefix_bytes=self._prefixes.nbytes,
            prefix_entries=len(self._prefixes),
            prompt_tokens=self._prompt_tokens,
            cached_tokens=self._cached_tokens,
            steps=self._steps,
            rows_stepped=self._rows_stepped,
        )

    @property
    def device(self) -> str:
        """Where the work is done, in words."""
        if mx.metal.is_available():
            return "Metal"
        return "CUDA" if mx.default_device().type == mx.DeviceType.gpu else "CPU"

    def close(self) -> None:
        """Finish what MLX is still at: ending the thread before aborts the process."""
        mx.synchronize()
        self._generator.close()

    def _outcome(self, response: Any) -> Outcome:
        """What became of a row in a step."""
        request = self._requests[self._numbers[response.uid]]
        number, row = request.asked.id, request.row
        draw, place = row.draws.popleft()
        failure = row.failure or _dead_end(draw.peaks[place], row)
        told = None if row.logprobs is None or failure else draw.told(place)
        if response.finish_reason is None and failure is None:
            return RowToken(number, response.token, None, told)
        self._forget(number)
        if failure is not None:
            self._generator.remove([response.uid])
            return RowFailed(number, failure)
        self._keep(request, response.all_tokens, response.prompt_cache)
        return RowToken(number, response.token, response.finish_reason, told)

    def _progress(self, response: Any) -> None:
        """A prompt is a piece further: decoding from now on, or at a border, or neither."""
        request = self._requests[self._numbers[response.uid]]
        if response.end_of_prompt:
            self._decoding.add(request.asked.id)
        elif response.end_of_segment:
            reached = request.cached + response.progress[0]
            if reached in request.borders:
                ((layers, _),) = self._generator.extract_cache([response.uid]).values()
                self._keep(request, request.asked.prompt[:reached], layers)

    def _keep(self, request: _Request, tokens: list[int], layers: list[Any]) -> None:
        layers = layers[:-1]  # without our entry
        mx.eval([layer.state for layer in layers])
        self._prefixes.put(request.asked.adapter, tokens, layers)

    def _forget(self, request: int) -> _Request:
        forgotten = self._requests.pop(request)
        del self._numbers[forgotten.uid]
        self._decoding.discard(request)
        self._budget.release(request)
        return forgotten

    def _measure(self) -> tuple[KVCost, int]:
        """What a token costs, and how wide the logits are, by putting one through the model; it
        warms the model up, too."""
        caches = make_prompt_cache(self._model)
        logits = self._model(mx.array([[0]]), cache=caches)
        mx.eval(logits)
        return KVCost.measured(caches), logits.shape[-1]

    def _make_generator(self) -> BatchGenerator:
        generator = BatchGenerator(
            _SharedModel(self._model, self._bank, self._sampler),
            sampler=self._sampler,
            completion_batch_size=MAX_ROWS,
            prefill_batch_size=_PREFILL_ROWS,
        )
        # After BatchGenerator, which raises the wired limit to the machine's maximum: several
        # engines share this machine.
        mx.set_memory_limit(self._memory)
        mx.set_cache_limit(self._memory // 4)
        if sys.platform == "darwin" and mx.metal.is_available():
            mx.set_wired_limit(self._memory)
        return generator


def _cut(tokens: list[int], borders: list[int]) -> list[list[int]]:
    """The pieces of `tokens` from one border to the next, and from the last one to the end."""
    ends = [*borders[1:], len(tokens)]
    return [tokens[start:end] for start, end in zip(borders, ends, strict=True)]


def _dead_end(peak: float, row: Row) -> str | None:
    """Why the token at hand is none: nothing could be chosen, or the logits are not numbers.
    `peak` is the largest of them."""
    if math.isfinite(peak):
        return None
    if row.constraint is not None:
        return row.constraint.failure or (
            "no next token is possible: every one that the grammar allows is forbidden"
        )
    return "no next token is possible: every one is forbidden, or the logits are not numbers"
