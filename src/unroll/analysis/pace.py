"""Sentences on speed: how an epoch's time grows with the length. Times are told, not ranked."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from unroll.analysis.finding import Finding, Tables, Words
from unroll.wording import label, listed, number


def pace(tables: Tables) -> Iterator[Finding]:
    """Yield what is to say of speed in a study that varies no setting; of others their tables tell more."""
    if tables.factors:
        return
    tasks = list(dict.fromkeys(tables.conditions["task"]))
    for task in tasks:
        of = f" of {tables.words.problem(task)}" if len(tasks) > 1 else ""
        yield from _growth(tables.words, tables.growth[tables.growth["task"] == task].dropna(subset="exponent"), of)


def _growth(words: Words, rows: pd.DataFrame, of: str) -> Iterator[Finding]:
    if rows.empty:
        return
    factors = [
        f"{words.named(model)} {number(2**exponent, 2)}"
        for model, exponent in zip(rows["model"], rows["exponent"], strict=True)
    ]
    exponents = [
        f"{label(model)} {exponent:.2f} (standard error {error:.2f})"
        for model, exponent, error in zip(rows["model"], rows["exponent"], rows["exponent_error"], strict=True)
    ]
    yield Finding(
        "found",
        f"Over sequences{of} twice as long, an epoch takes {listed(factors)} times as long.",
        f"exponents of growth with T, on the machine that trained them: {listed(exponents)}",
    )
