"""A comparison, from its plan to its findings: ask what is missing, then score all of it."""

import platform
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bluey_adapters.home import Home
from bluey_adapters.mlx_setup import available_cores
from bluey_adapters.registry import Registry
from bluey_admin.evaluation.asking import Answer, Ask, Question, Sampling, ask_each
from bluey_admin.evaluation.contestants import Contestant
from bluey_admin.evaluation.findings import (
    SCORES,
    Findings,
    Interval,
    JudgeFindings,
    ModelFindings,
    ShownQuestion,
    SweepPoint,
    Training,
)
from bluey_admin.evaluation.history import training_of
from bluey_admin.evaluation.intervals import Scores, mean_interval
from bluey_admin.evaluation.judge import Ruling, judge_all, matches
from bluey_admin.evaluation.judge_endpoint import Judge
from bluey_admin.evaluation.judge_findings import judge_findings
from bluey_admin.evaluation.judge_prompt import describe
from bluey_admin.evaluation.ledger import Ledger, read_entries
from bluey_admin.evaluation.perplexity import Lines, measure_missing, perplexity, read_lines
from bluey_admin.evaluation.plan import Plan
from bluey_admin.evaluation.scores import Scored, Scorer, shown_questions
from bluey_admin.evaluation.verdicts import verdicts
from bluey_admin.evaluation.voices import held_out_files, probes_of, training_examples

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, of how much."""

Place = tuple[str | None, Sampling]
"""Where and how something is asked; None is this home's server."""


class Comparison:
    """One plan, and the folder that keeps what has been learned so far."""

    def __init__(self, home: Home, registry: Registry, folder: Path, plan: Plan) -> None:
        """Raises Failure or DataError for a data set that can't be scored against."""
        self._home = home
        self._registry = registry
        self._folder = folder
        self._plan = plan
        self._probes = probes_of(plan.dataset)
        self._scorer = Scorer(plan.dataset)

    def ask(
        self, url: str | None, tell: Progress, *, key: str | None, key_elsewhere: str | None
    ) -> None:
        """Ask every model what it has not been asked yet; `url` is this home's server's, with /v1.

        Raises Failure at the first request that fails; what was heard is kept.
        """
        for place in self._places():
            address, _ = place
            self._ask_at(place, address or url, key if address is None else key_elsewhere, tell)

    def judge(self, url: str | None, tell: Progress, *, key: str | None) -> None:
        """Put every pair of answers before the judge, if the plan has one; `url` as in `ask`.

        Raises Failure.
        """
        plan = self._plan
        if plan.judge is None:
            return
        address = plan.judge.url or url
        assert address is not None
        character = describe(training_examples(plan.dataset))
        asked = [
            match
            for one, other in combinations(plan.contestants, 2)
            for match in matches(character, one.name, other.name, self.questions)
        ]
        with (
            Ledger(self._rulings, Ruling) as ledger,
            Judge(address, plan.judge.model, key) as judge,
        ):
            judge_all(
                judge,
                asked,
                known=list(ledger.entries),
                heard=ledger.add,
                progress=lambda done, whole: tell("judging", done, whole),
            )

    def measure(self) -> None:
        """Perplexity of lines that no model was trained on, under every model of this home.

        Raises Failure.
        """
        files = held_out_files(self._plan.dataset)
        measure_missing(self._home, self._plan.contestants, files, self._folder)

    def findings(self, *, title: str | None = None, notes: Sequence[str] = ()) -> Findings:
        """All that is known, scored. Points of a sweep are told as such, not as models."""
        plan = self._plan
        models = [c for c in plan.contestants if c.varied is None]
        return Findings(
            id=self._folder.name,
            title=title or plan.title,
            created_at=time.time(),
            dataset=plan.dataset,
            probes=len(self._probes),
            seeds=plan.seeds,
            sampling=plan.sampling.body(),
            machine=f"{platform.system()} {platform.machine()}, {available_cores()} cores",
            classifier=self._scorer.classifier(),
            training_words=self._scorer.training_words,
            models=[self._model(contestant) for contestant in models],
            verdicts=verdicts({c.name: self._scores[c.name] for c in models}),
            judge_model=plan.judge.model if plan.judge else None,
            judged=self._judged(),
            questions=self.questions,
            sweep=[self._point(c, c.varied) for c in plan.contestants if c.varied is not None],
            notes=[*_notes(models), *notes],
        )

    @cached_property
    def questions(self) -> list[ShownQuestion]:
        """Every probe with the answers of every model, of its first training; not of a sweep's."""
        shown = []
        for contestant in self._plan.contestants:
            if contestant.varied is None:
                first = self._scored[contestant.name][0]
                answers = {
                    probe: [msgspec.structs.replace(a, model=contestant.name) for a in heard]
                    for probe, heard in first.shown.items()
                }
                shown.append(Scored(contestant.name, answers, first.scores))
        return shown_questions(self._probes, shown)

    def _ask_at(self, place: Place, url: str | None, key: str | None, tell: Progress) -> None:
        assert url is not None
        with Ledger(self._answers(place), Answer) as ledger:
            asks = self._missing(place, ledger.entries)
            whole = len(ledger.entries) + len(asks)

            def heard(answer: Answer) -> None:
                ledger.add(answer)
                tell("asking", len(ledger.entries), whole)

            tell("asking", len(ledger.entries), whole)
            ask_each(url, asks, api_key=key, heard=heard)

    def _places(self) -> dict[Place, list[Contestant]]:
        places: dict[Place, list[Contestant]] = defaultdict(list)
        for contestant in self._plan.contestants:
            places[contestant.url, contestant.sampling or self._plan.sampling].append(contestant)
        return places

    def _missing(self, place: Place, entries: Sequence[Answer]) -> list[Ask]:
        heard = {(a.model, a.question, a.seed) for a in entries}
        models = dict.fromkeys(m for c in self._places()[place] for m in c.models)
        # Models take turns, so that whatever adapters there are share the server's batches.
        return [
            Ask(model, Question(p.id, [{"role": "user", "content": p.prompt}]), seed, place[1])
            for seed in self._plan.seeds
            for p in self._probes
            for model in models
            if (model, p.id, seed) not in heard
        ]

    def _answers(self, place: Place) -> Path:
        return self._folder / f"answers-{list(self._places()).index(place)}.jsonl"

    @property
    def _rulings(self) -> Path:
        return self._folder / "rulings.jsonl"

    @cached_property
    def _scored(self) -> dict[str, list[Scored]]:
        """By contestant, each of its trainings."""
        found = {}
        for place, contestants in self._places().items():
            heard = read_entries(self._answers(place), Answer)
            for c in contestants:
                found[c.name] = [
                    self._scorer.score(model, heard, self._probes, self._plan.seeds)
                    for model in c.models
                ]
        return found

    @cached_property
    def _scores(self) -> dict[str, dict[str, Scores]]:
        """By contestant and score, (trainings, probes, seeds)."""
        return {
            name: {s: np.stack([one.scores[s] for one in scored]) for s in SCORES}
            for name, scored in self._scored.items()
        }

    def _intervals(self, contestant: Contestant) -> dict[str, Interval]:
        return {s: mean_interval(cells) for s, cells in self._scores[contestant.name].items()}

    @cached_property
    def _lines(self) -> dict[tuple[str, str | None, str], Lines]:
        """Likelihoods by base, digest and kind."""
        return read_lines(self._folder)

    def _perplexity(self, contestant: Contestant) -> dict[str, Interval]:
        found = {}
        lines = self._lines
        for kind in held_out_files(self._plan.dataset):
            keys = [(contestant.base or "", digest, kind) for digest in contestant.digests]
            if keys and all(key in lines for key in keys):
                sums = [lines[key].sums for key in keys]
                found[kind] = perplexity(sums, lines[keys[0]].counts)
        return found

    def _trainings(self, contestant: Contestant) -> list[Training]:
        catalog = self._registry.catalog()
        versions = [catalog.find_adapter(model) for model in contestant.models]
        trainings = [training_of(self._registry, v) for v in versions if v is not None]
        return [training for training in trainings if training is not None]

    def _model(self, contestant: Contestant) -> ModelFindings:
        here = contestant.url is None
        return ModelFindings(
            name=contestant.name,
            resolved=", ".join(contestant.models) if here else f"at {contestant.url}",
            scores=self._intervals(contestant),
            perplexity=self._perplexity(contestant),
            trainings=self._trainings(contestant) if here else [],
            why_no_perplexity=None
            if here
            else "another server's model can't be measured from here",
        )

    def _point(self, contestant: Contestant, varied: dict[str, Any]) -> SweepPoint:
        trainings = self._trainings(contestant)
        losses = [t.metrics for t in trainings]
        return SweepPoint(
            label=contestant.name,
            base=contestant.base or "",
            varied=varied,
            scores=self._intervals(contestant),
            perplexity=self._perplexity(contestant),
            seconds=_mean([t.seconds for t in trainings]),
            train_loss_last=_mean([m["train_loss_last"] for m in losses]),
            valid_loss_last=_mean([m.get("valid_loss_last") for m in losses]),
        )

    def _judged(self) -> list[JudgeFindings]:
        if self._plan.judge is None:
            return []
        rulings = read_entries(self._rulings, Ruling)
        pairs = combinations([c for c in self._plan.contestants if c.varied is None], 2)
        return [judge_findings(one.name, other.name, rulings) for one, other in pairs]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _notes(models: Sequence[Contestant]) -> list[str]:
    notes = []
    single = [c.name for c in models if len(c.models) == 1 and c.digests and c.digests[0]]
    if single:
        notes.append(
            f"{', '.join(single)}: one training each. Another seed gives another adapter, and the "
            "intervals don't know of that; `bluey-admin experiment --repeats` does."
        )
    return notes
