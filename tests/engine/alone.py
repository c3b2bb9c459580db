"""What a request gives alone: mlx-lm's model and mlx-lm's own LoRA layers, one row, no engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluey_server.messages import Sampling

CLOSE = 1e-4
"""Two leading logits nearer than this may change places with the order of a sum."""


@dataclass(frozen=True)
class Answer:
    """Greedy tokens, how far each led the second, and why they end where they do."""

    tokens: list[int]  # the one that ends the turn is not among them
    leads: list[float]  # as long as the tokens, and one longer where the turn ended
    finished: str  # "stop" | "length"


class Alone:
    """One base by itself and, for each adapter asked about, one more with that adapter in it."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._models: dict[Path | None, Any] = {}
        self._known: dict[Any, tuple[list[int], list[float]]] = {}

    def answer(
        self,
        prompt: Sequence[int],
        adapter: Path | None = None,
        *,
        max_tokens: int,
        end_ids: Sequence[int] = (),
        sampling: Sampling | None = None,
    ) -> Answer:
        """The greedy answer to a prompt; computed once, or again where it must be longer."""
        sampling = sampling or Sampling(temperature=0)
        key = (tuple(prompt), adapter, sampling)
        if len(self._known.get(key, ([], []))[0]) < max_tokens:
            self._known[key] = self._generate(list(prompt), adapter, max_tokens, sampling)
        tokens, leads = self._known[key]
        for index, token in enumerate(tokens[:max_tokens]):
            if token in end_ids:
                return Answer(tokens[:index], leads[: index + 1], "stop")
        return Answer(tokens[:max_tokens], leads[:max_tokens], "length")

    def logprobs(self, tokens: Sequence[int], adapter: Path | None = None) -> Any:
        """Of every token after each beginning of `tokens`, by one forward pass without a cache:
        a NumPy array (L, V) of float64."""
        import mlx.core as mx
        import numpy as np

        logits = np.array(self._model(adapter)(mx.array([list(tokens)]))[0].astype(mx.float32))
        logits = logits.astype(np.float64)
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))

    def vocabulary(self) -> int:
        """How many token ids the base knows."""
        return int(self._model(None).args.vocab_size)

    def _generate(
        self, prompt: list[int], adapter: Path | None, count: int, sampling: Sampling
    ) -> tuple[list[int], list[float]]:
        import mlx.core as mx
        import numpy as np
        from mlx_lm.models.cache import make_prompt_cache

        model = self._model(adapter)
        cache = make_prompt_cache(model)
        tokens: list[int] = []
        leads: list[float] = []
        todo = prompt
        while len(tokens) < count:
            logits = np.array(model(mx.array([todo]), cache=cache)[0, -1].astype(mx.float32))
            penalize(logits, prompt, tokens, sampling)
            second, first = np.sort(logits)[-2:]
            todo = [int(logits.argmax())]
            tokens += todo
            leads.append(float(first - second))
        return tokens, leads

    def _model(self, adapter: Path | None) -> Any:
        from mlx_lm.tuner.utils import load_adapters
        from mlx_lm.utils import load_model

        if adapter not in self._models:
            model, _ = load_model(self._base)
            if adapter is not None:
                model = load_adapters(model, str(adapter))
            model.eval()
            self._models[adapter] = model
        return self._models[adapter]


def penalize(logits: Any, prompt: list[int], answer: list[int], sampling: Sampling) -> None:
    """What the fields of Sampling say, written down a second time. Logits (V,), changed in place.

    The repetition penalty is CTRL's (arXiv:1909.05858), over prompt and answer; the two others
    are OpenAI's, over the answer alone.
    """
    if sampling.repetition_penalty != 1:
        for token in {*prompt, *answer}:
            factor = sampling.repetition_penalty
            logits[token] = logits[token] * factor if logits[token] < 0 else logits[token] / factor
    for token in set(answer):
        logits[token] -= sampling.frequency_penalty * answer.count(token)
        logits[token] -= sampling.presence_penalty
    for token, bias in sampling.logit_bias:
        logits[token] += bias


def same(got: Sequence[int], finished: str | None, alone: Answer, what: str = "the answer") -> bool:
    """Assert that an answer is the one given alone, token for token; `finished` None means that
    it was cut short, and so need only be the beginning.

    False, instead of an error, where a tie excuses the first difference: from there on, the two
    texts may go separate ways.
    """
    for index, lead in enumerate(alone.leads):
        here = got[index] if index < len(got) else None
        expected = alone.tokens[index] if index < len(alone.tokens) else None
        if here == expected:
            continue
        if here is None and finished is None:
            return True
        if lead < CLOSE:
            return False
        raise AssertionError(
            f"{what} differs at {index}: {here}, alone {expected}, which leads by {lead:.6f}\n"
            f"got   {list(got)} ({finished})\nalone {alone.tokens} ({alone.finished})"
        )
    assert len(got) <= len(alone.tokens), f"{what} goes on after its end: {list(got)}"
    assert finished in (None, alone.finished), f"{what} ended by {finished!r}"
    return True
