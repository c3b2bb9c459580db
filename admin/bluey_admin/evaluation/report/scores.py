"""What the scores are called, what they mean, and how their figures are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bluey_admin.evaluation.findings import Findings, Interval, ModelFindings, Verdict

NONE = "\u2013"
"""What stands where there is no figure."""


@dataclass(frozen=True)
class Score:
    """One score as a reader meets it."""

    title: str
    short: tuple[str, str]  # a heading in two lines, for the terminal
    explained: str
    better: Literal["more", "less"] | None  # None where neither is
    share: bool = True  # 0 to 1 and shown as per cent; otherwise a plain number


_SCORES = {
    "character": Score(
        "Character",
        ("char-", "acter"),
        "how sure a classifier of style is that the character speaks, not a plain assistant",
        "more",
    ),
    "on_topic": Score(
        "On topic", ("on", "topic"), "answers with a word that belongs to the question", "more"
    ),
    "words": Score(
        "Words",
        ("", "words"),
        "length of an answer, on average; neither way is better",
        None,
        False,
    ),
    "in_range": Score(
        "Usual length",
        ("usual", "length"),
        "answers as long as nine in ten replies of the training data",
        "more",
    ),
    "cut_short": Score(
        "Cut short", ("cut", "short"), "answers that ran into the limit of tokens", "less"
    ),
    "by_heart": Score(
        "By heart",
        ("by", "heart"),
        "answers that repeat a run of words of the training data",
        "less",
    ),
    "breaks": Score(
        "Breaks", ("", "breaks"), "answers that fall out of character, as “as an AI” does", "less"
    ),
    "variety": Score(
        "Variety",
        ("", "variety"),
        "how much the answers differ from one another; 0 if all are the same",
        "more",
        False,
    ),
}

_PERPLEXITY = {
    "character": Score(
        "Perplexity, character",
        ("perplexity", "character"),
        "on held-out lines in the character's voice; comparable between models of one tokenizer",
        None,
        False,
    ),
    "plain": Score(
        "Perplexity, plain",
        ("perplexity", "plain"),
        "on held-out plain lines; it rises when a training made the model forget",
        None,
        False,
    ),
}


def score_of(name: str) -> Score:
    """The score of that name; one that nobody described is its name and no more."""
    words = name.replace("_", " ")
    return _SCORES.get(name) or Score(words.capitalize(), ("", words), "", None, False)


def perplexity_of(kind: str) -> Score:
    """The perplexity on one kind of held-out lines, "character" or "plain"."""
    name = f"perplexity, {kind}"
    return _PERPLEXITY.get(kind) or Score(name.capitalize(), ("", name), "", None, False)


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


def span(score: Score, interval: Interval) -> str:
    """`78 to 88`, or nothing where there is no interval."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{bare_figure(score, interval.low)} to {bare_figure(score, interval.high)}"


def best(name: str, models: Sequence[ModelFindings]) -> set[str]:
    """The models with the best figure; none if all have the same, or neither way is better."""
    values = {model.name: model.scores.get(name, Interval()).value for model in models}
    known = {model: value for model, value in values.items() if value is not None}
    better = score_of(name).better
    if better is None or len(set(known.values())) < 2:
        return set()
    top = max(known.values()) if better == "more" else min(known.values())
    return {model for model, value in known.items() if value == top}


def told_apart(verdict: Verdict) -> bool:
    """Whether the interval of the difference leaves out zero."""
    low, high = verdict.difference.low, verdict.difference.high
    return low is not None and high is not None and (low > 0 or high < 0)


def perplexity_kinds(findings: Findings) -> list[str]:
    """The kinds of held-out lines for which any model has a perplexity."""
    kinds = dict.fromkeys(kind for model in findings.models for kind in model.perplexity)
    return [
        kind
        for kind in kinds
        if any(m.perplexity.get(kind, Interval()).value is not None for m in findings.models)
    ]
