"""The drawings of a sweep: its variants against each other, and what each setting does."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes

from bluey_admin.evaluation.findings import Interval, SweepPoint
from bluey_admin.evaluation.report.canvas import PAPER, RULE, colour, drawn, marker
from bluey_admin.evaluation.report.scores import Score, figure, score_of, tick


def sweep_plot(name: str, points: Sequence[SweepPoint]) -> str:
    """Every variant by its number, from 1: character upwards, by heart to the right."""
    bases = _bases(points)

    def draw(axes: Axes) -> None:
        for point in points:
            number = bases.index(point.base)
            _mark(axes, _interval(point, "by_heart"), _interval(point, "character"), number)
        for number, base in enumerate(bases):
            axes.plot([], [], marker(number), color=colour(number), label=base)
        axes.grid(color=RULE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.margins(0.06)
        axes.locator_params(axis="both", nbins=7, steps=[1, 2, 5, 10])
        for axis, score in ((axes.xaxis, "by_heart"), (axes.yaxis, "character")):
            axis.set_major_formatter(_formatter(score_of(score)))
        axes.set_xlabel("by heart", loc="right")
        axes.set_ylabel("character", loc="top")
        _legend(axes, len(bases))
        _number(axes, points)

    told = "; ".join(
        f"{number}, {point.label}: character {_written(point, 'character')}, "
        f"by heart {_written(point, 'by_heart')}"
        for number, point in enumerate(points, 1)
    )
    title = "Character against by heart, one mark a variant"
    return drawn(name, title, told, (460, 350), (54, 14, 30, 42), draw)


def setting_plot(name: str, points: Sequence[SweepPoint], setting: str, score: str) -> str:
    """A score over the values of a setting: a faint mark a variant, a line through their means."""
    values = setting_values(points, setting)
    places = _places(values)
    shown = score_of(score)
    groups = {
        base: [
            (place, value, found)
            for place, value in zip(places, values, strict=True)
            if (found := _found(points, base, setting, value, score))
        ]
        for base in _bases(points)
    }

    def draw(axes: Axes) -> None:
        for number, (base, group) in enumerate(groups.items()):
            look: dict[str, Any] = {"color": colour(number), "marker": marker(number)}
            for place, _, found in group:
                axes.plot(
                    [place] * len(found),
                    found,
                    **look,
                    linestyle="",
                    markersize=5,
                    alpha=0.4,
                    markeredgewidth=0,
                )
            axes.plot(
                [place for place, _, _ in group],
                [fmean(found) for _, _, found in group],
                **look,
                linewidth=1.8,
                markersize=7,
                markeredgecolor=PAPER,
                label=base,
            )
        axes.set_xticks(places, [setting_value(value) for value in values])
        axes.margins(x=0.08, y=0.1)
        axes.grid(axis="y", color=RULE, linewidth=0.8)
        axes.yaxis.set_major_formatter(_formatter(shown))
        axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
        axes.set_xlabel(words(setting), loc="right", labelpad=1)
        _legend(axes, len(groups))

    told = "; ".join(
        f"{base} at {setting_value(value)}: {figure(shown, fmean(found))}"
        for base, group in groups.items()
        for _, value, found in group
    )
    title = f"{shown.title} over {words(setting)}"
    return drawn(name, title, told, (340, 220), (52, 14, 28, 42), draw)


def settings_varied(points: Sequence[SweepPoint]) -> list[str]:
    """The settings of which a sweep has more than one value."""
    settings = dict.fromkeys(setting for point in points for setting in point.varied)
    return [setting for setting in settings if len(setting_values(points, setting)) > 1]


def setting_values(points: Sequence[SweepPoint], setting: str) -> list[Any]:
    """The values of a setting, numbers by size and before words."""
    values = {
        setting_value(p.varied[setting]): p.varied[setting] for p in points if setting in p.varied
    }
    return sorted(values.values(), key=lambda v: (0, v, "") if _is_number(v) else (1, 0, str(v)))


def setting_value(value: Any) -> str:
    """A setting's value in words: `0.0015`, `all`."""
    return f"{value:,g}" if _is_number(value) else str(value)


def words(setting: str) -> str:
    """A setting's name in words."""
    return setting.replace("_", " ")


def _places(values: Sequence[Any]) -> list[float]:
    """Where values stand on the axis: by number if they are evenly told apart so, else in a row."""
    in_a_row = [float(place) for place in range(len(values))]
    if not all(map(_is_number, values)):
        return in_a_row
    gaps = [after - before for before, after in pairwise(values)]
    return [float(value) for value in values] if max(gaps) <= 3 * min(gaps) else in_a_row


def _found(
    points: Sequence[SweepPoint], base: str, setting: str, value: Any, score: str
) -> list[float]:
    return [
        found
        for point in points
        if point.base == base and setting in point.varied and point.varied[setting] == value
        if (found := _interval(point, score).value) is not None
    ]


def _formatter(score: Score) -> Callable[[float, float], str]:
    return lambda value, _: tick(score, value)


def _mark(axes: Axes, x: Interval, y: Interval, number: int) -> None:
    if x.value is None or y.value is None:
        return
    thin: dict[str, Any] = {"color": colour(number), "linewidth": 1.0, "alpha": 0.45}
    if x.low is not None and x.high is not None:
        axes.plot([x.low, x.high], [y.value, y.value], **thin)
    if y.low is not None and y.high is not None:
        axes.plot([x.value, x.value], [y.low, y.high], **thin)
    axes.plot(
        x.value,
        y.value,
        marker(number),
        color=colour(number),
        markersize=8,
        markeredgecolor=PAPER,
        zorder=3,
    )


def _number(axes: Axes, points: Sequence[SweepPoint]) -> None:
    """Each mark's number beside it, on the side that is farthest from other marks and numbers."""
    axes.autoscale_view()  # or the limits are still those of an empty drawing
    to_pixels = axes.transData
    marks = {
        number: to_pixels.transform((x, y))
        for number, point in enumerate(points, 1)
        if (x := _interval(point, "by_heart").value) is not None
        and (y := _interval(point, "character").value) is not None
    }
    taken = [tuple(mark) for mark in marks.values()]
    for number, (x, y) in marks.items():
        sides = [(x + dx, y + dy) for dx in (12, -12) for dy in (11, -11)]
        place = max(sides, key=lambda s: min((s[0] - a) ** 2 + (s[1] - b) ** 2 for a, b in taken))
        taken.append(place)
        here, there = to_pixels.inverted().transform(place)
        axes.text(here, there, str(number), ha="center", va="center", fontsize=11)


def _legend(axes: Axes, entries: int) -> None:
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 0.99),
        ncols=entries,
        borderaxespad=0,
        columnspacing=1.2,
        handlelength=1.6,
    )


def _bases(points: Sequence[SweepPoint]) -> list[str]:
    return list(dict.fromkeys(point.base for point in points))


def _interval(point: SweepPoint, score: str) -> Interval:
    return point.scores.get(score, Interval())


def _written(point: SweepPoint, score: str) -> str:
    return figure(score_of(score), _interval(point, score).value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
