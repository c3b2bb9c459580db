"""The report as one HTML file that needs nothing else: no network, no script, no other file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bluey_admin.evaluation.findings import (
    SCORES,
    Findings,
    Interval,
    SweepPoint,
    Training,
)
from bluey_admin.evaluation.report import scores
from bluey_admin.evaluation.report.answers import columns, in_order
from bluey_admin.evaluation.report.canvas import SERIES
from bluey_admin.evaluation.report.plots import curve_plot, interval_plot
from bluey_admin.evaluation.report.scores import NONE, Score
from bluey_admin.evaluation.report.sentences import not_told_apart, told_apart
from bluey_admin.evaluation.report.sweep_plots import (
    setting_plot,
    setting_value,
    settings_varied,
    sweep_plot,
    words,
)
from bluey_admin.terminal import plural

_SWEPT = ("character", "on_topic", "by_heart")  # what is drawn over each setting


@dataclass(frozen=True)
class Row:
    """One score of every model, in the order of the models."""

    score: Score
    cells: list[Interval]
    best: list[bool]


@dataclass(frozen=True)
class Plot:
    """A drawing and what stands under it."""

    svg: Markup
    title: str
    caption: str = ""


def render_page(findings: Findings) -> str:
    """The whole page. The same findings give the same page, byte for byte."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": duration,
        "settings": settings,
        "loss": loss,
        "series": lambda number: number % len(SERIES) + 1,
        "span": lambda interval, score: scores.span(score, interval),
        "figure": lambda value, score: scores.figure(score, value),
    }
    first, others = in_order(findings.questions)
    return environment.get_template("page.html.jinja").render(
        findings=findings,
        facts=_facts(findings),
        told_apart=told_apart(findings),
        not_told_apart=not_told_apart(findings),
        rows=_rows(findings),
        plots=_plots(findings),
        trainings=_trainings(findings),
        share=scores.score_of("character"),
        swept=[scores.score_of(name) for name in _SWEPT],
        swept_names=_SWEPT,
        sweep_plots=_sweep_plots(findings),
        first=first,
        others=others,
        columns=columns,
        dash=NONE,
        several=any(len(model.trainings) > 1 for model in findings.models),
        unknown=Interval(),
        perplexity=scores.perplexity_of("character"),
    )


def duration(seconds: float | None) -> str:
    """`41 s`, `2 min 41 s`, `1 h 5 min`."""
    if seconds is None:
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def settings(values: dict[str, Any]) -> str:
    """`temperature 0.7, top p 0.95`."""
    return ", ".join(f"{words(key)} {setting_value(value)}" for key, value in values.items())


def loss(value: Any) -> str:
    """Nats a token, to two places; a dash where it was not measured."""
    return f"{value:.2f}" if isinstance(value, int | float) else NONE


def _facts(findings: Findings) -> list[tuple[str, str]]:
    when = datetime.fromtimestamp(findings.created_at, UTC)
    seeds = ", ".join(map(str, findings.seeds))
    word = "seed" if len(findings.seeds) == 1 else "seeds"
    usual = findings.training_words
    facts = [
        ("When", f"{when.day} {when:%B %Y, %H:%M} UTC"),
        ("Data set", findings.dataset),
        ("Models", ", ".join(model.name for model in findings.models)),
        ("Asked", f"{plural(findings.probes, 'probe')} of each, {word} {seeds}"),
        ("Sampling", settings(findings.sampling)),
        ("Machine", findings.machine),
    ]
    if {"mean", "p05", "p95"} <= usual.keys():
        length = (
            f"{usual['mean']:.0f} words on average, "
            f"nine in ten {usual['p05']:.0f} to {usual['p95']:.0f}"
        )
        facts.insert(2, ("Its replies", length))
    return facts


def _rows(findings: Findings) -> list[Row]:
    rows = []
    for name in SCORES:
        best = scores.best(name, findings.models)
        cells = [model.scores.get(name, Interval()) for model in findings.models]
        rows.append(
            Row(scores.score_of(name), cells, [model.name in best for model in findings.models])
        )
    for kind in scores.perplexity_kinds(findings):
        cells = [model.perplexity.get(kind, Interval()) for model in findings.models]
        rows.append(Row(scores.perplexity_of(kind), cells, [False] * len(cells)))
    return rows


def _plots(findings: Findings) -> list[Plot]:
    usual = findings.training_words
    band = (usual["p05"], usual["p95"]) if {"p05", "p95"} <= usual.keys() else None
    plots: list[Plot] = []
    for number, row in enumerate(_rows(findings)):
        if all(cell.value is None for cell in row.cells):
            continue
        found = [(m.name, cell) for m, cell in zip(findings.models, row.cells, strict=True)]
        behind = band if row.score is scores.score_of("words") else None
        caption = "grey: nine in ten replies of the training data" if behind else ""
        svg = interval_plot(
            f"score-{number}", row.score, found, usual=behind, logarithmic=number >= len(SCORES)
        )
        plots.append(Plot(Markup(svg), row.score.title, caption))
    return plots


def _trainings(findings: Findings) -> list[tuple[Training, Plot | None]]:
    trainings = {t.version: t for model in findings.models for t in model.trainings}
    return [
        (training, _curve(f"curve-{number}", training))
        for number, training in enumerate(trainings.values())
    ]


def _curve(name: str, training: Training) -> Plot | None:
    if not training.curve.train and not training.curve.valid:
        return None
    return Plot(Markup(curve_plot(name, training.version, training.curve)), training.version)


def _sweep_plots(findings: Findings) -> list[Plot]:
    points = findings.sweep
    if not points:
        return []
    every = Plot(
        Markup(sweep_plot("sweep", points)),
        "Character against by heart",
        "one mark a variant, numbered as in the table; up and to the left is better",
    )
    return [every, *_setting_plots(points)]


def _setting_plots(points: Sequence[SweepPoint]) -> list[Plot]:
    return [
        Plot(
            Markup(setting_plot(f"sweep-{place}-{score}", points, setting, score)),
            f"{scores.score_of(score).title} over {words(setting)}",
        )
        for place, setting in enumerate(settings_varied(points))
        for score in _SWEPT
    ]
