"""Figures of several panels: one for each task, length and setting that the study varies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from unroll.plots.source import Source
from unroll.plots.style import FAINT, INK, MAP, PAPER, SOFT, Drawing, Look, new
from unroll.wording import label

MOST = 12
"""Panels in one figure. Where a study has more, the figure says how many it leaves out."""
MOST_SERIES = 12
COLUMNS = 2
ONE_ROW = 1.75
"""Inches that one row of panels has at least: room for the name of the axis."""
ROW = 72
"""Letters and lines of a legend that fit side by side."""
BASELINE: Any = (0, (4, 2))
SOLVED: Any = (0, (1, 1.5))
"""Line styles of the two losses that every other is measured by."""
TASKS = {"fibonacci": "Fibonacci"}
REPRESENTATIONS = {
    "raw": "raw",
    "prefix_max": "relative to largest",
    "last_value": "relative steps",
    "difference": "differences",
}
"""Representations of numbers, as short as a panel's title needs them."""


def titles(frame: pd.DataFrame, factors: Sequence[str], *, by_length: bool = False) -> list[str]:
    """Return the title of each row's panel: its length, then what varies of its task and settings."""
    varying = [name for name in factors if name != "model" and frame[name].nunique(dropna=False) > 1]
    several = frame["task"].nunique() > 1
    rows = frame[["task", "length", *factors]].to_dict("records")
    return [
        printable(
            " · ".join(
                [
                    *([f"T = {row['length']:,}"] if by_length else []),
                    *([_task(str(row["task"]))] if several else []),
                    *(_setting(name, row[name], varying) for name in varying),
                ]
            )
        )
        for row in rows
    ]


def by_length(frame: pd.DataFrame) -> bool:
    """Say whether a task has several lengths, so that a title needs them."""
    return bool(frame.groupby("task", sort=False)["length"].nunique().max() > 1)


def _task(name: str) -> str:
    return TASKS.get(name, label(name).replace("_", " "))


def _setting(factor: str, value: Any, factors: Sequence[str]) -> str:
    if factor == "task.representation":
        return REPRESENTATIONS.get(str(value), str(value))
    return f"{_short(factor, factors)} = {value}"


def _short(factor: str, factors: Sequence[str]) -> str:
    """Return a setting's name without its section, where no other has the same."""
    name = factor.rpartition(".")[2]
    return factor if sum(other.rpartition(".")[2] == name for other in factors) > 1 else name


def series(models: pd.Series[str], study: pd.Series[str]) -> pd.Categorical[str]:
    """Return the models' labels, in the order of the study, so that a model looks the same in every figure."""
    labels = [printable(label(model)) for model in models]
    return pd.Categorical(labels, categories=list(dict.fromkeys(printable(label(model)) for model in study)))


def printable(text: str) -> str:
    """Return a name without what cannot be drawn: control characters, and marks that turn the direction of writing."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def some(parts: Sequence[str]) -> str:
    """Return the parts of a description, as many as can be listened to."""
    more = f"; and {len(parts) - MOST_SERIES} more" if len(parts) > MOST_SERIES else ""
    return "; ".join(parts[:MOST_SERIES]) + more


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows, each by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def tile(axes: Axes, x: int, y: int, share: float, text: str, *, missing: bool = False) -> None:
    """Draw a cell of a map: the larger the share (0 to 1) the darker; hatched where trials are missing."""
    corner, width, height = (x - 0.47, y - 0.44), 0.94, 0.88
    if missing:
        axes.add_patch(Rectangle(corner, width, height, facecolor="none", edgecolor=FAINT, hatch="////", linewidth=0.0))
    axes.add_patch(Rectangle(corner, width, height, facecolor=MAP, alpha=share, linewidth=0.0))
    axes.add_patch(Rectangle(corner, width, height, facecolor="none", edgecolor=FAINT, linewidth=0.6))
    colour = PAPER if share > 0.5 else INK if share > 0 else SOFT
    axes.text(x, y, text, ha="center", va="center", color=colour)


def bare(axes: Axes) -> None:
    """Take the lines and ticks off the axes of a map; its labels stay."""
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def shorter(text: str, most: int = 33) -> str:
    """Return a text that fits above a panel or beside a line; what was cut is marked."""
    return text if len(text) <= most else text[: most - 1] + "…"


def begun(source: Source) -> pd.DataFrame:
    """Return the trials that have curves, complete or failed, for a figure with a panel for each length.

    key, length, panel (title), series (model), state, baseline, solved_below (NaN where the criterion is another
    metric). Ordered by length. Of more panels than are drawn only the first are kept; ``panel`` still knows how many
    there were.
    """
    trials = source.trials()
    table = pd.DataFrame(
        {
            "key": trials["key"],
            "length": trials["length"],
            "panel": titles(trials, source.factors, by_length=by_length(trials) or trials["task"].nunique() == 1),
            "series": series(trials["model"], trials["model"]),
            "state": trials["state"],
            "baseline": trials["baseline"],
            "solved_below": trials["solved_below"].where(trials["solved_metric"] == "test_mse"),
        }
    )
    table = table[table["state"].isin(["complete", "failed"])].sort_values("length", kind="stable", ignore_index=True)
    names = list(dict.fromkeys(table["panel"]))
    table["panel"] = pd.Categorical(table["panel"], categories=names)
    return table[table["panel"].isin(names[:MOST])]


def total(table: pd.DataFrame) -> int:
    """Return the number of panels that a study has for a figure."""
    panel = table["panel"]
    return len(panel.cat.categories) if isinstance(panel.dtype, pd.CategoricalDtype) else int(panel.nunique())


def by_panel(table: pd.DataFrame, most: int = MOST) -> list[tuple[str, pd.DataFrame]]:
    """Return the panels that are drawn, with their rows, in their order."""
    return [(str(title), rows) for title, rows in table.groupby("panel", sort=False, observed=True)][:most]


def grid(
    table: pd.DataFrame, height: float, single: float, *, share: bool = True, most: int = MOST
) -> tuple[Drawing, list[tuple[Axes, pd.DataFrame]]]:
    """Return a figure and its axes with the rows of each: two columns of panels, ``height`` inches a row of them.

    A figure of one panel is ``single`` inches high. Unless ``share`` is off, they have the same axes.
    At most ``most`` panels are drawn.
    """
    panels = by_panel(table, most)
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new(single if len(panels) == 1 else max(height * rows, ONE_ROW) + 0.55)
    axes = figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False)
    if len(panels) < rows * columns:  # the last place is empty: the panel above it is the lowest of its column
        axes[-1, -1].remove()
        axes[-2, -1].tick_params(labelbottom=True)
    for (title, _), one in zip(panels, axes.flat, strict=False):
        one.set_title(shorter(title))
    return figure, [(one, rows_) for one, (_, rows_) in zip(axes.flat, panels, strict=False)]


def name_axes(figure: Drawing, table: pd.DataFrame, x: str, y: str) -> None:
    """Name the axes with their units, once for all panels, and say how many panels are left out."""
    if len(figure.axes) == 1:
        figure.axes[0].set_xlabel(x)
        figure.axes[0].set_ylabel(y)
        return
    left_out = total(table) > len(figure.axes)
    note = f"\n{len(figure.axes)} of {total(table)} panels are shown." if left_out else ""
    figure.supxlabel(x + note, fontsize=8)
    figure.supylabel(y, fontsize=8)


def legend(figure: Drawing, handles: Sequence[Any]) -> None:
    """Put one legend above all panels, read row by row."""
    width = sum(len(handle.get_label()) + 6 for handle in handles)
    columns = len(handles) if width <= ROW else min(3, len(handles))
    by_column = [handle for column in range(columns) for handle in handles[column::columns]]
    figure.legend(
        handles=by_column, loc="outside upper left", ncols=columns, frameon=False, handlelength=2.1,
        columnspacing=1.1, borderaxespad=0.0,
    )  # fmt: skip


def key(look: Look, text: str, **changes: Any) -> Any:
    """Return a legend's entry for a series."""
    from matplotlib.lines import Line2D

    style = {"color": look.colour, "linestyle": look.line, "marker": look.marker, "markersize": 4, "linewidth": 1.4}
    return Line2D([], [], label=_shown(shorter(text, 24)), **{**style, **changes})


def reference(axes: Axes, by_length: pd.Series[float], dashes: Any) -> None:
    """Draw the baseline or the criterion: a line across the axes where it is one number, else through its lengths."""
    known = by_length.dropna()
    if known.nunique() == 1:
        axes.axhline(known.iloc[0], color=SOFT, linewidth=1.0, linestyle=dashes, zorder=1)
    else:
        axes.plot(known.index, known, color=SOFT, linewidth=1.0, linestyle=dashes, zorder=1)


def references(table: pd.DataFrame) -> list[Any]:
    """Return the legend's entries for baseline and criterion, as far as the table has them."""
    grey, found = Look(SOFT, "", "-"), []
    if table["baseline"].notna().any():
        known = table["baseline"].dropna().unique()
        found.append(key(grey, f"baseline{f' {known[0]:.4f}' if len(known) == 1 else ''}", linestyle=BASELINE))
    if table["solved_below"].notna().any():
        known = table["solved_below"].dropna().unique()
        found.append(key(grey, f"solved{f' below {known[0]:g}' if len(known) == 1 else ''}", linestyle=SOLVED))
    return found


def rules(axes: Axes) -> None:
    """Draw faint horizontal lines at the ticks, behind everything."""
    axes.yaxis.grid(visible=True, color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _shown(text: str) -> str:
    """Return a legend's text; one that begins with an underscore would be left out."""
    return f"\N{HAIR SPACE}{text}" if text.startswith("_") else text


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], apart: float = 0.062) -> None:
    """Write (height, text, colour) at the right of the axes, moved apart where they would overlap.

    The limits of the axes must be final; ``apart`` is a share of their height.
    """
    place = axes.transAxes.inverted()
    heights = [place.transform(axes.transData.transform((1.0, y)))[1] for y, _, _ in ends]
    order = sorted(range(len(ends)), key=lambda i: heights[i])
    spread = _apart([heights[i] for i in order], apart)
    for i, height in zip(order, spread, strict=True):
        _, text, colour = ends[i]
        axes.annotate(
            shorter(text, 24),
            (1.0, height),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )


def _apart(heights: Sequence[float], apart: float) -> list[float]:
    """Return ascending heights moved as little as need be so that none is nearer to the next than ``apart``."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _top(groups[-2], apart) + apart > _bottom(groups[-1], apart):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_bottom(group, apart) + apart * place for group in groups for place in range(len(group))]


def _bottom(group: Sequence[float], apart: float) -> float:
    return sum(group) / len(group) - apart * (len(group) - 1) / 2


def _top(group: Sequence[float], apart: float) -> float:
    return _bottom(group, apart) + apart * (len(group) - 1)
