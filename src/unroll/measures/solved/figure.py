"""Solved map: which model solves which length or task, in how many of its seeds."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.style import SOFT, Drawing, new, styled
from unroll.wording import MISSING, listed

MOST_ROWS = 30


def points(source: Source) -> pd.DataFrame:
    """Return one row per condition.

    task, panel (title), series (model), length (steps), seeds (planned), solved, complete, failed, damaged, waiting
    (counts), criterion ("test MSE < 0.01").
    """
    conditions, factors = source.table(), source.factors
    return pd.DataFrame(
        {
            "task": conditions["task"],
            "panel": panels.titles(conditions, factors, words=source.told.words),
            "series": panels.series(conditions["model"], source.models),
            "length": conditions["length"],
            "seeds": conditions["seeds"].map(len),
            **{name: conditions[name] for name in ("solved", "complete", "failed", "damaged", "waiting")},
            "criterion": conditions["criterion"],
        }
    )


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a row per model, a column per length; the darker, the more of its seeds solve it.

    Where each task has one length, a row is a task and its settings, a column per model.
    """
    if of_one_length(table):
        return _by_model(table)
    with styled():
        parts = panels.by_panel(table)
        lengths = sorted(table["length"].unique())
        titles = panels.above([title for title, _ in parts])
        heights = [0.3 * rows["series"].nunique() + (0.28 if title else 0.05) for title, rows in parts]
        heights = [height + panels.further_lines(title) for height, title in zip(heights, titles, strict=True)]
        figure = new(sum(heights) + 0.45)
        axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
        for title, (_, rows), one in zip(titles, parts, axes, strict=True):
            _draw(one, rows, lengths)
            one.set_title(title)
        axes[-1].set_xticks(range(len(lengths)), [f"{length:,}" for length in lengths])
        axes[-1].set_xlabel("sequence length T, steps")
        if panels.total(table) > len(parts):
            figure.supxlabel(f"{len(parts)} of {panels.total(table)} panels are shown.", fontsize=8.4, color=SOFT)
    return figure


def of_one_length(table: pd.DataFrame) -> bool:
    """Say whether there are several panels, each of one length: tasks or settings are compared then, not lengths."""
    one = table.groupby("panel", observed=True)["length"].nunique().max() == 1
    return bool(one) and table["panel"].nunique() > 1


def by_model(table: pd.DataFrame) -> bool:
    """Say whether models are compared, on several panels of one length each."""
    return of_one_length(table) and table["series"].nunique() > 1


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        trained = [row for row in panels.records(rows) if row["complete"]]
        cells = listed([f"{row['solved']} of {row['complete']} at T = {row['length']:,}" for row in trained])
        parts.append(f"{series}{f' ({panel})' if panel else ''}: {cells or 'none trained'}")
    return f"Seeds that solve the task, of those trained. {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    criteria = listed(sorted(set(table["criterion"])))
    words = {"failed": "failed", "damaged": "damaged", "waiting": "not trained yet"}
    said = listed([f"{table[state].sum()} {word}" for state, word in words.items() if table[state].any()])
    note = f" Hatched where trials are missing ({said})." if said else ""
    return f"Seeds that solve the task ({criteria}), of those trained.{note}"


def _by_model(table: pd.DataFrame) -> Drawing:
    with styled():
        order = {task: place for place, task in enumerate(dict.fromkeys(table["task"]))}
        parts = panels.by_panel(table.sort_values("task", key=lambda task: task.map(order), kind="stable"), MOST_ROWS)
        names = [name for name in table["series"].cat.categories if name in set(table["series"])]
        titles = panels.above([title for title, _ in parts], 33)
        lines = 1 + max(title.count("\n") for title in titles)
        figure = new((0.225 if lines == 1 else 0.05 + 0.13 * lines) * len(parts) + 0.95)
        axes = figure.subplots()
        for place, (_, rows) in enumerate(parts):
            for row in panels.records(rows):
                _cell(axes, names.index(row["series"]), place, row)
        axes.set_xlim(-0.55, len(names) - 0.45)
        axes.set_ylim(len(parts) - 0.5, -0.5)
        axes.set_yticks(range(len(parts)), titles)
        panels.bare(axes)
        axes.xaxis.tick_top()
        axes.set_xticks(
            range(len(names)), names, rotation=40, ha="left",
            rotation_mode="anchor",
        )  # fmt: skip
        if panels.total(table) > len(parts):
            figure.supxlabel(f"{len(parts)} of {panels.total(table)} rows are shown.", fontsize=8.4, color=SOFT)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, lengths: list[int]) -> None:
    names = list(dict.fromkeys(map(str, rows["series"])))
    for row in panels.records(rows):
        _cell(axes, lengths.index(row["length"]), names.index(row["series"]), row)
    axes.set_xlim(-0.55, len(lengths) - 0.45)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    panels.bare(axes)


def _cell(axes: Axes, x: int, y: int, row: dict[str, Any]) -> None:
    solved, complete = row["solved"], row["complete"]
    share = solved / complete if complete else 0.0
    text = f"{solved}/{complete}" if complete else MISSING
    panels.tile(axes, x, y, share, text, missing=complete < row["seeds"])
