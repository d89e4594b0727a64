"""Frames as tables of texts: rows by their conditions, and any frame as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from unroll import wording
from unroll.layout import LISTED, Cell, Column, Layout, each, figures, heading, prose
from unroll.wording import MISSING, labels, level, number, percent

MOST_ROWS = 400
COUNTED = ("n", "planned", "solved", "parameters", "horizon", "sequences", "train_inputs", "test_inputs")
"""Columns of counts, which are whole numbers, or medians of some."""
INPUTS = "trained on, tested on: different inputs, as the network sees them; seen: share of the tested, trained on too"

NOTABLE = 0.01
"""The share of test inputs that training has seen from which on tables tell it."""

Cells = Mapping[Column, Callable[[Any], str]]


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval, or a dash where there is none."""
    return MISSING if low is None or pd.isna(low) else f"{number(low, digits)} to {number(high, digits)}"


def count(value: Any) -> str:
    """Return a whole number with its thousands apart; a dash where there is none."""
    return MISSING if value is None or pd.isna(value) else f"{round(value):,}"


def several(values: Iterable[str]) -> str:
    """Return the values of the seeds in one cell."""
    return LISTED.join(values)


def inputs(row: Any) -> tuple[str, str, str]:
    """Return the cells of a condition's counts of inputs: see ``unroll.analysis.overlap``."""
    return count(row["train_inputs"]), count(row["test_inputs"]), percent(row["test_seen"])


def by_condition(
    name: str,
    title: str,
    note: str,
    frame: pd.DataFrame,
    factors: Sequence[str],
    cells: Cells,
    first: str = "model",
    *,
    terminal: bool = False,
) -> Layout:
    """Return a page's table with a row for each row of ``frame``: task and model, what varies, the ``cells``.

    For a ``terminal`` what varies tells rows apart, so that it is never left out.
    """
    heads = [*(["task"] if frame["task"].nunique() > 1 else []), "model"]
    varying = [factor for factor in factors if factor in frame and frame[factor].nunique(dropna=False) > 1]
    long = "length" in frame
    shown = {one: labels(map(str, frame[one])) for one in heads}
    columns = [replace(heading(first if one == "model" else one), group=True) for one in heads]
    column = partial(heading, right=True) if terminal else figures
    columns += [column(factor) for factor in varying] + ([column("T")] if long else [])
    layout = Layout([*columns, *cells], title, note, name=name)
    for row in frame.to_dict("records"):
        layout.add(
            *(shown[one][str(row[one])] for one in heads),
            *(level(factor, row[factor]) for factor in varying),
            *([count(row["length"])] if long else []),
            *(write(row) for write in cells.values()),
        )
    return layout


def plain(name: str, title: str, note: str, frame: pd.DataFrame) -> Layout:
    """Return a page's table of a frame as it is: texts as texts, settings as everywhere, lists joined."""
    settings = [column for column in frame.columns if "." in column]
    names = [column for column in frame.columns[:2] if column in ("task", "model")]
    shown = {column: labels(map(str, frame[column])) for column in names}
    others = frame.columns.drop(names)
    columns = [replace(heading(column), group=True) for column in names]
    columns += [_column(column, frame[column], column in settings) for column in others]
    layout = Layout(columns, title, note, name=name)
    written = [[_written(column, value) for value in frame[column]] for column in others]
    for head, cells in zip(
        zip(*([shown[one][str(name)] for name in frame[one]] for one in names), strict=True)
        if names
        else [()] * len(frame),
        zip(*written, strict=True),
        strict=True,
    ):
        layout.add(*head, *cells)
    return layout


def second(frame: pd.DataFrame) -> dict[Column, Callable[[Any], str]]:
    """Return the column of what else to compare with, where a task has a second line.

    Its cells name the line where a task has several; else the column does, or what stands below: see ``of_second``.
    """
    names = frame["second_name"].dropna().unique()
    if not len(names):
        return {}
    named = _lines_of_tasks(frame) > 1

    def cell(row: Any) -> str:
        told = wording.second(row["second_name"], row["second_loss"], row["second_accuracy"])
        return told if named else told.removeprefix(f"{row['second_name']} ")

    return {prose("second line") if named else figures(str(names[0]) if len(names) == 1 else "second line"): cell}


def of_second(frame: pd.DataFrame) -> str:
    """Return what second lines are, and what stands in their cells; "" where there are none."""
    rows = frame.dropna(subset=["second_name", "second_words"])
    if rows.empty:
        return ""
    accuracy = " and, in brackets, its accuracy" if rows["second_accuracy"].notna().any() else ""
    if rows["second_name"].nunique() == 1 or _lines_of_tasks(rows) > 1:
        said = wording.lines(zip(rows["second_name"], rows["second_words"], strict=True))
    else:
        one = rows.drop_duplicates("task")
        each_task = (f"of {task}, the {name}: {who}" for task, name, who in one[list(LINE)].itertuples(index=False))
        said = f"second line {'; '.join(each_task)}"
    return f"{said}; its loss{accuracy}"


LINE = ("task", "second_name", "second_words")


def _lines_of_tasks(frame: pd.DataFrame) -> int:
    """Return how many second lines the task has that has most."""
    return int(frame.groupby("task")["second_name"].nunique().max())


def seen(frame: pd.DataFrame) -> dict[Column, Callable[[Any], str]]:
    """Return the column of the share of test inputs that training has seen, where it is more than NOTABLE somewhere."""
    if not (frame["test_seen"] > NOTABLE).any():
        return {}
    return {figures("tests seen in training", 3): lambda row: percent(row["test_seen"])}


def _written(column: str, value: Any) -> str:
    """Return a cell of any frame: settings as everywhere, counts whole."""
    return level(column, value) if "." in column else count(value) if column in COUNTED else _plain(value)


def in_title(frame: pd.DataFrame) -> str:
    """Return the baseline for a table's title, where all conditions have the same."""
    return f" · baseline {number(frame['baseline'].iloc[0], 4)}" if _one_baseline(frame) else ""


def baseline(frame: pd.DataFrame) -> dict[Column, Callable[[Any], str]]:
    """Return the column of the baseline, where conditions differ in it."""
    return {} if _one_baseline(frame) else {figures("baseline"): lambda row: number(row["baseline"], 4)}


def _one_baseline(frame: pd.DataFrame) -> bool:
    return (
        bool(frame["baseline"].notna().all()) and frame["baseline"].map(lambda value: number(value, 4)).nunique() == 1
    )


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by task, in the order in which the tasks first appear: baselines may come from a later grid."""
    places = {task: place for place, task in enumerate(dict.fromkeys(frame["task"]))}
    return frame.sort_values("task", key=lambda tasks: tasks.map(places), kind="stable")


def in_sections(layout: Layout, rows: Iterable[Sequence[Cell]]) -> Layout:
    """Return the table with these rows, apart where the first cell changes."""
    before = None
    for cells in rows:
        layout.add(*cells, apart=cells[0] != before)
        before = cells[0]
    return layout


def _column(name: str, values: pd.Series[Any], is_setting: bool) -> Column:
    if not is_setting and values.map(lambda value: isinstance(value, list | tuple)).all():
        return each(name.replace("_", " "))
    shown = name if is_setting else name.replace("_", " ")
    return figures(shown) if pd.api.types.is_numeric_dtype(values) else prose(shown)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return several(_plain(item) for item in value)
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return MISSING
    return number(value) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
