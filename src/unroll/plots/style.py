"""How figures look: one width, one set of inks, and a colour, a marker and a line style for each series.

Colours are told apart by readers with deuteranopia, protanopia and tritanopia; the first three also in grey. No
series is told by its colour alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

WIDTH = 4.6
"""Inches, of every figure: a journal's column and a half, and still to be read on a phone."""

INK, SOFT, FAINT, PAPER = "#1b1a17", "#6f6b62", "#dcd8ce", "#ffffff"
"""Text and truth; axes; grids; what lies behind."""

COLOURS = ("#14397d", "#bf4a33", "#c28a00", "#2592ae", "#6a1b4d", "#7f8a6a")
MAP = "#2b6350"
"""Of maps: no series has it."""
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (4, 1.2, 1, 1.2)),
    (0, (1.2, 1.2)),
    (0, (7, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.0,
    "axes.titlesize": 7.5,
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
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
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
            COLOURS[place % len(COLOURS)],
            MARKERS[(place + place // len(COLOURS)) % len(MARKERS)],
            LINES[(place + place // len(COLOURS)) % len(LINES)],
        )
        for place, name in enumerate(names)
    }
    return {name: look for name, look in found.items() if name in present}


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
    """Return a tick's number as people write it: 0.01, 1, 100; 1e-7 and 1e9 where that would be long."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e5:
        return f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:,.10g}"
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")
