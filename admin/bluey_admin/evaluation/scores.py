"""Scoring answers against a data set: each answer on its own, and a model over its seeds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bluey_admin.evaluation.asking import Answer
from bluey_admin.evaluation.findings import SCORES, Classifier, ShownAnswer, ShownQuestion
from bluey_admin.evaluation.intervals import Scores
from bluey_admin.evaluation.style import DESCRIPTION, StyleClassifier, cross_validated
from bluey_admin.evaluation.voices import read_voices
from bluey_admin.evaluation.words import (
    BREAKS,
    Recital,
    breaking_phrase,
    distinct_pairs,
    is_cut_short,
    on_topic,
    words_of,
)
from bluey_data.catalog import Probe


@dataclass(frozen=True)
class Scored:
    """The answers of one model with all that was found in them."""

    model: str
    shown: dict[str, list[ShownAnswer]]  # by probe, then by seed; without those that are missing
    scores: dict[str, Scores]  # by SCORES: (probes, seeds), "variety" (probes, 1)


class Scorer:
    """What a data set's two voices allow to be said of an answer.

    The scores of an answer: `character`, the probability that the character speaks, 0 for an answer
    without a word; `words`, their number; and as 0 or 1 `on_topic`, `in_range` (no shorter than
    nineteen in twenty training replies, nor longer), `cut_short`, `by_heart` (eight words in a row
    from a training reply) and `breaks` (a phrase of assistants, of those that the training replies
    don't use). `variety` is the share of distinct word pairs over the seeds' answers to a probe.
    """

    def __init__(self, dataset: str | Path) -> None:
        """`dataset`: as `read_voices` takes it; raises what that raises."""
        self._voices = read_voices(dataset)
        replies = self._voices.replies
        self._style = StyleClassifier(replies, self._voices.plain_replies)
        self._recital = Recital(replies)
        self._lengths = np.array([len(words_of(reply)) for reply in replies])
        phrases = [re.compile(phrase, re.IGNORECASE) for phrase in BREAKS]
        self._breaks = [
            phrase for phrase in phrases if not any(breaking_phrase(r, [phrase]) for r in replies)
        ]

    @cached_property
    def training_words(self) -> dict[str, float]:
        """Words a training reply: mean, p05, p50, p95."""
        low, middle, high = np.percentile(self._lengths, (5, 50, 95))
        mean = float(self._lengths.mean())
        return {"mean": mean, "p05": float(low), "p50": float(middle), "p95": float(high)}

    def classifier(self) -> Classifier:
        """What judges style, and how well it does; takes as long as learning five times."""
        voices = self._voices
        accuracy = cross_validated(voices.character, voices.plain)
        return Classifier(DESCRIPTION, accuracy, len(voices.replies) + len(voices.plain_replies))

    def score(
        self, model: str, answers: Sequence[Answer], probes: Sequence[Probe], seeds: Sequence[int]
    ) -> Scored:
        """What `answers` has of `model`, of these probes and seeds; the rest is passed over."""
        asked = {probe.id: probe for probe in probes}
        heard = {
            (answer.question, answer.seed): answer
            for answer in answers
            if answer.model == model and answer.question in asked and answer.seed in seeds
        }
        likely = self._style.probability([answer.text for answer in heard.values()])
        found = {
            at: self._shown(answer, asked[answer.question], float(share))
            for (at, answer), share in zip(heard.items(), likely, strict=True)
        }
        shown = {p.id: [found[p.id, s] for s in seeds if (p.id, s) in found] for p in probes}
        scores = {name: np.full((len(probes), len(seeds)), np.nan) for name in SCORES}
        for row, probe in enumerate(probes):
            for column, seed in enumerate(seeds):
                if (probe.id, seed) in found:
                    for name, value in self._values(found[probe.id, seed]).items():
                        scores[name][row, column] = value
        scores["variety"] = np.array([[_variety(shown[probe.id])] for probe in probes]).reshape(
            len(probes), 1
        )
        return Scored(model, shown, scores)

    def _shown(self, answer: Answer, probe: Probe, likely: float) -> ShownAnswer:
        return ShownAnswer(
            model=answer.model,
            seed=answer.seed,
            text=answer.text,
            finish_reason=answer.finish_reason,
            character=likely if words_of(answer.text) else 0.0,
            on_topic=on_topic(answer.text, probe.on_topic) if probe.on_topic else None,
            by_heart=self._recital.longest_run(answer.text),
            breaks=breaking_phrase(answer.text, self._breaks),
            cut_short=is_cut_short(answer.text, answer.finish_reason),
        )

    def _values(self, answer: ShownAnswer) -> Mapping[str, float]:
        length = len(words_of(answer.text))
        usual = self.training_words
        return {
            "character": answer.character,
            "on_topic": np.nan if answer.on_topic is None else float(answer.on_topic),
            "words": float(length),
            "in_range": float(usual["p05"] <= length <= usual["p95"]),
            "cut_short": float(answer.cut_short),
            "by_heart": float(answer.by_heart is not None),
            "breaks": float(answer.breaks is not None),
        }


def shown_questions(probes: Sequence[Probe], models: Sequence[Scored]) -> list[ShownQuestion]:
    """Every probe with the answers of all models to it."""
    return [
        ShownQuestion(
            probe.id, probe.prompt, [answer for model in models for answer in model.shown[probe.id]]
        )
        for probe in probes
    ]


def _variety(answers: Sequence[ShownAnswer]) -> float:
    """NaN below two answers: one alone doesn't vary."""
    return distinct_pairs(answer.text for answer in answers) if len(answers) > 1 else np.nan
