"""Sentences on speed: which model needs fewer updates, and how an epoch's time grows with the length."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from unroll.analysis.finding import Finding, Tables, named
from unroll.wording import label, listed, number


def pace(tables: Tables) -> Iterator[Finding]:
    """Yield what is to say of speed in a study that varies no setting; of others their tables tell more."""
    if tables.factors:
        return
    for task, rows in tables.conditions.groupby("task", sort=False):
        yield from _updates(rows)
        yield from _growth(tables.growth[tables.growth["task"] == task].dropna(subset="exponent"))


def _updates(rows: pd.DataFrame) -> Iterator[Finding]:
    """Yield who is faster at the longest length that at least two models solve in all of their seeds."""
    solved = rows[(rows["solved"] == rows["seeds"].map(len)) & rows["updates_to_solve"].notna()]
    shared = [int(length) for length in solved["length"][solved["length"].duplicated()]]
    if not shared:
        return
    ranked = solved[solved["length"] == max(shared)].sort_values("updates_to_solve", kind="stable")
    models = [named(str(model)) for model in ranked["model"]]
    updates = [f"{round(updates):,}" for updates in ranked["updates_to_solve"]]
    if updates[0] == updates[-1]:
        return
    slower = listed([f"{model} after {count}" for model, count in zip(models[1:], updates[1:], strict=True)])
    yield Finding(
        "found",
        f"At T = {max(shared)} {models[0]} solves it after {updates[0]} updates, {slower}.",
        "medians over seeds; judged after each epoch by the validation loss, or by the training loss where there is no "
        "validation split",
    )


def _growth(rows: pd.DataFrame) -> Iterator[Finding]:
    if rows.empty:
        return
    factors = [
        f"{named(str(model))} {number(2**exponent, 2)}"
        for model, exponent in zip(rows["model"], rows["exponent"], strict=True)
    ]
    exponents = [
        f"{label(model)} {exponent:.2f} ± {error:.2f}"
        for model, exponent, error in zip(rows["model"], rows["exponent"], rows["exponent_error"], strict=True)
    ]
    yield Finding(
        "found",
        f"Over sequences twice as long, an epoch takes {listed(factors)} times as long.",
        f"exponents of growth with T and their standard errors: {listed(exponents)}",
    )
