"""How right models are beyond the length that they were trained on, in sentences: told, not ranked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.finding import Finding, Words, under
from unroll.analysis.settings import grouped
from unroll.measures.beyond.table import SHARES, means
from unroll.wording import capital, label, listed, number, percent

MOST = 6
"""Sentences of one task; of more settings the table tells."""


def sentences(words: Words, frame: pd.DataFrame, factors: Sequence[str]) -> Iterator[Finding]:
    """Yield a sentence for each task, trained length and setting: what each model comes to at longer lengths."""
    table = means(frame, factors)
    for task, of_task in table.groupby("task", sort=False):
        blocks = list(grouped(of_task, ["length", *factors]))
        if len(blocks) > MOST:
            continue
        for head, rows in blocks:
            yield from _told(words, str(task), head, rows, factors)


def _told(
    words: Words, task: str, head: dict[str, Any], rows: pd.DataFrame, factors: Sequence[str]
) -> Iterator[Finding]:
    first = rows.iloc[0]
    lengths = listed([f"{length:,}" for length in first["lengths"]])
    setting = under(factors, head)
    trained = f"Trained on {words.problem(task)} at T = {head['length']:,}{f' with {setting}' if setting else ''}"
    known = pd.notna(first["reference"])
    share = first["words"] in SHARES
    parts = [f"{words.named(row['model'])} {_amount(row['value'], share)}" for _, row in rows.iterrows()]
    if share:
        of = "of the answers" if first["words"] == "accuracy" else "of the sequences"
        chance = f"; chance is {percent(first['reference'])}" if known else ""
        said = f"at T = {lengths} {listed(_right(words, rows, of))}{chance}"
    else:
        against = f", where the baseline is {number(first['reference'])}" if known else ""
        said = f"at T = {lengths}, on average, these have a {first['words']} of: {listed(parts)}{against}"
    evidence = "; ".join(
        f"{label(row['model'])} {_amount(row['low'], share)} to {_amount(row['high'], share)} (n = {row['n']})"
        for _, row in rows.iterrows()
    )
    yield Finding("found", capital(f"{trained}, {said}."), f"means over these lengths, medians over seeds; {evidence}")


def _right(words: Words, rows: pd.DataFrame, of: str) -> list[str]:
    """Return how much each model gets right; of what is said once."""
    pairs = [(words.named(row["model"]), percent(row["value"])) for _, row in rows.iterrows()]
    first, *others = pairs
    return [f"{first[0]} gets {first[1]} {of} right", *(f"{name} {share}" for name, share in others)]


def _amount(value: float, share: bool) -> str:
    return percent(value) if share else number(value)
