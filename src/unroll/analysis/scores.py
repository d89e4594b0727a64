"""What models are compared by: quantities of trials, seed by seed, on the scale on which they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unroll.analysis.metric import column as metric
from unroll.analysis.settings import known
from unroll.axes import Float64

Place = tuple[Any, ...]
"""A task, a length (None where a quantity is of all lengths) and settings: where two models are compared."""

SIX_DIGITS = 1e-6
"""Relative errors below this are those of rounding to float32, and a loss below its square of the baseline's is."""


@dataclass(frozen=True)
class Compared:
    """Something that a trial has, by which two models can be compared with the same seed.

    ``of``: its values, one for each row of a frame of trials, NaN where the trial has none; infinite values are
    worse than any finite one. ``resolution``: values below it count as it. ``first``: whether it is tested with the
    larger share of the error; see ``unroll.analysis.comparison``. On a logarithmic scale two values differ by their
    ratio.
    """

    name: str
    of: Callable[[pd.DataFrame], Float64]
    resolution: Callable[[pd.DataFrame], Float64 | float]
    first: bool

    def logarithms(self, trials: pd.DataFrame) -> Float64:
        """Return the logarithm of each trial's value; NaN where it has none or is not complete."""
        values = np.where(trials["state"] == "complete", self.of(trials), np.nan)
        return np.asarray(np.log(np.maximum(values, self.resolution(trials))), dtype=np.float64)


def numbers(trials: pd.DataFrame, name: str) -> Float64:
    """Return a metric of each trial, NaN where it has none."""
    return np.asarray(metric(trials, name).to_numpy(np.float64, na_value=np.nan), dtype=np.float64)


def _of_each(trials: pd.DataFrame, names: pd.Series[Any], end: str = "") -> Float64:
    """Return of each trial the metric that is named for it, its name with an ``end``; NaN where none is."""
    codes, wanted = pd.factorize(names)
    values = np.full(len(trials), np.nan)
    for code, name in enumerate(wanted):
        mine = codes == code
        values[mine] = numbers(trials, f"{name}{end}")[mine]
    return values


def _loss(trials: pd.DataFrame) -> Float64:
    """Return the loss at the steps that every model can answer; of all steps, where a task asks for nothing else."""
    common = _common(trials)
    whole = np.where(own_error(trials), np.nan, numbers(trials, "score"))
    return np.where(np.isnan(common), whole, common)


def comparable(trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials whose losses are of the same steps.

    Of a task of which some have recorded the loss at the end, the others' losses, which are of all steps, count as
    missing.
    """
    recorded = ~np.isnan(_common(trials))
    tasks = set(trials.loc[recorded, "task"])
    lacking = trials["task"].isin(tasks).to_numpy(bool) & ~recorded
    return trials.assign(score=np.where(lacking, np.nan, numbers(trials, "score")))


def _common(trials: pd.DataFrame) -> Float64:
    """Return the loss at the step that every model can answer, where it was recorded."""
    return _of_each(trials, trials["score_name"], "_common")


def own_error(trials: pd.DataFrame) -> NDArray[np.bool_]:
    """Say of each whether its task is judged by an error of its own, and not by its test loss."""
    return np.asarray(trials["error_metric"].notna(), dtype=bool)


def _error(trials: pd.DataFrame) -> Float64:
    """Return the criterion of a task that is judged by an error of its own."""
    return _of_each(trials, trials["error_metric"])


def _updates(trials: pd.DataFrame) -> Float64:
    """Return the updates until a trial was solved: never is later than any. A fitted model makes none."""
    updates = numbers(trials, "updates_to_solve")
    without = own_error(trials) | np.isnan(numbers(trials, "seconds_per_epoch"))
    return np.where(without, np.nan, np.where(np.isnan(updates), np.inf, updates))


def _rounding(trials: pd.DataFrame) -> Float64:
    baseline = numbers(trials, "baseline")
    return np.asarray(SIX_DIGITS**2 * np.where((baseline > 0) & (baseline < np.inf), baseline, 1.0))


LOSS = Compared("loss", _loss, _rounding, first=True)
ERROR = Compared("error", _error, lambda _: SIX_DIGITS, first=True)
QUANTITIES = (LOSS, ERROR, Compared("updates", _updates, lambda _: 1.0, first=False))
"""What each trial is compared by; the span, which takes all lengths of a seed, comes after them."""
SPAN = "span"


def by_place(trials: pd.DataFrame, quantity: Compared, factors: Sequence[str]) -> dict[Place, dict[int, float]]:
    """Return the logarithms of a quantity of one model's complete trials, by place and seed."""
    found: dict[Place, dict[int, float]] = {}
    levels = quantity.logarithms(trials).tolist()
    for where, seed, level in zip(places(trials, factors), trials["seed"].tolist(), levels, strict=True):
        if level == level:
            found.setdefault(where, {})[seed] = level
    return found


def spans(trials: pd.DataFrame, factors: Sequence[str], lengths: Mapping[Place, Sequence[int]]) -> dict[Place, Any]:
    """Return the place of the longest length that each seed of a model solves, by task and setting: 0 for none.

    Among ``lengths``, ascending; only of seeds of which all these trials are complete. Negative, so that less is better
    as it is of losses.
    """
    solved: dict[Place, dict[int, dict[int, bool]]] = {}
    complete = trials[trials["state"] == "complete"]
    is_solved = (numbers(complete, "solved") == 1).tolist()
    for where, seed, solves in zip(places(complete, factors), complete["seed"].tolist(), is_solved, strict=True):
        head, length, *setting = where
        solved.setdefault((head, None, *setting), {}).setdefault(seed, {})[length] = solves
    return {
        where: {
            seed: -float(max((order + 1 for order, length in enumerate(tried) if by_length[length]), default=0))
            for seed, by_length in solved.get(where, {}).items()
            if by_length.keys() >= set(tried)
        }
        for where, tried in lengths.items()
    }


def places(trials: pd.DataFrame, factors: Sequence[str]) -> list[Place]:
    """Return where each trial is compared."""
    settings = zip(*(known(trials[factor]) for factor in factors), strict=True) if factors else [()] * len(trials)
    heads = zip(trials["task"].tolist(), trials["length"].tolist(), strict=True)
    return [(*head, *setting) for head, setting in zip(heads, settings, strict=True)]


def apart(first: float, second: float) -> float:
    """Return how much worse the first is: infinite where only it is, 0 where both are."""
    return 0.0 if first == second else first - second


def column(first: Mapping[int, float], second: Mapping[int, float], seeds: Sequence[int]) -> Float64:
    """Return the differences of one place, seed by seed; 0, which no flip of signs changes, where a seed has none."""
    return np.array([apart(first[s], second[s]) if s in first and s in second else 0.0 for s in seeds])
