"""Two models, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from unroll.analysis.statistics import bootstrap_interval, mean, sign_flip_p, smallest_p
from unroll.wording import counted, label, number

SIGNIFICANT = 0.05


def comparison(trials: pd.DataFrame, first: str, second: str, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row for each task, length and setting on which both models have seeds, paired by seed.

    Under the protocol ``keyed`` a pair has seen the same data in the same order; under ``notebook`` the same data, in
    an order that also depends on the model.

    Parameters
    ----------
    trials
        One row a trial, as ``Results.trials`` gives it.
    first, second
        Names of two models.
    factors
        Names of further columns that tell conditions apart; a pair agrees in all of them.

    Returns
    -------
    task, length, the ``factors``, first, second, n (pairs: seeds that both have completed), seeds, differences (lists:
    test MSE of the first minus that of the second, below 0 where the first is better), first_better (count),
    unpaired (planned seeds without a pair, because a trial failed, is missing or was planned for one model only),
    difference (mean; None without a pair), low, high (its bootstrap interval; None with one pair), p (sign-flip test;
    None without a pair), smallest_p (that n pairs can give), sentence (what this shows, in words).

    """
    names = ["task", "length", *factors]
    groups: dict[tuple[Any, ...], list[dict[Any, Any]]] = {}
    for trial in trials.to_dict("records"):
        if trial["model"] in (first, second):
            groups.setdefault(tuple(trial[name] for name in names), []).append(trial)
    rows = [
        {**dict(zip(names, key, strict=True)), **_paired(group, first, second)}
        for key, group in groups.items()
        if {first, second} == {trial["model"] for trial in group}
    ]
    return pd.DataFrame(rows, columns=[*names, *_COLUMNS])


_COLUMNS = (
    *("first", "second", "n", "seeds", "differences", "first_better", "unpaired"),
    *("difference", "low", "high", "p", "smallest_p", "sentence"),
)


def _paired(trials: Sequence[dict[Any, Any]], first: str, second: str) -> dict[str, Any]:
    losses: dict[str, dict[int, float]] = {first: {}, second: {}}
    for trial in trials:
        if trial["state"] == "complete":
            losses[trial["model"]][trial["seed"]] = trial["test_mse"]
    planned = list(dict.fromkeys(int(trial["seed"]) for trial in trials))
    seeds = [seed for seed in planned if seed in losses[first] and seed in losses[second]]
    differences = [losses[first][seed] - losses[second][seed] for seed in seeds]
    low, high = bootstrap_interval(differences) or (None, None)
    row = {
        "first": first,
        "second": second,
        "n": len(seeds),
        "seeds": seeds,
        "differences": differences,
        "first_better": sum(difference < 0 for difference in differences),
        "unpaired": [seed for seed in planned if seed not in seeds],
        "difference": mean(differences),
        "low": low,
        "high": high,
        "p": sign_flip_p(differences),
        "smallest_p": smallest_p(len(seeds)),
    }
    return {**row, "sentence": _sentence(row)}


def _sentence(row: dict[str, Any]) -> str:
    """Return what a row shows. "Cannot" is said where even the clearest outcome would not have been significant."""
    first, second, n = label(row["first"]), label(row["second"]), row["n"]
    if not n:
        return f"No seed was completed by both {first} and {second}."
    middle = row["difference"]
    if not any(row["differences"]):
        return f"{first} and {second} have the same test MSE with {counted(n, 'seed')}."
    better, worse = (first, second) if middle < 0 else (second, first)
    wins = row["first_better"] if middle < 0 else sum(difference > 0 for difference in row["differences"])
    seen = f"{better} has the lower test MSE in {wins} of {n} seeds" if n > 1 else f"{better} has the lower test MSE"
    if row["smallest_p"] > SIGNIFICANT:
        return f"{seen}, but {counted(n, 'seed')} cannot show significance (smallest p {row['smallest_p']:g})."
    if row["p"] > SIGNIFICANT:
        return f"{seen}; the difference to {worse} is not significant (p {number(row['p'], 2)})."
    return f"{seen}; the difference to {worse} is significant (p {number(row['p'], 2)})."
