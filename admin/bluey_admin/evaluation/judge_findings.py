"""What a judge's rulings say about a pair of models."""

from collections.abc import Iterable

import numpy as np

from bluey_admin.evaluation.findings import JudgeFindings
from bluey_admin.evaluation.intervals import mean_interval
from bluey_admin.evaluation.judge import Ruling


def judge_findings(first: str, second: str, rulings: Iterable[Ruling]) -> JudgeFindings:
    """How often `first` won against `second`; rulings on other models are passed over.

    A pair of answers counts 1, 0, or 0.5 where the judge called a tie or disagreed with itself
    once the order was turned. It counts only if there is a verdict in both orders: one alone would
    carry the judge's liking for a place.
    """
    models = {first, second}
    own = [r for r in rulings if {r.shown_first, r.shown_second} == models]
    by_order = {(r.probe, r.seed, r.shown_first): r for r in own}
    probes = list(dict.fromkeys(r.probe for r in own))
    seeds = sorted({r.seed for r in own})
    wins = np.full((len(probes), len(seeds)), np.nan)
    agreed: list[bool] = []
    decided: list[bool] = []  # of each decided answer, whether the one shown first won
    for row, probe in enumerate(probes):
        for column, seed in enumerate(seeds):
            both = [by_order.get((probe, seed, shown_first)) for shown_first in (first, second)]
            usable = [ruling for ruling in both if ruling and ruling.counts]
            if len(usable) < 2:
                continue
            winners = {ruling.winner for ruling in usable}
            agreed.append(len(winners) == 1)
            decided += [r.outcome == "first" for r in usable if r.winner]
            wins[row, column] = 1.0 if winners == {first} else 0.0 if winners == {second} else 0.5
    return JudgeFindings(
        first=first,
        second=second,
        wins=mean_interval(wins),
        asked=len(own),
        consistent=_share(agreed),
        chose_shown_first=_share(decided),
        refused=sum(r.outcome == "refused" for r in own),
        malformed=sum(r.outcome == "malformed" for r in own),
    )


def _share(of: list[bool]) -> float | None:
    return sum(of) / len(of) if of else None
