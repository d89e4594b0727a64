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
    for row in comparisons.to_dict("records"):
        if row["n"] and row["p"] <= SIGNIFICANT:
            better, worse = (row["first"], row["second"]) if row["difference"] < 0 else (row["second"], row["first"])
            groups.setdefault((row["task"], better, worse), []).append(row)
    for (task, better, worse), rows in groups.items():
        lengths = listed(sorted({row["length"] for row in rows}))
        sentence = f"{named(better)} has a lower test MSE than {named(worse)} on {problem(task)} at T = {lengths}."
        pairs, p = listed(sorted({row["n"] for row in rows}), "or"), number(max(row["p"] for row in rows), 2)
        yield Finding("found", capital(sentence), f"paired over {pairs} seeds, p at most {p}")
