"""The table in benchmarks/README.md, made of results.json."""

import statistics
from collections.abc import Iterable
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.measures import LATER, MEASURES
from benchmarks.results import Results, Run

BEGIN = "<!-- results: written by `make bench` -->"
END = "<!-- end of results -->"

_HEADINGS = {"cpu": "On a CPU", "gemma-3-1b": "At Gemma 3 1B's shape"}
_ORDER = [measure.id for measure in MEASURES] + list(LATER)


def write_report(readme: Path, results: Results) -> None:
    """Put the tables between the markers, leaving all else as it is. Raises ValueError where
    there are no markers."""
    text = readme.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme} has no {BEGIN} … {END}")
    parts = [_run(heading, run) for heading, run in results.runs.items()]
    made = "\n".join([*parts, "### How each is measured", "", methods()])
    readme.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{after}", "utf-8")


def table(figures: Iterable[Figure], *, absolute: bool) -> str:
    """Figures as lines of Markdown; with a column of absolute values if they are worth it."""
    rows = [["#", "Measure", "Weights", "Goal", "Figure", "Range", "Goal met"]]
    if absolute:
        rows[0].append("Medians")
    present = sorted(figures, key=lambda figure: _ORDER.index(figure.measure))
    for figure in present:
        row = [
            figure.measure,
            figure.what,
            figure.weights,
            str(figure.goal) if figure.goal else "—",
            number(figure.median),
            f"{number(min(figure.rounds))} to {number(max(figure.rounds))} ({len(figure.rounds)})",
            figure.verdict,
        ]
        if absolute:
            medians = ((key, statistics.median(values)) for key, values in figure.absolute.items())
            row.append("; ".join(f"{key}: {number(value)}" for key, value in medians))
        rows.append(row)
    ids = [figure.measure for figure in present]
    for measure, what in LATER.items():
        if measure not in ids:
            rows.append([measure, what, *["—"] * 4, "not measured yet", *["—"] * absolute])
    rows.insert(1, ["---"] * len(rows[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def number(value: float) -> str:
    """Three digits that count."""
    if value == 0:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _run(heading: str, run: Run) -> str:
    around = run.surroundings
    days = sorted({figure.date for figure in run.figures})
    versions = ", ".join(f"{name} {version}" for name, version in around.versions.items())
    lines = [
        f"### {_HEADINGS.get(heading, heading)}",
        "",
        f"{around.machine}; MLX on {around.device}. {versions}. {' and '.join(days)}.",
        "",
        table(run.figures, absolute=around.device != "CPU"),
        *_notes(run.figures),
    ]
    return "\n".join(lines)


def _notes(figures: list[Figure]) -> list[str]:
    notes = list(dict.fromkeys(note for figure in figures for note in figure.notes))
    clients = {
        (figure.measure, figure.weights): figure.client_share
        for figure in figures
        if figure.client_share is not None
    }
    if clients:
        told = ", ".join(
            f"{measure} {weights} {share:.0%}" for (measure, weights), share in clients.items()
        )
        notes.append(
            "The load client's share of the CPU time that it and the servers (all of a measure's) "
            f"used: {told}."
        )
    beside = [figure.neighbours for figure in figures if figure.neighbours is not None]
    if beside:
        notes.append(
            "Cores kept busy by other programs meanwhile, on average: "
            f"{min(beside):.1f} to {max(beside):.1f}."
        )
    return [f"- {note}" for note in notes] + [""] if notes else []


def methods() -> str:
    """How each is measured, as a list."""
    told = [f"- **{measure.id}.** {measure.how}" for measure in MEASURES]
    return "\n".join(told) + "\n"
