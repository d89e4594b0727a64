"""Which figures a report has, and which is on its first screen: of number sequences the length says little."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from unroll.measures.continuation.figure import most_telling as continuation
from unroll.measures.figures import drawn
from unroll.measures.horizons.figure import most_telling as horizons
from unroll.measures.installed import known
from unroll.measures.solved.figure import by_model
from unroll.plots import panels
from unroll.plots.telling import UNSEEN
from unroll.report.source import ReportSource
from unroll.wording import counted

SEQUENCES = {"continuation", "horizons", "traps", "window_lag"}
BY_LENGTH = ("lengths", "timing")
OVER_UPDATES = ("learning", "gradients")
MOST_TELLING = {"continuation": continuation, "horizons": horizons}
NEAREST = "of each task the representation with which a recurrent model ends nearest to the truth, and raw numbers"
MOST_CURVES = 4
"""Panels of curves over the training that a reader of number sequences looks at."""


@dataclass(frozen=True)
class Choice:
    """The figure of the first screen, each figure's table by its name, and whether lengths are compared."""

    lead: str
    tables: dict[str, pd.DataFrame]
    lengths: bool

    def title(self, name: str) -> str:
        """Return a figure's title."""
        compared = name == "solved" and by_model(self.tables[name])
        return "Which tasks are solved" if compared else known()[name].title

    def left_out(self, name: str, study: str) -> str:
        """Return how many panels a figure leaves out and how to see them; "" where it has all."""
        if name not in ("continuation", "horizons"):
            return ""
        table = self.tables[name]
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
            f"All: unroll plot {study} {name} --out {name}.svg"
        )


def choose(results: ReportSource) -> Choice:
    """Return what of a study's figures its report shows: of the adding problem, all that has data."""
    found = {name: one.points(results) for name, one in drawn().items()}
    tables = {name: table for name, table in found.items() if len(table)}
    if tables.keys().isdisjoint(SEQUENCES):
        return Choice("solved", tables, lengths=True)
    if "horizons" in tables and tables["horizons"]["horizon"].max() < 2:
        del tables["horizons"]
    for name in ("continuation", "horizons"):
        if name in tables:
            tables[name] = MOST_TELLING[name](tables[name])
    if "window_lag" in tables and tables["window_lag"]["lag"].nunique() < 2:
        del tables["window_lag"]
    conditions = results.table()
    several = panels.by_length(conditions)
    dropped = {name for name in OVER_UPDATES if name in tables and panels.total(tables[name]) > MOST_CURVES}
    recalled = set(results.measure("window_lag")["task"])
    if "window_lag" in tables and recalled == set(conditions["task"]):  # its map tells lengths and solved at once
        dropped |= {"solved", *BY_LENGTH}
    elif not several:
        dropped |= set(BY_LENGTH)
        if not by_model(tables["solved"]):
            dropped.add("solved")
    kept = {name: table for name, table in tables.items() if name not in dropped}
    lead = next((name for name in ("solved", "window_lag", "traps", "continuation", "horizons") if name in kept), "")
    return Choice(lead, kept, lengths=several)
