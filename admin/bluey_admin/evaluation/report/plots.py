"""The drawings of what was scored and how it was trained, each an `<svg>` for inlining."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from bluey_admin.evaluation.findings import Curve, Interval
from bluey_admin.evaluation.report.canvas import PAPER, RULE, SERIES, colour, drawn, marker
from bluey_admin.evaluation.report.scores import Score, figure, shortened, span, tick

_MOST_POINTS = 400  # of a raw curve; more would lie on top of each other
_LONGEST_NAME = 18  # letters


def interval_plot(
    name: str,
    score: Score,
    found: Sequence[tuple[str, Interval]],
    *,
    usual: tuple[float, float] | None = None,
    logarithmic: bool = False,
) -> str:
    """A row for each model: its figure as a dot and in words, the interval as a line.

    The axis begins at 0 unless it is logarithmic. `usual` is a range to be shown behind.
    """
    labels = [shortened(model, _LONGEST_NAME) for model, _ in found]

    def draw(axes: Axes) -> None:
        values = [v for _, i in found for v in (i.value, i.low, i.high) if v is not None]
        if usual is not None:
            axes.axvspan(*usual, color=RULE, alpha=0.5, linewidth=0)
            values += usual
        for row, (_, interval) in enumerate(found):
            if interval.low is not None and interval.high is not None:
                axes.plot([interval.low, interval.high], [row, row], color=colour(row), linewidth=2)
            if interval.value is not None:
                axes.plot(
                    interval.value,
                    row,
                    marker(row),
                    color=colour(row),
                    markersize=8,
                    markeredgecolor=PAPER,
                    zorder=3,
                )
            beside = axes.get_yaxis_transform()
            axes.text(1.04, row, figure(score, interval.value), transform=beside, va="center")
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_yticks(range(len(found)), labels)
        axes.tick_params(axis="y", length=0, pad=10, labelsize=12)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=RULE, linewidth=0.8)
        axes.set_axisbelow(True)
        if logarithmic and values:
            _scale_by_ratio(axes, min(values), max(values))
        else:
            _scale_from_zero(axes, score, max(values, default=1.0))

    told = "; ".join(_told(score, model, interval) for model, interval in found)
    left = 7.4 * max(map(len, labels), default=0) + 18
    size = (340.0, 25.0 * len(found) + 30)
    return drawn(name, score.title, told, size, (left, 60, 4, 26), draw)


def curve_plot(name: str, version: str, curve: Curve) -> str:
    """Losses over steps: of single steps thin, their moving mean bold, held out with marks."""

    def draw(axes: Axes) -> None:
        if curve.train:
            steps, losses = np.array(curve.train, np.float64).T
            some = slice(None, None, -(-len(steps) // _MOST_POINTS))
            axes.plot(steps[some], losses[some], color=SERIES[0], linewidth=0.7, alpha=0.5)
            mean = _smoothed(losses)[some]
            axes.plot(steps[some], mean, color=SERIES[0], linewidth=2.2, label="training")
        if curve.valid:
            steps, losses = np.array(curve.valid, np.float64).T
            axes.plot(
                steps,
                losses,
                color=SERIES[1],
                linewidth=1.5,
                linestyle=(0, (4, 2)),
                marker="D",
                markersize=6,
                markeredgecolor=PAPER,
                label="held out",
            )
        axes.grid(axis="y", color=RULE, linewidth=0.8)
        axes.margins(x=0.02, y=0.06)
        axes.locator_params(axis="both", nbins=6)
        axes.set_xlabel("step", loc="right", labelpad=1)
        axes.set_ylabel("loss, nats a token")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.99), ncols=2, borderaxespad=0)

    told = f"{_ends('training loss', curve.train)}; {_ends('held-out loss', curve.valid)}"
    size, margins = (440.0, 250.0), (48.0, 12.0, 28.0, 42.0)
    return drawn(name, f"Losses of {version}", told, size, margins, draw)


def _scale_from_zero(axes: Axes, score: Score, highest: float) -> None:
    if score.share:
        top = next((top for top in (0.1, 0.25, 0.5) if highest <= top), 1.0)
        step = {0.1: 0.05, 0.25: 0.1, 0.5: 0.25}.get(top, 0.5)
        axes.set_xticks(np.arange(0, top + 1e-9, step))
    else:
        top = 1.0 if 0.5 < highest <= 1 else (1.05 * highest or 1.0)
        axes.locator_params(axis="x", nbins=4)
    axes.set_xlim(0, top)
    axes.xaxis.set_major_formatter(lambda value, _: tick(score, value))


def _scale_by_ratio(axes: Axes, lowest: float, highest: float) -> None:
    low, high = lowest / 1.2, highest * 1.2
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    round_ones = [m * 10.0**power for power in range(-2, 9) for m in (1, 2, 3, 5, 7)]
    inside = [value for value in round_ones if low <= value <= high]
    axes.xaxis.set_major_locator(FixedLocator(inside[:: -(-len(inside) // 4) or 1]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")


def _smoothed(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(steps,) centred moving means over a twentieth of the run; shorter at either end."""
    window = np.ones(min(len(losses), len(losses) // 20 * 2 + 1))
    sums = np.convolve(losses, window, "same")
    smoothed: NDArray[np.float64] = sums / np.convolve(np.ones_like(losses), window, "same")
    return smoothed


def _told(score: Score, model: str, interval: Interval) -> str:
    between = span(score, interval)
    return f"{model} {figure(score, interval.value)}" + (f" ({between})" if between else "")


def _ends(what: str, points: Sequence[tuple[int, float]]) -> str:
    if not points:
        return f"no {what}"
    return (
        f"{what} {points[0][1]:.2f} at step {points[0][0]}, {points[-1][1]:.2f} at {points[-1][0]}"
    )
