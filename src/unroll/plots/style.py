"""How figures look: one width, one set of inks, and a colour, a marker and a line style for each series.

Colours are told apart by readers with deuteranopia, protanopia and tritanopia; the first three also in grey. No
series is told by its colour alone.
"""

from __future__ import annotations

import colorsys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from unroll.inert import inert
from unroll.wording import powers

WIDTH = 4.6
"""Inches, of every figure: a journal's column and a half, and still to be read on a phone."""

INK, SOFT, FAINT, PAPER = "#1b1a17", "#6f6b62", "#dcd8ce", "#ffffff"
"""Text and truth; axes; grids; what lies behind."""

COLOURS = ("#14397d", "#bf4a33", "#c28a00", "#2592ae", "#6a1b4d", "#7f8a6a", "#b326ff", "#4c311b")
"""Of the first series, with a second set on dark pages. Further series have colours of their own: see ``colour``."""
MAP = "#2b6350"
"""Of maps: no series has it."""
GOLDEN = 0.6180339887
BRIGHTNESS = 0.2
"""Relative luminance: at least 4:1 against white and against the page's dark paper."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (4, 1.2, 1, 1.2)),
    (0, (1.2, 1.2)),
    (0, (7, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 1.5, 1, 1.5)),
    (0, (2.5, 1)),
)

# On a telephone of 390 pixels a figure is 358 wide and its unit 1.08 pixels: nothing is smaller than 9 pixels there.
SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.4,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 5.0,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.4,
    "ytick.labelsize": 8.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "lines.solid_capstyle": "round",
    "path.simplify": True,
    "path.simplify_threshold": 0.1,
    "svg.fonttype": "none",
    "svg.hashsalt": "unroll",
    "pdf.fonttype": 42,
}


_PROCESS_WIDE = ("backend", "backend_fallback", "interactive", "toolbar", "timezone")


class Drawing(Figure):
    """A matplotlib figure that shows itself in Jupyter, whether or not pyplot was ever imported."""

    def draw(self, renderer: Any) -> None:
        """Draw every text, those of ticks and legends included, with its control characters as escapes.

        SVG has no way to hold them: a name with one of them would make the file, and a page with it, unreadable.
        """
        write, own = renderer.draw_text, vars(renderer).get("draw_text")
        renderer.draw_text = lambda gc, x, y, s, *rest, **more: write(gc, x, y, inert(s), *rest, **more)
        try:
            super().draw(renderer)
        finally:  # matplotlib puts a function of its own there while it only measures
            if own is None:
                del renderer.draw_text
            else:
                renderer.draw_text = own

    def _repr_svg_(self) -> str:
        from unroll.plots.files import to_svg

        return to_svg(self)


@dataclass(frozen=True)
class Look:
    """How one series is drawn."""

    colour: str
    marker: str
    line: Any


def looks(series: pd.Series[Any]) -> dict[str, Look]:
    """Return a look for each series: in the order of a categorical, else in which they first appear."""
    present = dict.fromkeys(map(str, series))
    names = list(series.cat.categories) if isinstance(series.dtype, pd.CategoricalDtype) else list(present)
    found = {
        name: Look(
            colour(place),
            MARKERS[(place + place // len(COLOURS)) % len(MARKERS)],
            LINES[(place + place // len(COLOURS)) % len(LINES)],
        )
        for place, name in enumerate(names)
    }
    return {name: look for name, look in found.items() if name in present}


def colour(place: int) -> str:
    """Return the colour of a series by its place, from 0: no two have the same.

    Beyond ``COLOURS`` hues follow one another by the golden section, as bright as can be seen on white and on black.
    """
    if place < len(COLOURS):
        return COLOURS[place]
    light = [_linear(part) for part in colorsys.hsv_to_rgb(place * GOLDEN % 1.0, 0.6, 1.0)]
    dim = BRIGHTNESS / sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), light, strict=True))
    return "#" + "".join(f"{round(255 * _encoded(min(1.0, dim * part))):02x}" for part in light)


def _linear(part: float) -> float:
    """Return the light of a part of a colour of sRGB, 0 to 1."""
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)


def _encoded(light: float) -> float:
    return float(light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this style, and leave matplotlib's own settings as they were."""
    settings: Any = {name: value for name, value in mpl.rcParamsDefault.items() if name not in _PROCESS_WIDE}
    with mpl.rc_context(settings | SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # SVG names the character all the same
        yield


def new(height: float) -> Drawing:
    """Return an empty figure of the one width and this height, in inches."""
    return Drawing(figsize=(WIDTH, height), layout="constrained")


def log_ticks(axis: Any, most: int = 6) -> None:
    """Label a logarithmic axis with plain numbers: 0.001, 0.01, 0.1, or powers of ten where they would be long.

    Its limits must be final.
    """
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(10, subs=(1.0,) if high > 100 * low else (1.0, 2.0, 5.0), numticks=most))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))


def length_ticks(axes: Axes, lengths: Sequence[int], most: int = 9) -> None:
    """Put the ticks of a logarithmic axis of lengths at the lengths themselves, as many as there is room for."""
    every = sorted(set(lengths))
    apart = (every[-1] / every[0]) ** (1 / most)
    shown = every[-1:]
    for length in reversed(every[:-1]):
        if shown[0] / length >= apart:
            shown.insert(0, length)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def plain(value: float) -> str:
    """Return a tick's number as people write it: 0.01, 1, 100; 10⁻⁷ and 3 × 10⁹ where that would be long."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e5:
        text = f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:,.10g}"
        return text.replace("-", "\N{MINUS SIGN}")
    return powers(f"{value:.0e}")


def whole_ticks(axis: Any) -> None:
    """Put ticks at whole numbers alone, as of epochs."""
    axis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
