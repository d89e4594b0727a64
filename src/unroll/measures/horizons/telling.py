"""The panels of a study of number sequences that tell most, for a page that cannot hold all."""

from __future__ import annotations

from collections.abc import Set

import pandas as pd

from unroll.wording import counted

MOST = 8
UNSEEN = "\N{NULL}"
"""What the names of panels begin with that are only counted."""
NEAREST = "of each task the setting with which a recurrent model ends nearest to the truth, and raw numbers"
EVERY = 120
"""Panels of a figure that is a file of its own."""


def facts(frame: pd.DataFrame, stateless: Set[str]) -> dict[str, pd.Series]:
    """Return what panels are chosen by: task, raw (numbers as they are), state (the model keeps one)."""
    raw = frame["task.representation"] == "raw" if "task.representation" in frame else pd.Series(True, frame.index)
    return {"task": frame["task"], "raw": raw, "state": ~frame["model"].isin(stateless)}


def telling(table: pd.DataFrame, step: str, error: str, of: int | None = None) -> pd.DataFrame:
    """Return at most ``MOST`` panels: of each task those where a recurrent model ends nearest to the truth.

    One panel per task of any representation, and one of raw numbers, in the order of the study. ``step`` and ``error``
    name the columns of the steps ahead and of the error there; ``of`` is the number of all panels where the table is
    only a part of them. ``panels.total`` of what is returned still knows how many there were.
    """
    names = list(dict.fromkeys(table["panel"]))
    unseen = [f"{UNSEEN}{place}" for place in range((of or 0) - len(names))]
    table = table.assign(panel=pd.Categorical(table["panel"], categories=[*names, *unseen]))
    if len(names) <= MOST:
        return table
    models = table[table["state"]] if table["state"].any() else table
    last = models[models[step] == models.groupby("panel", observed=True)[step].transform("max")]
    medians = last.groupby(["task", "panel", "raw", "series"], sort=False, observed=True)[error].median()
    ends = medians.fillna(float("inf")).groupby(["task", "panel", "raw"], sort=False, observed=True).min().reset_index()
    best = [
        part.sort_values(error, kind="stable")["panel"].iloc[0]
        for rows in (ends, ends[ends["raw"]])
        for _, part in rows.groupby("task", sort=False)
    ]
    shown = [name for name in names if name in best][:MOST]
    return table[table["panel"].isin(shown)]


def left_out(table: pd.DataFrame, figure: str, name: str) -> str:
    """Return how many panels ``telling`` has left out, and how to see them; "" for none.

    ``figure`` is the figure as ``unroll plot`` takes it, ``name`` that of a file.
    """
    names, shown = list(table["panel"].cat.categories), set(table["panel"])
    left = [one for one in names if one not in shown]
    if not left:
        return ""
    unseen = [one for one in left if one.startswith(UNSEEN)]
    inside = "parameters of the trained range" if unseen else ""
    nearest = "" if len(unseen) == len(left) else NEAREST
    shown_are = ", ".join(filter(None, [inside, nearest]))
    return (
        f" Shown: {shown_are}; {counted(len(left), 'panel')} of {len(names)} left out. "
        f"All: unroll plot {figure} --out {name}.svg"
    )
