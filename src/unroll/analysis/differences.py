"""Sentences on which model is better than which, where enough seeds show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.finding import Finding, named, problem
from unroll.wording import capital, listed, number


def differences(comparisons: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding for each pair of which one is significantly better at some lengths, from all comparisons."""
    groups: dict[tuple[str, str, str], list[dict[Any, Any]]] = {}
    told: dict[tuple[Any, ...], int] = {}
    for row in comparisons.to_dict("records"):
        pair = row["task"], frozenset((row["first"], row["second"]))
        told[pair] = told.get(pair, 0) + 1
        if row["n"] and row["p"] <= SIGNIFICANT:
            better, worse = (row["first"], row["second"]) if row["difference"] < 0 else (row["second"], row["first"])
            groups.setdefault((row["task"], better, worse), []).append(row)
    for (task, better, worse), rows in groups.items():
        lengths = sorted({row["length"] for row in rows})
        where = f"at T = {listed(lengths)}"
        if len(lengths) < len(rows):  # the same length under several settings
            where = f"in {len(rows)} of {told[task, frozenset((better, worse))]} comparisons over lengths and settings"
        sentence = f"{named(better)} has a lower test MSE than {named(worse)} on {problem(task)} {where}."
        pairs, p = listed(sorted({row["n"] for row in rows}), "or"), number(max(row["p"] for row in rows), 2)
        yield Finding("found", capital(sentence), f"paired over {pairs} seeds, p at most {p}")
