"""One row per condition and tested length: how right its trials are there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.settings import grouped, table_of
from unroll.analysis.statistics import median

COLUMNS = (
    *("tested", "longer", "n", "quantity", "words", "value", "low", "high", "each_seed", "reference", "bound"),
    *("higher", "solved", "loss", "loss_words", "baseline", "accuracy", "chance"),
)
SHARES = ("accuracy", "sequence accuracy")
"""Words of quantities that are shares of what is right."""
MEANS = ("n", "words", "higher", "lengths", "each_seed", "value", "low", "high", "reference", "furthest")


def beyond(
    trials: pd.DataFrame, tested: pd.DataFrame, along: Mapping[str, pd.DataFrame], factors: Sequence[str] = ()
) -> pd.DataFrame:
    """Return what the trials of each condition come to at each further length at which they were tested.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    tested
        One row per trial and tested length, as ``Results.tested`` gives it.
    along
        Histories by length, by the quantity that they are of: "loss", and of classes "accuracy" and so on.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (that of the training), the ``factors``; tested (the length of the test), longer (whether it is
    longer than that of the training), n (trials); what the task is judged by, where that is known by length, else the
    loss: quantity, words, value (the median over seeds), low, high (the smallest and the largest), each_seed, reference
    (the same of the best answer without memory; None where nobody knows it), bound (that of the criterion), higher
    (whether more is better), solved (how many trials meet the criterion there); loss (median), loss_words, baseline,
    accuracy (median) and chance, the accuracy of the best answer without memory: None where there are no classes.

    """
    names = ["task", "model", "length", *factors]
    values = tested
    for name, history in along.items():
        part = history[["key", "step", "value"]].rename(columns={"step": "place", "value": name})
        values = values.merge(part, on=["key", "place"], how="left")
    if "loss" not in values:
        return table_of([], [*names, *COLUMNS], factors)
    facts = ["key", *names, "score_name", "score_words", "solved_metric", "solved_below", "solved_above"]
    rows = trials[list(dict.fromkeys(facts))].merge(values[values["loss"].notna()], on="key")
    found = [{**head, **_row(group)} for head, group in grouped(rows, [*names, "tested"])]
    return table_of(found, [*names, *COLUMNS], factors)


def means(frame: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per condition that has a tested length longer than its own: the means over these lengths.

    task, model, length, the ``factors``; n, words, higher; lengths (the longer ones), each_seed (the mean of each),
    value, low, high (their median, smallest and largest), reference (the mean of the best answer without memory; None
    where it is not known), furthest (the longest of the tested lengths that most seeds solve; None for none, or where
    that is not known).
    """
    names = ["task", "model", "length", *factors]
    rows = []
    for head, group in grouped(frame, names):
        longer = group[group["longer"]]
        if longer.empty:
            continue
        first = longer.iloc[0]
        each = [sum(values) / len(values) for values in zip(*longer["each_seed"], strict=True)]
        most = group.loc[group["solved"].notna() & (2 * group["solved"].fillna(0) > group["n"]), "tested"]
        rows.append(
            {
                **head,
                **{name: first[name] for name in ("n", "words", "higher")},
                "lengths": longer["tested"].tolist(),
                "each_seed": each,
                "value": median(each),
                "low": min(each),
                "high": max(each),
                "reference": longer["reference"].mean() if longer["reference"].notna().all() else None,
                "furthest": int(most.max()) if len(most) else None,
            }
        )
    return table_of(rows, [*names, *MEANS], factors)


def _row(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    metric = str(first["solved_metric"]).removeprefix("test_")
    counted = metric in rows and metric != "loss"
    quantity = metric if counted else "loss"
    each = [float(value) for value in rows[quantity]]
    higher = counted and not math.isnan(first["solved_above"])
    known = counted or first["solved_metric"] == first["score_name"]
    bound = first["solved_above"] if higher else first["solved_below"]
    met = [value > bound if higher else value < bound for value in each] if known else []
    classes = "accuracy" in rows and bool(rows["accuracy"].notna().any())
    return {
        "longer": bool(first["tested"] > first["length"]),
        "n": len(each),
        "quantity": quantity,
        "words": quantity.replace("_", " ") if counted else str(first["score_words"]).removeprefix("test "),
        "value": median(each),
        "low": min(each),
        "high": max(each),
        "each_seed": each,
        "reference": {"accuracy": first["chance"], "loss": first["baseline"]}.get(quantity),
        "bound": bound if known else None,
        "higher": higher,
        "solved": sum(met) if known else None,
        "loss": median(rows["loss"].tolist()),
        "loss_words": first["score_words"],
        "baseline": first["baseline"],
        "accuracy": median(rows["accuracy"].tolist()) if classes else None,
        "chance": first["chance"] if classes else None,
    }
