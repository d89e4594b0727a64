"""What models are compared by: quantities of trials, seed by seed, on the scale on which they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.analysis.settings import known
from unroll.axes import Float64

Trial = Mapping[Any, Any]
Place = tuple[Any, ...]
"""A task, a length (None where a quantity is of all lengths) and settings: where two models are compared."""

SIX_DIGITS = 1e-6
"""Relative errors below this are those of rounding to float32, and a loss below its square of the baseline's is."""


@dataclass(frozen=True)
class Compared:
    """Something that a trial has, by which two models can be compared with the same seed.

    ``of``: its value in a trial, None where the trial has none; infinite values are
    worse than any finite one. ``resolution``: values below it count as it. ``first``: whether it is tested with the
    larger share of the error; see ``unroll.analysis.comparison``. On a logarithmic scale two values differ by their
    ratio.
    """

    name: str
    of: Callable[[Trial], float | None]
    resolution: Callable[[Trial], float]
    first: bool


def _loss(trial: Trial) -> float | None:
    """Return the loss at the steps that every model can answer; of all steps, where a task asks for nothing else."""
    if _at_the_end(trial):
        return float(trial[_common(trial)])
    loss = float(trial["score"])
    return loss if not _has_own_error(trial) and loss == loss else None


def comparable(trials: Sequence[Trial]) -> list[Trial]:
    """Return trials whose losses are of the same steps.

    Of a task of which some have recorded the loss at the end, the others' losses, which are of all steps, count as
    missing.
    """
    recorded = {trial["task"] for trial in trials if _at_the_end(trial)}
    return [
        trial if trial["task"] not in recorded or _at_the_end(trial) else {**trial, "score": np.nan} for trial in trials
    ]


def _at_the_end(trial: Trial) -> bool:
    """Whether the loss at the step that every model can answer was recorded."""
    common = trial.get(_common(trial))
    return common is not None and common == common


def _common(trial: Trial) -> str:
    return f"{trial['score_name']}_common"


def _has_own_error(trial: Trial) -> bool:
    """Whether the task is judged by an error of its own, and not by its test loss or what is counted with it."""
    metric = trial["error_metric"]
    return metric is not None and metric == metric


def _error(trial: Trial) -> float | None:
    """Return the criterion of a task that is judged by an error of its own."""
    value = trial.get(trial["error_metric"]) if _has_own_error(trial) else None
    return None if value is None or value != value else float(value)


def _updates(trial: Trial) -> float | None:
    """Return the updates until a trial was solved: never is later than any. A fitted model makes none."""
    timed, updates = trial.get("seconds_per_epoch", np.nan), trial.get("updates_to_solve", np.nan)
    if _has_own_error(trial) or timed != timed:
        return None
    return float(updates) if updates == updates else np.inf


def _rounding(trial: Trial) -> float:
    baseline = trial["baseline"]
    return SIX_DIGITS**2 * (float(baseline) if baseline == baseline and 0 < baseline < np.inf else 1.0)


QUANTITIES = (
    Compared("loss", _loss, _rounding, first=True),
    Compared("error", _error, lambda _: SIX_DIGITS, first=True),
    Compared("updates", _updates, lambda _: 1.0, first=False),
)
"""What each trial is compared by; the span, which takes all lengths of a seed, comes after them."""
SPAN = "span"


def logarithms(trials: Sequence[Trial], quantity: Compared, factors: Sequence[str]) -> dict[Place, dict[int, float]]:
    """Return the logarithms of a quantity of one model's complete trials, by place and seed."""
    found: dict[Place, dict[int, float]] = {}
    for trial in trials:
        value = quantity.of(trial) if trial["state"] == "complete" else None
        if value is not None:
            level = np.log(max(value, quantity.resolution(trial)))
            found.setdefault(place(trial, factors), {})[int(trial["seed"])] = float(level)
    return found


def spans(trials: Sequence[Trial], factors: Sequence[str], lengths: Mapping[Place, Sequence[int]]) -> dict[Place, Any]:
    """Return the place of the longest length that each seed of a model solves, by task and setting: 0 for none.

    Among ``lengths``, ascending; only of seeds of which all these trials are complete. Negative, so that less is better
    as it is of losses.
    """
    solved: dict[Place, dict[int, dict[int, bool]]] = {}
    for trial in trials:
        if trial["state"] == "complete":
            head, length, *setting = place(trial, factors)
            seeds = solved.setdefault((head, None, *setting), {})
            seeds.setdefault(int(trial["seed"]), {})[int(length)] = trial["solved"] == 1
    return {
        where: {
            seed: -float(max((order + 1 for order, length in enumerate(tried) if by_length[length]), default=0))
            for seed, by_length in solved.get(where, {}).items()
            if by_length.keys() >= set(tried)
        }
        for where, tried in lengths.items()
    }


def place(trial: Trial, factors: Sequence[str]) -> Place:
    """Return where a trial is compared."""
    return (trial["task"], int(trial["length"]), *known(trial[factor] for factor in factors))


def apart(first: float, second: float) -> float:
    """Return how much worse the first is: infinite where only it is, 0 where both are."""
    return 0.0 if first == second else first - second


def column(first: Mapping[int, float], second: Mapping[int, float], seeds: Sequence[int]) -> Float64:
    """Return the differences of one place, seed by seed; 0, which no flip of signs changes, where a seed has none."""
    return np.array([apart(first[s], second[s]) if s in first and s in second else 0.0 for s in seeds])
