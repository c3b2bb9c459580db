"""One model against another in one score: what may be said, and what may not.

Each verdict stands by its own 95 % interval: among twenty differences that don't exist, one will be
told by chance.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

from bluey_admin.evaluation.findings import SCORES, Interval, Verdict
from bluey_admin.evaluation.intervals import (
    Scores,
    difference_interval,
    mean_interval,
    paired_probes,
)

FEWEST = 6
"""Probes for a verdict: five that agree come about by chance once in sixteen times."""

_NOTHING = 1e-9  # what rounding leaves of no difference

_MORE = {
    "character": "is more in character than",
    "on_topic": "is on topic more often than",
    "words": "uses more words than",
    "in_range": "keeps to the length of the training replies more often than",
    "cut_short": "is cut short more often than",
    "by_heart": "says training lines by heart more often than",
    "breaks": "falls out of character more often than",
    "variety": "varies more from seed to seed than",
}

_ALIKE = {
    "character": "how much they are in character",
    "on_topic": "how often they are on topic",
    "words": "how many words they use",
    "in_range": "how often they keep to the length of the training replies",
    "cut_short": "how often they are cut short",
    "by_heart": "how often they say training lines by heart",
    "breaks": "how often they fall out of character",
    "variety": "how much they vary from seed to seed",
}


def verdicts(models: Mapping[str, Mapping[str, Scores]]) -> list[Verdict]:
    """What can be told of each pair, score by score; `first` is the one that has more.

    `models` maps a name to the model's scores by SCORES, of shape (probes, seeds) or
    (repeats, probes, seeds), row by row the same probes for all; scores that are missing on either
    side are passed over.
    """
    told = []
    for score, a, b, difference, certain in _differences(models):
        if not certain or difference.value is None:
            continue
        first, second = a, b
        if difference.value < 0:
            first, second, difference = b, a, _turned(difference)
        ours, theirs = models[first][score], models[second][score]
        says = (
            f"{first} {_MORE[score]} {second}: {_figure(score, mean_interval(ours))} against "
            f"{_figure(score, mean_interval(theirs))}, {_spelled(score, difference)}"
        )
        told.append(Verdict(score, first, second, difference, says))
    return told


def untold(models: Mapping[str, Mapping[str, Scores]]) -> list[Verdict]:
    """The pairs and scores of which `verdicts` says nothing, and the difference it left unsaid."""
    left = []
    for score, a, b, difference, certain in _differences(models):
        if certain:
            continue
        says = f"{a} and {b} can't be told apart in {_ALIKE[score]}"
        if difference.value is None:
            says += ": there are too few answers"
        elif paired_probes(models[a][score], models[b][score]) < FEWEST:
            says += f": it takes {FEWEST} probes or more"
        else:
            says += f": {_spelled(score, difference)}"
        left.append(Verdict(score, a, b, difference, says))
    return left


def _differences(
    models: Mapping[str, Mapping[str, Scores]],
) -> Iterator[tuple[str, str, str, Interval, bool]]:
    """Each score and pair with the difference, and whether it is one."""
    for a, b in combinations(models, 2):
        for score in SCORES:
            if score in models[a] and score in models[b]:
                ours, theirs = models[a][score], models[b][score]
                difference = difference_interval(ours, theirs)
                enough = paired_probes(ours, theirs) >= FEWEST
                yield score, a, b, difference, enough and _excludes_zero(difference)


def _turned(interval: Interval) -> Interval:
    value, low, high = interval.value or 0.0, interval.low or 0.0, interval.high or 0.0
    return Interval(-value, -high, -low)


def _excludes_zero(interval: Interval) -> bool:
    if interval.low is None or interval.high is None:
        return False
    return interval.low > _NOTHING or interval.high < -_NOTHING


def _figure(score: str, interval: Interval) -> str:
    return "?" if interval.value is None else f"{interval.value:.{_digits(score)}f}"


def _spelled(score: str, interval: Interval) -> str:
    """With as many figures as keep an end of the interval from being rounded to nothing."""
    value, low, high = interval.value or 0.0, interval.low or 0.0, interval.high or 0.0
    digits = _digits(score)
    ends = [abs(end) for end in (value, low, high) if abs(end) > _NOTHING]
    while digits < 6 and any(round(end, digits) == 0 for end in ends):
        digits += 1
    value, low, high = (round(number, digits) + 0.0 for number in (value, low, high))  # no -0.00
    return f"difference {value:+.{digits}f} (95 % interval {low:+.{digits}f} to {high:+.{digits}f})"


def _digits(score: str) -> int:
    return 1 if score == "words" else 2
