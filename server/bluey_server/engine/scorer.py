"""Scoring prompts: how likely each of their tokens is after those before it.

A prompt is scored between two steps of the batch, in pieces, so that streams keep flowing; with a
KV cache of its own, since only generating rows have a place in the batch's. The logits of every
position are needed, so nothing of it can come from the prefix cache; but what was computed may go
there, for whoever continues the prompt.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache

from bluey_server.engine.bank import LoRABank
from bluey_server.engine.likeliest import step_logprobs
from bluey_server.messages import Score, TokenLogprobs

_LOGITS = 2**25
"""Logits computed at once: 128 MiB in float32, of which a few copies live for a moment."""


@dataclass
class Scoring:
    """A prompt that is being scored."""

    asked: Score
    slot: int  # in the LoRA bank
    layers: list[Any] = field(default_factory=list)  # its KV cache
    done: int = 0  # tokens that went through the model

    @property
    def left(self) -> int:
        """Tokens that have yet to go through it; of the last one nothing follows."""
        return len(self.asked.prompt) - 1 - self.done


class Scorer:
    """The prompts to be scored, in the order of their arrival. Belongs on the thread of MLX."""

    def __init__(self, model: Any, bank: LoRABank, vocabulary: int) -> None:
        """`vocabulary` is the width of the model's logits."""
        self._model = model
        self._bank = bank
        self._most = max(_LOGITS // vocabulary, 1)  # tokens at once
        self._queue: deque[Scoring] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, request: Score, slot: int) -> None:
        """Put a prompt at the end of the queue."""
        self._queue.append(Scoring(request, slot, make_prompt_cache(self._model)))

    def remove(self, request: int) -> None:
        """Take a prompt out. Idle when it isn't there."""
        self._queue = deque(one for one in self._queue if one.asked.id != request)

    def clear(self) -> list[int]:
        """Take all out; which they were."""
        lost = [one.asked.id for one in self._queue]
        self._queue.clear()
        return lost

    @property
    def next(self) -> Scoring:
        """Whose turn it is."""
        return self._queue[0]

    def piece(self, tokens: int) -> list[TokenLogprobs]:
        """Score at most `tokens` further tokens of the next prompt; it leaves with its last one.

        Raises whatever MLX raises; the prompt is then still the next one.
        """
        scoring = self.next
        told: list[TokenLogprobs] = []
        end = scoring.done + min(scoring.left, tokens)
        while scoring.done < end:
            start, stop = scoring.done, min(scoring.done + self._most, end)
            here, following = scoring.asked.prompt[start:stop], scoring.asked.prompt[start + 1 :]
            self._bank.select([scoring.slot])
            logits = self._model(mx.array([here]), cache=scoring.layers)[0]
            told += _tell(logits, following[: len(here)], scoring.asked.logprobs)
            scoring.done = stop
        if scoring.left == 0:
            self._queue.popleft()
        return told


def _tell(logits: mx.array, following: list[int], count: int) -> list[TokenLogprobs]:
    """Of (L, V) logits and the L tokens that came after each of their positions."""
    places = range(len(following))
    counts = dict.fromkeys(places, count)
    told = step_logprobs(logits, mx.array(following), counts, logits)
    return [told.of(place) for place in places]
