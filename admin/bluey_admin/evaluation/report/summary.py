"""A report in short, in the terminal."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bluey_admin.evaluation.findings import SCORES, Findings, Interval, SweepPoint
from bluey_admin.evaluation.report.scores import (
    Score,
    bare_figure,
    figure,
    perplexity_kinds,
    perplexity_of,
    score_of,
    span,
)
from bluey_admin.terminal import plural

_MOST_VERDICTS = 12
_SWEPT = ("character", "on_topic", "by_heart")  # what is said of a sweep's points


def print_summary(findings: Findings, console: Console, page: Path) -> None:
    """The scores by model, the verdicts, and where the page lies."""
    console.print(f"[bold]{escape(findings.title)}[/bold]", highlight=False)
    asked = f"{plural(findings.probes, 'probe')}, {plural(len(findings.seeds), 'answer')} each"
    console.print(f"{asked}; 95 % intervals", style="dim")
    # Models in groups, each of which fits a narrow terminal.
    width = max(1, (min(console.width, 120) - 22) // 19)
    for start in range(0, len(findings.models), width):
        console.print(_scores(findings, start, start + width))
    for point in findings.sweep:
        told = ", ".join(_told(name, point) for name in _SWEPT)
        console.print(f"{escape(point.label)}: {told}", soft_wrap=True)
    for verdict in findings.verdicts[:_MOST_VERDICTS]:
        console.print(f"- {escape(verdict.says)}", soft_wrap=True)
    left = len(findings.verdicts) - _MOST_VERDICTS
    if left > 0:
        console.print(f"  and {left} more on the page", style="dim")
    for note in findings.notes:
        console.print(escape(note), style="dim", soft_wrap=True)
    console.print(f"the report is {escape(str(page))}", soft_wrap=True)


def _told(name: str, point: SweepPoint) -> str:
    score = score_of(name)
    return f"{score.title.lower()} {figure(score, point.scores.get(name, Interval()).value)}"


def _scores(findings: Findings, start: int, stop: int) -> Table:
    models = findings.models[start:stop]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for model in models:
        table.add_column(escape(model.name), justify="right", overflow="fold")
    for name in SCORES:
        score = score_of(name)
        cells = [_cell(score, model.scores.get(name, Interval())) for model in models]
        table.add_row(score.title, *cells)
    for kind in perplexity_kinds(findings):
        score = perplexity_of(kind)
        cells = [_cell(score, model.perplexity.get(kind, Interval())) for model in models]
        table.add_row(score.title, *cells)
    return table


def _cell(score: Score, interval: Interval) -> str:
    spread = span(score, interval)
    value = bare_figure(score, interval.value)
    return f"{value} [dim]{spread}[/dim]" if spread else value
