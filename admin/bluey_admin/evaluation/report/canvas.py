"""From a drawing of matplotlib's to an SVG that is part of a page: its colours, its text."""

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK = "#0e0d01"
FAINT = "#0e0d02"
RULE = "#0e0d03"
PAPER = "#0e0d04"
SERIES = ("#0e0d11", "#0e0d12", "#0e0d13", "#0e0d14", "#0e0d15", "#0e0d16")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
"""One more than colours, so that what shares a colour still has a shape of its own."""

# Drawn in colours that nobody would choose, which then become the page's: it has two schemes.
_COLOURS = {
    INK: "currentColor",
    FAINT: "var(--faint)",
    RULE: "var(--rule)",
    PAPER: "var(--paper)",
} | {colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)}

# Its style sheet would hold for the whole page, and clipping only cuts marks at the edge in half.
_LEFT_OUT = re.compile(
    r"<defs>\s*<(?:style|clipPath).*?</defs>|<metadata>.*?</metadata>|<!--.*?-->"
    r'| clip-path="[^"]*"',
    re.DOTALL,
)

_SETTINGS = {
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": 12,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 72,
    "font.size": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "svg.fonttype": "none",  # the reader's own fonts: nothing to embed, and text can be found
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 11,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 11,
}


def colour(number: int) -> str:
    """The colour of series `number`, from 0."""
    return SERIES[number % len(SERIES)]


def marker(number: int) -> str:
    """The marker of series `number`, from 0."""
    return MARKERS[number % len(MARKERS)]


def drawn(
    name: str,
    title: str,
    told: str,
    size: tuple[float, float],
    margins: tuple[float, float, float, float],
    draw: Callable[[Axes], None],
) -> str:
    """An `<svg>` for inlining, `size` CSS pixels wide and high, with what `draw` puts on its axes.

    `margins` around the axes are left, right, top, bottom, in pixels. `name` makes its ids unique
    on the page; `title` and `told` are for those who can't see it.
    """
    (width, height), (left, right, top, bottom) = size, margins
    buffer = io.StringIO()
    # The SVG writer takes its settings from rcParams only; they are put back at the end.
    with style.context(["default", _SETTINGS | {"svg.hashsalt": name}]), warnings.catch_warnings():
        # The browser draws the text, so it matters little what matplotlib's font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure = Figure(figsize=(width / 72, height / 72))
        axes = figure.add_axes(
            (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
        )
        axes.patch.set_visible(False)
        figure.patch.set_visible(False)
        draw(axes)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        canvas: Any = FigureCanvasSVG(figure)  # its printing has no types
        canvas.print_svg(buffer, metadata=nothing)
    return _inlined(buffer.getvalue(), name, title, told, size)


def _inlined(svg: str, name: str, title: str, told: str, size: tuple[float, float]) -> str:
    """The drawing under a head of our own, its ids made unique, its colours the page's."""
    inside = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    if inside is None:
        raise ValueError("matplotlib wrote no <svg>")
    body = _LEFT_OUT.sub("", inside[1])
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = body.replace('href="#', f'href="#{name}-')
    for drawn_in, shown_in in _COLOURS.items():
        body = body.replace(drawn_in, shown_in)
    return (
        f'<svg class="plot" role="img" aria-labelledby="{name}-title {name}-told" '
        f'viewBox="0 0 {size[0]:g} {size[1]:g}" style="--natural: {size[0]:g}px">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-told">{escape(told)}</desc>{body.strip()}</svg>'
    )
