"""What the scores are called, what they mean, and how their figures are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bluey_admin.evaluation.findings import Findings, Interval, ModelFindings

NONE = "\u2013"
"""What stands where there is no figure."""


@dataclass(frozen=True)
class Score:
    """One score as a reader meets it."""

    title: str
    explained: str
    better: Literal["more", "less"] | None  # None where neither is
    share: bool = True  # 0 to 1 and shown as per cent; otherwise a plain number


_SCORES = {
    "character": Score(
        "Character",
        "how sure a classifier is that the character speaks, and not a plain assistant",
        "more",
    ),
    "on_topic": Score("On topic", "answers with a word that belongs to the question", "more"),
    "words": Score("Words", "in an answer, on average; neither way is better", None, share=False),
    "in_range": Score(
        "Usual length", "answers as long as nine in ten replies of the training data", "more"
    ),
    "cut_short": Score(
        "Cut short", "answers that ran into the limit of tokens, or stop within a sentence", "less"
    ),
    "by_heart": Score(
        "By heart", "answers with eight words in a row from a training reply", "less"
    ),
    "breaks": Score("Breaks", "answers with an assistant's phrase, such as “as an AI”", "less"),
    "variety": Score(
        "Variety",
        "distinct pairs of words among all in the answers to one question; 1 if none comes twice",
        "more",
        share=False,
    ),
}

_PERPLEXITY = {
    "character": Score(
        "Perplexity, character",
        "on held-out lines in the character's voice; comparable between models of one tokenizer",
        None,
        share=False,
    ),
    "plain": Score(
        "Perplexity, plain",
        "on held-out plain lines; it rises when a training made the model forget",
        None,
        share=False,
    ),
}


def score_of(name: str) -> Score:
    """The score of that name; one that nobody described is its name and no more."""
    words = name.replace("_", " ")
    return _SCORES.get(name) or Score(words.capitalize(), "", None, share=False)


def perplexity_of(kind: str) -> Score:
    """The perplexity on one kind of held-out lines, "character" or "plain"."""
    name = f"perplexity, {kind}"
    return _PERPLEXITY.get(kind) or Score(name.capitalize(), "", None, share=False)


def figure(score: Score, value: float | None) -> str:
    """`83 %`, `41.2`, `0.61`, or a dash."""
    if value is None:
        return NONE
    return f"{bare_figure(score, value)}\u202f%" if score.share else bare_figure(score, value)


def bare_figure(score: Score, value: float | None) -> str:
    """The same without a unit."""
    if value is None:
        return NONE
    if score.share:
        return f"{100 * value:.1f}" if 0 < value < 0.0995 else f"{100 * value:.0f}"
    if abs(value) < 2:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def tick(score: Score, value: float) -> str:
    """A round figure on an axis: `5 %`, `0.25`."""
    return f"{100 * value:g}\u202f%" if score.share and value else f"{value:g}"


def span(score: Score, interval: Interval) -> str:
    """`78 to 88`, or nothing where there is no interval."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{bare_figure(score, interval.low)} to {bare_figure(score, interval.high)}"


def shortened(name: str, most: int) -> str:
    """A name in `most` letters; its end stays, since a version is there."""
    half = most // 2
    return name if len(name) <= most else f"{name[: most - half - 1]}…{name[-half:]}"


def best(name: str, models: Sequence[ModelFindings]) -> set[str]:
    """The models with the best figure; none if all have the same, or neither way is better."""
    values = {model.name: model.scores.get(name, Interval()).value for model in models}
    known = {model: value for model, value in values.items() if value is not None}
    score = score_of(name)
    shown = {model: figure(score, value) for model, value in known.items()}
    if score.better is None or len(set(shown.values())) < 2:
        return set()
    top = max(known.values()) if score.better == "more" else min(known.values())
    return {model for model, written in shown.items() if written == figure(score, top)}


def perplexity_kinds(findings: Findings) -> list[str]:
    """The kinds of held-out lines for which any model has a perplexity."""
    kinds = dict.fromkeys(kind for model in findings.models for kind in model.perplexity)
    return [
        kind
        for kind in kinds
        if any(m.perplexity.get(kind, Interval()).value is not None for m in findings.models)
    ]
