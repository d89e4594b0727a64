"""Figures of several panels: one for each task, length and setting that the study varies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, DrawingArea, HPacker, TextArea
from matplotlib.patches import Rectangle

from unroll.analysis.finding import Words
from unroll.plots.style import FAINT, INK, MAP, PAPER, SOFT, Drawing, Look, new
from unroll.wording import distinct, labels, level, listed, number, powers, short_names

MOST = 12
"""Panels in one figure. Where a study has more, the figure says how many it leaves out."""
MOST_SERIES = 12
MOST_LINES = 15
"""Seeds in one panel that are drawn as lines of their own; more are a median and a band."""
LIGHT, DARK = 0.35, 0.83
"""Of the map's colour: the most under ink, the least under paper."""
LONGEST_SERIES = 24
LONGEST_TITLE = 120
"""Letters of the name of a series, and of a panel's title over all of its lines."""
BETWEEN = " · "
TITLE_LINE = 0.165
"""Inches of a further line of a title."""
COLUMNS = 2
ONE_ROW = 1.75
"""Inches that one row of panels has at least: room for the name of the axis."""
ROW = 64
"""Letters and lines of a legend that fit side by side."""
BASELINE: Any = (0, (4, 2))
SOLVED: Any = (0, (1, 1.5))
SECOND: Any = (0, (5, 1.5, 1, 1.5))
"""Line styles of the losses that every other is measured by."""
NONE = Words()


def titles(frame: pd.DataFrame, factors: Sequence[str], *, by_length: bool = False, words: Words = NONE) -> list[str]:
    """Return the title of each row's panel: its length, then what varies of its task and settings.

    Rows that differ in any of these never share a title.
    """
    varying = [name for name in factors if name != "model" and frame[name].map(repr).nunique() > 1]
    several = frame["task"].nunique() > 1
    parts = [*(["length"] if by_length else []), *(["task"] if several else []), *varying]
    rows = [tuple(row[name] for name in parts) for row in frame[["task", "length", *factors]].to_dict("records")]
    tasks = {name: words.titles.get(name, text).replace("_", " ") for name, text in labels(set(frame["task"])).items()}
    if len(set(tasks.values())) < len(tasks):
        tasks = {name: name for name in tasks}
    shown = [
        [_part(name, value, varying, tasks, words) for name, value in zip(parts, row, strict=True)] for row in rows
    ]
    made = [BETWEEN.join(filter(None, texts)) for texts in shown]
    if len(set(made)) < len({tuple(map(repr, row)) for row in rows}):  # two levels are spelled alike
        made = [BETWEEN.join(f"{name} = {value!r}" for name, value in zip(parts, row, strict=True)) for row in rows]
    return made


def by_length(frame: pd.DataFrame) -> bool:
    """Say whether a task has several lengths, so that a title needs them."""
    return bool(frame.groupby("task", sort=False)["length"].nunique().max() > 1)


def _part(name: str, value: Any, factors: Sequence[str], tasks: dict[str, str], words: Words) -> str:
    """Return what a title says of a length, a task or a setting; nothing of a setting that a trial does not have."""
    if name == "length":
        return f"T = {value:,}"
    if name == "task":
        return tasks[value]
    if value != value:
        return ""
    if words.tells(name):
        return words.level(name, value, "short")
    return f"{short_names(factors)[factors.index(name)]} = {level(name, value)}"


def series(models: pd.Series[str], study: Sequence[str]) -> pd.Categorical[str]:
    """Return the models' labels, in the order of the study, so that a model looks the same in every figure.

    No two models have the same; long ones are cut in the middle where that leaves them different.
    """
    names = labels(dict.fromkeys([*study, *models]))
    short = distinct(names.values(), LONGEST_SERIES)
    shown = {name: short[text] for name, text in names.items()}
    return pd.Categorical(
        [shown[model] for model in models], categories=[shown[model] for model in dict.fromkeys(study)]
    )


def one_line(texts: Sequence[str], most: int = 60) -> list[str]:
    """Return the titles of panels or rows, of which none is cut where it differs from another."""
    short = distinct(texts, most)
    return [short[text] for text in texts]


def above(titles: Sequence[str], most: int = 48) -> list[str]:
    """Return the titles of panels that are as wide as the figure, in lines that fit above them."""
    return [folded(title, most) for title in one_line(titles, LONGEST_TITLE)]


def further_lines(title: str) -> float:
    """Return the inches that a title takes beyond its first line."""
    return TITLE_LINE * title.count("\n")


def folded(title: str, most: int = 28) -> str:
    """Return a panel's title in lines of so many letters, broken between its parts; a part stays whole."""
    lines: list[str] = []
    for part in title.split(BETWEEN):
        if lines and len(lines[-1]) + len(BETWEEN) + len(part) <= most:
            lines[-1] += BETWEEN + part
        else:
            lines.append(part)
    return powers("\n".join(lines))


def some(parts: Sequence[str]) -> str:
    """Return the parts of a description, as many as can be listened to."""
    more = f"; and {len(parts) - MOST_SERIES} more" if len(parts) > MOST_SERIES else ""
    return "; ".join(parts[:MOST_SERIES]) + more


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows, each by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def shade(share: float) -> float:
    """Return how much of the map's colour a cell of a share (0 to 1) has.

    Light up to a half, dark beyond: between them neither ink nor paper could be read on it, on light or on dark pages.
    """
    return LIGHT * share / 0.5 if share <= 0.5 else DARK + (1.0 - DARK) * (share - 0.5) / 0.5


def tile(
    axes: Axes,
    x: int,
    y: int,
    share: float,
    text: str,
    *,
    missing: bool = False,
    spread: tuple[float, float] | None = None,
) -> None:
    """Draw a cell of a map: the larger the share (0 to 1) the darker; hatched where trials are missing.

    ``spread``, two shares of the cell's width, is a line under its text, from the one to the other.
    """
    corner, width, height = (x - 0.47, y - 0.44), 0.94, 0.88
    if missing:
        axes.add_patch(Rectangle(corner, width, height, facecolor="none", edgecolor=FAINT, hatch="////", linewidth=0.0))
    axes.add_patch(Rectangle(corner, width, height, facecolor=MAP, alpha=shade(share), linewidth=0.0))
    axes.add_patch(Rectangle(corner, width, height, facecolor="none", edgecolor=FAINT, linewidth=0.6))
    colour = PAPER if share > 0.5 else INK if share > 0 or missing else SOFT
    axes.text(x, y, text, ha="center", va="center_baseline" if spread else "center", color=colour)
    if spread:
        ends = [corner[0] + width * (0.06 + 0.88 * end) for end in spread]
        axes.plot(ends, [y - 0.33] * 2, color=colour, linewidth=1.6, solid_capstyle="butt", marker="|", markersize=3.5)


def bare(axes: Axes) -> None:
    """Take the lines and ticks off the axes of a map; its labels stay."""
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def begun(trials: pd.DataFrame, factors: Sequence[str], models: Sequence[str], words: Words = NONE) -> pd.DataFrame:
    """Return the trials that have curves, complete or failed, for a figure with a panel for each length.

    key, length, panel (title), series (model), state, score_words, baseline, second_name, second_loss, solved_below
    (NaN where the criterion is another metric). ``models`` are those of the study. Ordered by length. Of more panels
    than are drawn only the first are kept; ``panel`` still knows how many there were.
    """
    table = pd.DataFrame(
        {
            "key": trials["key"],
            "length": trials["length"],
            "panel": titles(trials, factors, by_length=by_length(trials) or trials["task"].nunique() == 1, words=words),
            "series": series(trials["model"], models),
            "state": trials["state"],
            "score_words": trials["score_words"],
            **{name: trials[name] for name in ("baseline", "second_name", "second_loss")},
            "solved_below": trials["solved_below"].where(trials["solved_metric"] == trials["score_name"]),
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
    shown = [folded(title) for title in one_line([title for title, _ in panels], LONGEST_TITLE)]
    further = TITLE_LINE * sum(
        max(title.count("\n") for title in shown[first : first + columns]) for first in range(0, len(shown), columns)
    )
    figure = new((single if len(panels) == 1 else max(height * rows, ONE_ROW) + 0.55) + further)
    axes = figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False)
    if len(panels) < rows * columns:  # the last place is empty: the panel above it is the lowest of its column
        axes[-1, -1].remove()
        axes[-2, -1].tick_params(labelbottom=True)
    for title, one in zip(shown, axes.flat, strict=False):
        one.set_title(title)
    return figure, [(one, rows_) for one, (_, rows_) in zip(axes.flat, panels, strict=False)]


def name_axes(figure: Drawing, table: pd.DataFrame, x: str, y: str) -> None:
    """Name the axes with their units, once for all panels, and say how many panels are left out."""
    if len(figure.axes) == 1:
        figure.axes[0].set_xlabel(x)
        figure.axes[0].set_ylabel(y)
        return
    left_out = total(table) > len(figure.axes)
    note = f"\n{len(figure.axes)} of {total(table)} panels are shown." if left_out else ""
    figure.supxlabel(x + note, fontsize=8.5)
    figure.supylabel(y, fontsize=8.5)


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
    style = {"color": look.colour, "linestyle": look.line, "marker": look.marker, "markersize": 4, "linewidth": 1.4}
    return Line2D([], [], label=_shown(text), **{**style, **changes})


def reference_lines(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw baseline, second line and criterion of a panel's rows, as far as they have them."""
    for name, dashes in (("baseline", BASELINE), ("second_loss", SECOND), ("solved_below", SOLVED)):
        _reference(axes, rows.groupby("length")[name].first(), dashes)


def second_words(table: pd.DataFrame) -> str:
    """Return a sentence on the second lines that a figure shows, with a blank before it; "" where there are none."""
    names = list(dict.fromkeys(table["second_name"].dropna()))
    return f" Dashed and dotted: {listed(names)}, see the table." if names else ""


def _reference(axes: Axes, by_length: pd.Series[float], dashes: Any) -> None:
    """Draw one of them: a line across the axes where it is one number, else through its lengths."""
    known = by_length.dropna()
    if known.empty:
        return
    if known.nunique() == 1:
        axes.axhline(known.iloc[0], color=SOFT, linewidth=1.0, linestyle=dashes, zorder=1)
    else:
        axes.plot(known.index, known, color=SOFT, linewidth=1.0, linestyle=dashes, zorder=1)


def references(table: pd.DataFrame) -> list[Any]:
    """Return the legend's entries for baseline and criterion, as far as the table has them."""
    grey, found = Look(SOFT, "", "-"), []
    if table["baseline"].notna().any():
        known = table["baseline"].dropna().unique()
        found.append(key(grey, f"baseline{f' {number(known[0], 4)}' if len(known) == 1 else ''}", linestyle=BASELINE))
    names = list(dict.fromkeys(table["second_name"].dropna()))
    if names:
        found.append(key(grey, str(names[0]) if len(names) == 1 else "second line", linestyle=SECOND))
    if table["solved_below"].notna().any():
        known = table["solved_below"].dropna().unique()
        found.append(key(grey, f"solved{f' below {known[0]:g}' if len(known) == 1 else ''}", linestyle=SOLVED))
    return found


def many_lines(table: pd.DataFrame) -> bool:
    """Say whether a panel has more trials than can be told apart as lines; ``key`` names them."""
    return bool(table.groupby("panel", observed=True)["key"].nunique().max() > MOST_LINES)


def rules(axes: Axes) -> None:
    """Draw faint horizontal lines at the ticks, behind everything."""
    axes.yaxis.grid(visible=True, color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _shown(text: str) -> str:
    """Return a legend's text; one that begins with an underscore would be left out."""
    return f"\N{HAIR SPACE}{text}" if text.startswith("_") else powers(text)


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, Look]], apart: float = 0.067) -> None:
    """Write (height, text, look) at the right of the axes, each beside a piece of its line, apart from one another.

    The limits of the axes must be final; ``apart`` is a share of their height.
    """
    place = axes.transAxes.inverted()
    heights = [place.transform(axes.transData.transform((1.0, y)))[1] for y, _, _ in ends]
    order = sorted(range(len(ends)), key=lambda i: heights[i])
    spread = _apart([heights[i] for i in order], apart)
    for i, height in zip(order, spread, strict=True):
        _, text, look = ends[i]
        sample = DrawingArea(17, 7)
        sample.add_artist(
            Line2D(
                [0, 8.5, 17],
                [3.5] * 3,
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                markevery=[1],
                markersize=3.8,
                linewidth=1.3,
            )
        )
        words = TextArea(_shown(text), textprops={"color": INK})
        box = HPacker(children=[sample, words], align="center", pad=0, sep=4)
        axes.add_artist(
            AnnotationBbox(
                box,
                (1.0, height),
                xycoords="axes fraction",
                xybox=(6, 0),
                boxcoords="offset points",
                box_alignment=(0.0, 0.5),
                frameon=False,
                pad=0.0,
                annotation_clip=False,
            )
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
