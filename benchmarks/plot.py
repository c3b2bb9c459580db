"""The plot: throughput over the number of adapters in use."""

import statistics
from pathlib import Path

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing

from benchmarks.figures import Figure
from benchmarks.results import Run

_SETTINGS = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "font.size": 10,
    "legend.frameon": False,
    "svg.fonttype": "none",  # the reader's own fonts
    "svg.hashsalt": "bluey",  # the same figures, the same file
}
# Okabe and Ito's, which all eyes tell apart; each with a mark of its own.
_LOOKS = {
    "tiny": ("#0072B2", "o"),
    "60m": ("#D55E00", "s"),
    "gemma-3-1b": ("#009E73", "D"),
}


def draw(path: Path, run: Run) -> None:
    """Write an SVG of P8's curve, and of P3 and P7 beside their goals."""
    with style.context(_SETTINGS):
        drawing = Drawing(figsize=(11, 3.8), layout="constrained")
        FigureCanvasSVG(drawing)
        speed, wait, ratios = drawing.subplots(1, 3)
        cliff = [figure for figure in run.figures if figure.measure == "P8"]
        speeds = [figure for figure in cliff if figure.what.startswith("Tokens")]
        _curve(speed, "Throughput (P8)", speeds)
        _curve(
            wait,
            "p95 of the first token (P8)",
            [figure for figure in cliff if figure not in speeds],
        )
        _bars(ratios, [figure for figure in run.figures if figure.measure in ("P3", "P7")])
        drawing.savefig(path, format="svg", metadata={"Date": None})


def _curve(axes: Axes, title: str, figures: list[Figure]) -> None:
    axes.set_title(title)
    axes.set_xlabel("adapters in use")
    axes.set_ylabel("over that of the fewest")
    for weights in dict.fromkeys(figure.weights for figure in figures):
        own = [figure for figure in figures if figure.weights == weights]
        fewest = int(own[0].what.split(" over ")[-1].split()[0])
        counts = [fewest, *(int(next(iter(figure.absolute)).split()[0]) for figure in own)]
        values = [1.0, *(figure.median for figure in own)]
        low = [1.0, *(min(figure.rounds) for figure in own)]
        high = [1.0, *(max(figure.rounds) for figure in own)]
        colour, mark = _LOOKS[weights]
        axes.plot(counts, values, color=colour, marker=mark, label=weights)
        axes.fill_between(counts, low, high, color=colour, alpha=0.15, linewidth=0)
    if figures:
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.legend()
    axes.set_ylim(bottom=0)


def _bars(axes: Axes, figures: list[Figure]) -> None:
    axes.set_title("Throughput, many adapters over one")
    names = []
    for place, figure in enumerate(figures):
        colour, _ = _LOOKS[figure.weights]
        median = statistics.median(figure.rounds)
        spread = [[median - min(figure.rounds)], [max(figure.rounds) - median]]
        axes.bar(place, median, 0.6, color=colour, yerr=spread, capsize=3)
        if figure.goal is not None:
            axes.hlines(
                figure.goal.limit, place - 0.4, place + 0.4, colors="black", linestyles="dashed"
            )
        streams = figure.what.partition(" streams")[0].split()[-1]
        names.append(f"{figure.measure}\n{figure.weights}\n{streams}")
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("measure, weights, streams")
    axes.set_ylabel("dashed: the goal")
    axes.set_ylim(bottom=0)
