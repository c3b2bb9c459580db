"""Everything that touches MLX in an engine: the base, the bank, the batch.

One long-lived thread makes it and calls it: `generation_stream` is thread-local, and lazy arrays
can't cross threads. What goes in and comes out is plain Python.
"""

import sys
import time
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.generate import BatchGenerator, StopSequences
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model

from bluey_server.engine.bank import LoRABank
from bluey_server.engine.processors import processors_for
from bluey_server.engine.rows import Row, RowEntry, RowToken
from bluey_server.engine.sampler import BatchSampler
from bluey_server.messages import Generate

MAX_ROWS = 32
"""Rows that decode together."""

_PREFILL_ROWS = 4
_PREFILL_STEP = 256
"""Tokens a row in one piece of prefill. A running stream waits for at most rows x step of them."""


class _SharedModel:
    """The base as BatchGenerator sees it: takes our entry off the cache, tells bank and sampler
    which rows are coming, and calls the real model."""

    def __init__(self, model: Any, bank: LoRABank, sampler: BatchSampler) -> None:
        self._model = model
        self._bank = bank
        self._sampler = sampler
        self.layers = model.layers

    def __call__(self, tokens: mx.array, cache: list[Any]) -> mx.array:
        """(B, L) token ids to (B, L, V) logits."""
        entry: RowEntry = cache[-1]
        self._bank.select([row.slot for row in entry.rows])
        self._sampler.entry = entry
        logits: mx.array = self._model(tokens, cache=cache[:-1])
        return logits


class Backend:
    """A loaded base and the batch that runs on it."""

    def __init__(self, folder: Path, *, memory: int) -> None:
        """Load the base in `folder`, within `memory` bytes. Raises whatever mlx_lm raises."""
        started = time.monotonic()
        self._model, _ = load_model(folder)
        self._model.eval()
        self._bank = LoRABank(self._model)
        self._sampler = BatchSampler()
        self._requests: dict[int, int] = {}  # uid to request
        self._uids: dict[int, int] = {}
        self._memory = memory
        self._generator = self._make_generator()
        self.load_seconds = time.monotonic() - started

    def load_adapter(self, slot: int, folder: Path) -> None:
        """Fill a slot of the bank. Raises UnservableAdapter."""
        self._bank.load(slot, folder)

    def clear_slot(self, slot: int) -> None:
        """Empty a slot of the bank."""
        self._bank.clear(slot)

    def add(self, request: Generate, slot: int) -> None:
        """Put a request into the batch; its prompt is computed in the coming steps."""
        row = Row(slot, request.sampling, request.end_ids, request.min_tokens)
        (uid,) = self._generator.insert(
            [request.prompt],
            max_tokens=[request.max_tokens],
            caches=[[*make_prompt_cache(self._model), RowEntry([row])]],
            logits_processors=[processors_for(request.sampling)],
            stop_sequences=[StopSequences([[token] for token in request.end_ids])],
        )
        self._requests[uid] = request.id
        self._uids[request.id] = uid

    def remove(self, request: int) -> None:
        """Take a request out of the batch, wherever it stands. Idle when it isn't there."""
        uid = self._uids.pop(request, None)
        if uid is not None:
            del self._requests[uid]
            self._generator.remove([uid])

    def step(self) -> list[RowToken]:
        """One decode step for all rows that have their prompt, one piece of prefill for those
        that don't."""
        _, responses = self._generator.next()
        tokens = []
        for response in responses:
            request = self._requests[response.uid]
            tokens.append(RowToken(request, response.token, response.finish_reason))
            if response.finish_reason is not None:
                del self._requests[response.uid], self._uids[request]
        return tokens

    def reset(self) -> list[int]:
        """Throw the batch away and start another; the requests that were in it."""
        lost = list(self._uids)
        self._requests.clear()
        self._uids.clear()
        self._generator.close()
        self._generator = self._make_generator()
        return lost

    @property
    def memory_bytes(self) -> int:
        """MLX's own count of active memory."""
        return mx.get_active_memory()

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

    def _make_generator(self) -> BatchGenerator:
        generator = BatchGenerator(
            _SharedModel(self._model, self._bank, self._sampler),
            sampler=self._sampler,
            completion_batch_size=MAX_ROWS,
            prefill_batch_size=_PREFILL_ROWS,
            prefill_step_size=_PREFILL_STEP,
        )
        # After BatchGenerator, which raises the wired limit to the machine's maximum: several
        # engines share this machine.
        mx.set_memory_limit(self._memory)
        mx.set_cache_limit(self._memory // 4)
        if sys.platform == "darwin" and mx.metal.is_available():
            mx.set_wired_limit(self._memory)
        return generator
