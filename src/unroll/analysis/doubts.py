"""Sentences on what a study does not show, though a reader might think so."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.finding import Finding, Tables, named, problem
from unroll.wording import capital, counted, listed, measured


def doubts(tables: Tables, others: Tables) -> Iterator[Finding]:
    """Yield them, what is missing first; ``others`` are the tables without the tasks of number sequences."""
    yield from _incomplete(tables.conditions)
    if tables.conditions["complete"].any():
        yield from _chance(tables.conditions, others.comparisons)
        yield from _beyond(others)
        yield from _noise(others)
        yield from _scope(tables)


def _incomplete(conditions: pd.DataFrame) -> Iterator[Finding]:
    failed, waiting = int(conditions["failed"].sum()), int(conditions["waiting"].sum())
    planned = failed + waiting + int(conditions["complete"].sum())
    if not failed + waiting:
        return
    what = [f"{count:,} {text}" for count, text in ((failed, "failed"), (waiting, "not trained yet")) if count]
    if failed + waiting == planned:
        only = ("all failed" if failed else "none is trained yet") if len(what) == 1 else listed(what)
        yield Finding("not_shown", f"Nothing is shown yet: of {counted(planned, 'trial')}, {only}.")
        return
    yield Finding("not_shown", f"{failed + waiting:,} of {planned:,} trials are missing: {listed(what)}.")
    for task, rows in conditions.groupby("task", sort=False):
        complete = rows.groupby("model", sort=False)["complete"].sum()
        blank = [named(str(model)) for model, count in complete.items() if not count]
        if blank:
            where = f" on {problem(str(task))}" if conditions["task"].nunique() > 1 else ""
            whose = "it" if len(blank) == 1 else "them"
            yield Finding("not_shown", f"Nothing is known of {listed(blank)}{where}: no trial of {whose} is complete.")


def _chance(conditions: pd.DataFrame, comparisons: pd.DataFrame) -> Iterator[Finding]:
    """Yield what so few seeds leave open."""
    if conditions["seeds"].map(len).max() == 1:
        yield Finding(
            "not_shown", "One seed shows each result once: how much it varies from seed to seed is not known."
        )
        return
    paired = comparisons[comparisons["n"] > 0]
    if len(paired):
        yield from _comparisons(paired)
    rows = conditions.to_dict("records")
    whole = [row for row in rows if row["n"] > 1 and row["solved"] == row["n"] == len(row["seeds"])]
    if whole:
        best = max(whole, key=lambda row: row["n"])
        low = f"{100 * best['solved_low']:.0f} %"
        sentence = f"{best['n']} of {best['n']} solved seeds do not show that every seed would solve it"
        yield Finding("not_shown", f"{sentence}: the true rate can be as low as {low}.", "Wilson's interval for 95 %")


def _comparisons(paired: pd.DataFrame) -> Iterator[Finding]:
    count, most = len(paired), int(paired["n"].max())
    best = paired["smallest_p"].min()
    if best > SIGNIFICANT:
        sentence = f"{counted(most, 'seed')} cannot show that one model is better than another"
        yield Finding(
            "not_shown",
            f"{capital(sentence)}: the smallest p that a paired test can give is {best:g}.",
            "two-sided sign-flip test of the differences in test MSE, seed by seed",
        )
        return
    open_ = int((paired["p"] > SIGNIFICANT).sum())
    if open_:
        yield Finding(
            "not_shown",
            f"{open_:,} of {count:,} comparisons of two models at one length show no significant difference.",
            f"two-sided sign-flip test, p > {SIGNIFICANT}",
        )
    if 1 < count > open_:
        yield Finding(
            "not_shown",
            f"The p values are not corrected for {count:,} comparisons: by chance alone one in twenty is below 0.05.",
        )


def _beyond(tables: Tables) -> Iterator[Finding]:
    """Yield for whom the sequences were too short to find an end."""
    for task, rows in tables.span.groupby("task", sort=False):
        longest = max(max(lengths) for lengths in rows["lengths"])
        reached = rows.dropna(subset="span")
        models = [named(str(model)) for model in reached.loc[reached["span"] == longest, "model"].unique()]
        if models:
            solve = "solves" if len(models) == 1 else "solve"
            sentence = f"{listed(models)} {solve} {problem(str(task))} even at T = {longest}, the longest here"
            yield Finding("not_shown", f"{capital(sentence)}: where that ends is not shown.")


def _noise(tables: Tables) -> Iterator[Finding]:
    """Yield how much memory could hide in the chance of which sequences were drawn for the test."""
    hidden = [row for row in tables.memory.to_dict("records") if row["steps"] <= 2 * row["noise"]]
    if not hidden:
        return
    row = max(hidden, key=lambda row: row["noise"])
    where, steps = f"At T = {row['length']}", measured(2 * row["noise"], "step")
    yield Finding(
        "not_shown",
        f"{where} a memory of less than about {steps} cannot be told from none: the test set is too small.",
        "twice the standard error of the effective memory",
    )


def _scope(tables: Tables) -> Iterator[Finding]:
    once = [
        *(["in one size"] if tables.sizes == 1 else []),
        *(["with one recipe of training"] if tables.recipes == 1 else []),
    ]
    if once:
        sentence = f"Each model was trained {listed(once)}: nothing here is about others."
        yield Finding("not_shown", sentence)
