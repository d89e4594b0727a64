"""How far back the gradient reaches, in a sentence per task: told, not ranked."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from unroll.analysis.finding import Finding, Words
from unroll.wording import label, listed

MOST = 4
"""Models that one sentence can name."""


def sentences(rows: pd.DataFrame, words: Words) -> Iterator[Finding]:
    """Yield one sentence for each task, of its longest length; none where a model has several conditions there.

    ``rows``: the table of the measure.
    """
    told = rows[rows["n"] > 0]
    for task, of_task in told.groupby("task", sort=False):
        longest = of_task[of_task["length"] == of_task["length"].max()]
        if longest["model"].duplicated().any() or len(longest) > MOST:
            continue
        where = f" on {words.problem(str(task))}" if told["task"].nunique() > 1 else ""
        models = [words.named(row["model"]) for _, row in longest.iterrows()]
        each = [
            f"{label(row['model'])} {row['reach_low']:g} to {row['reach_high']:g} (n = {row['n']})"
            for _, row in longest.iterrows()
        ]
        length, steps = longest["length"].iloc[0], int(longest["steps"].max())
        reach = [f"{value:g}" for value in longest["reach"]]
        if len(set(reach)) == 1:
            far = f"{reach[0]} of {steps:,} steps in {listed(models)}"
        else:
            each_model = [f"{value} in {model}" for value, model in zip(reach, models, strict=True)]
            far = f"{listed(each_model)}, of {steps:,} steps"
        yield Finding(
            "found",
            f"After training{where} at T = {length:,}, the gradient of the last answer reaches back {far}.",
            f"as far as it is at least a hundredth of what it is one step before the answer; medians over seeds, which "
            f"range: {listed(each)}",
        )
