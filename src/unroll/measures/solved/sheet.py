"""What is solved, and up to which length, as tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from unroll.analysis.sheets import baseline, by_condition, count, in_title, interval
from unroll.layout import Column, Layout, figures, prose
from unroll.wording import MISSING, listed, number

if TYPE_CHECKING:
    from unroll.measures.source import Source


def solved(source: Source) -> Layout:
    """Return how many seeds of each condition solve the task, how soon, and how long an epoch takes."""
    frame = source.table()
    cells: dict[Column, Callable[[Any], str]] = {
        figures("n"): lambda row: count(row["n"]),
        figures("solved"): lambda row: f"{row['solved']} of {row['complete']}" if row["complete"] else MISSING,
        figures("95 % interval of the rate"): lambda row: interval(row["solved_low"], row["solved_high"], 2),
        figures("updates until solved"): lambda row: count(row["updates_to_solve"]),
        figures("seconds an epoch"): lambda row: number(row["seconds_per_epoch"], 2),
        figures("parameters"): lambda row: count(row["parameters"]),
        **baseline(frame),
    }
    if frame["damaged"].any():
        cells[figures("damaged")] = lambda row: count(row["damaged"])
    if frame["failed"].any() or frame["waiting"].any():
        cells[figures("failed")] = lambda row: count(row["failed"])
        cells[figures("not trained yet")] = lambda row: count(row["waiting"])
    note = (
        f"Solved: {listed(sorted(set(frame['criterion'])))}. Interval: Clopper and Pearson's. Updates: median over the "
        "seeds that reached the criterion during training. Seconds: median over seeds, training alone."
    )
    return by_condition("solved", f"Solved{in_title(frame)}", note, frame, source.factors, cells)


def span(source: Source) -> Layout:
    """Return the longest length that most seeds of each model solve."""
    frame = source.span()
    cells: dict[Column, Callable[[Any], str]] = {
        figures("span, steps"): lambda row: count(row["span"]) if not pd.isna(row["span"]) else "none",
        figures("solved there"): lambda row: MISSING if pd.isna(row["span"]) else f"{row['solved']} of {row['seeds']}",
        prose("trained at T ="): lambda row: ", ".join(map(count, row["lengths"])),
    }
    if not frame["finished"].all():
        cells[prose("trials")] = lambda row: "all finished" if row["finished"] else "not finished: may grow"
    return by_condition("span", "Span", "The longest length that most seeds solve.", frame, source.factors, cells)
