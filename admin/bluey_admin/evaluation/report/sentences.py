"""What is said of pairs of models, in the order of the scores."""

from collections.abc import Iterable
from itertools import combinations

from bluey_admin.evaluation.findings import SCORES, Findings, Interval, Verdict
from bluey_admin.evaluation.report.scores import score_of


def told_apart(findings: Findings) -> dict[str, list[str]]:
    """By a score's title, the sentences on the pairs that differ in it."""
    return _by_title((v.score, v.says) for v in findings.verdicts if _leaves_out_zero(v))


def not_told_apart(findings: Findings) -> dict[str, list[str]]:
    """By a score's title, sentences on the pairs that may not differ, then those without one."""
    left = [(v.score, v.says) for v in findings.verdicts if not _leaves_out_zero(v)]
    left += [(score, "; ".join(pairs)) for score, pairs in _unspoken(findings).items() if pairs]
    return _by_title(left)


def _unspoken(findings: Findings) -> dict[str, list[str]]:
    """By score, the pairs that have figures and no verdict."""
    spoken = {(v.score, frozenset((v.first, v.second))) for v in findings.verdicts}
    return {
        score: [
            f"{a.name} and {b.name}"
            for a, b in combinations(findings.models, 2)
            if (score, frozenset((a.name, b.name))) not in spoken
            if all(m.scores.get(score, Interval()).value is not None for m in (a, b))
        ]
        for score in SCORES
    }


def _by_title(told: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    by_title: dict[str, list[str]] = {score_of(score).title: [] for score in SCORES}
    for score, sentence in told:
        by_title.setdefault(score_of(score).title, []).append(sentence)
    return {title: sentences for title, sentences in by_title.items() if sentences}


def _leaves_out_zero(verdict: Verdict) -> bool:
    low, high = verdict.difference.low, verdict.difference.high
    return low is not None and high is not None and (low > 0 or high < 0)
