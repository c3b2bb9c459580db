"""A report in short, in the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bluey_admin.evaluation.findings import SCORES, Findings, Interval
from bluey_admin.evaluation.report.scores import (
    Score,
    bare_figure,
    best,
    perplexity_kinds,
    perplexity_of,
    score_of,
    shortened,
)
from bluey_admin.evaluation.report.sentences import not_told_apart, told_apart
from bluey_admin.terminal import plural

_LONGEST_NAME = 16  # so that all scores fit into 80 columns; longer where there is room
_GAP = 2
_MOST_SENTENCES = 12
_SWEPT = ("character", "on_topic", "by_heart")


@dataclass(frozen=True)
class Column:
    """A score of everything that has a row: each a figure, and under it half of its interval."""

    heading: str  # two lines
    cells: list[Text]

    @property
    def width(self) -> int:
        """Columns of the terminal, without a gap."""
        lines = [self.heading, *(cell.plain for cell in self.cells)]
        return max(cell_len(line) for lines_ in lines for line in lines_.split("\n"))


def print_summary(findings: Findings, console: Console, page: Path) -> None:
    """The scores by model, the sweep, the verdicts, and where the page lies."""
    asked = f"{plural(findings.probes, 'probe')}, {plural(len(findings.seeds), 'answer')} to each"
    console.print(escape(findings.title), style="bold")
    console.print(f"{asked}; shares in %, ± half of the 95 % interval", style="dim")
    names = [model.name for model in findings.models]
    for table in _tables(names, _columns(findings), console.width):
        console.print(table)
    if findings.sweep:
        swept = [
            _column(
                score_of(name), [point.scores.get(name, Interval()) for point in findings.sweep]
            )
            for name in _SWEPT
        ]
        for table in _tables([point.label for point in findings.sweep], swept, console.width):
            console.print(table)
    _print_verdicts(findings, console)
    for note in findings.notes:
        _print_lines(console, note, "dim")
    console.print(f"the report is {escape(str(page))}", soft_wrap=True)


def _columns(findings: Findings) -> list[Column]:
    models = findings.models
    columns = [
        _column(
            score_of(name),
            [model.scores.get(name, Interval()) for model in models],
            [model.name in best(name, models) for model in models],
        )
        for name in SCORES
    ]
    for kind in perplexity_kinds(findings):
        found = [model.perplexity.get(kind, Interval()) for model in models]
        columns.append(_column(perplexity_of(kind), found))
    return columns


def _column(score: Score, found: Sequence[Interval], strong: Sequence[bool] = ()) -> Column:
    heading = score.title.lower().replace(", ", " ").replace(" ", "\n")
    if "\n" not in heading:
        heading = f"\n{heading}"
    cells = []
    for row, interval in enumerate(found):
        value = bare_figure(score, interval.value)
        cell = Text(value, style="bold" if row < len(strong) and strong[row] else "")
        if interval.low is not None and interval.high is not None:
            half = bare_figure(score, (interval.high - interval.low) / 2)
            cell = Text.assemble(cell, (f"\n±{half}", "dim"))
        cells.append(cell)
    return Column(heading, cells)


def _tables(rows: Sequence[str], columns: Sequence[Column], width: int) -> Iterator[Table]:
    """One table, or as many as it takes for none to be wider than `width`."""
    taken = sum(column.width + _GAP for column in columns[: len(SCORES)])
    room = max(_LONGEST_NAME, min(width - taken, 40))
    names = [shortened(row, room) for row in rows]
    left = list(columns)
    while left and rows:
        free = width - max(map(cell_len, names))
        here: list[Column] = []
        while left and (not here or left[0].width + _GAP <= free):
            here.append(left.pop(0))
            free -= here[-1].width + _GAP
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        table.add_column("", no_wrap=True)
        for column in here:
            table.add_column(column.heading, justify="right", no_wrap=True)
        for name, *cells in zip(names, *(column.cells for column in here), strict=True):
            table.add_row(escape(name), *cells)
        yield table


def _print_verdicts(findings: Findings, console: Console) -> None:
    sentences = [says for group in told_apart(findings).values() for says in group]
    for says in sentences[:_MOST_SENTENCES]:
        _print_lines(console, says, "", "- ")
    if len(sentences) > _MOST_SENTENCES:
        console.print(f"  and {len(sentences) - _MOST_SENTENCES} more on the page", style="dim")
    if not sentences and len(findings.models) > 1:
        console.print("- no two models could be told apart in any score")
    elif alike := not_told_apart(findings):
        scores = ", ".join(title.lower() for title in alike)
        _print_lines(
            console, f"some could not be told apart, as the page says, in: {scores}", "dim"
        )


def _print_lines(console: Console, said: str, style: str, mark: str = "") -> None:
    """Broken between words where somebody looks; one line each for a pipe."""
    if not console.is_terminal:
        console.print(escape(f"{mark}{said}"), style=style, soft_wrap=True)
        return
    grid = Table.grid()
    grid.add_column(width=len(mark), no_wrap=True)
    grid.add_column()
    grid.add_row(mark, escape(said), style=style)
    console.print(grid if mark else escape(said), style=style)
