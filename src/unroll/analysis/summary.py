"""One row per condition: what its seeds came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.memoryless import better, chance
from unroll.analysis.settings import table_of
from unroll.analysis.statistics import deviation, mean, median, median_interval, rate_interval


def conditions(trials: pd.DataFrame, factors: Sequence[str] = (), counted: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return one row per condition, in the order in which conditions first appear.

    Losses are summarised by their median, their range, and an interval for the median that supposes nothing of how they
    scatter. The mean and standard deviation are kept for programs; nothing that is shown rests on them, because seeds
    of which some solve the task and some do not have no useful mean:

    .. math:: \bar x = \frac1n \sum_s x_s, \qquad s = \sqrt{\frac{1}{n-1} \sum_s (x_s - \bar x)^2}

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it; with a column "improving", whether each was still improving
        when its training ended (see ``unroll.analysis.improving``), if that is known.
    factors
        Names of further columns that tell conditions apart, such as "train.learning_rate".
    counted
        Names of metrics that are counted beside the loss, such as "test_accuracy".

    Returns
    -------
    task, model, length (steps), the ``factors``, notes (the task's variant);
    score_name, score_words (the test loss, in the store and in words); seeds, scores (lists in the same order; None
    where a trial is not complete), n (complete trials),
    score_mean, score_std, score_median, score_min, score_max (None without a complete trial),
    score_median_low, score_median_high (exact interval for the median; None with fewer than six), parameters,
    seconds_per_epoch (median over the complete trials of their medians), updates_to_solve (median over those trials
    that ever reached the criterion; None where none did), baseline, ratio (score_median to baseline), and how many
    of the condition's trials are solved, complete, failed, damaged and waiting (running ones included); solved_rate
    (solved of complete), solved_low, solved_high (Clopper and Pearson's interval; None with fewer than two complete);
    criterion (in words); solved_metric, solved_below, solved_above (the one that holds); chance (the accuracy at the
    baseline), memoryless (whether no predictor with no memory is better than the baseline), second_name, second_words,
    second_loss, second_accuracy (a second line; None where there is none), test_seen (of the different test inputs the
    share that training has seen too, a median; NaN where it is not recorded) and for each of ``counted`` its median;
    memoryless_p (list, as scores: the one-sided p that a trial is better than the best constant, on the same test
    sequences; None where that is not recorded), better (how many are, corrected for the condition's trials; None where
    it is not recorded of all that are complete), improving (how many that are not solved were still improving at the
    end).

    """
    groups: dict[str, list[dict[Any, Any]]] = {}
    of_each = [name for name in (*_OF_EACH, *counted) if name in trials]
    for trial in trials[of_each].to_dict("records"):  # plain rows: hundreds of small frames would take seconds
        groups.setdefault(trial["condition"], []).append(trial)
    facts = trials[[*_HEAD, *factors, *_FACTS]][~trials["condition"].duplicated()].to_dict("records")
    rows = [_condition(first, group, counted) for first, group in zip(facts, groups.values(), strict=True)]
    medians = [f"{name}_median" for name in counted]
    frame = table_of(rows, [*_HEAD, *factors, *_TAIL, *medians], factors)
    numbers = ["score_median_low", "score_median_high", "second_loss", "second_accuracy", "test_seen", *medians]
    return frame.astype(dict.fromkeys(numbers, "float64"))


_HEAD = ("task", "model", "length")
_TAIL = (
    *("notes", "score_name", "score_words", "seeds", "scores", "n", "score_mean", "score_std", "score_median"),
    *("score_min", "score_max", "score_median_low", "score_median_high"),
    *("parameters", "seconds_per_epoch", "updates_to_solve", "baseline", "ratio"),
    *("solved", "complete", "failed", "damaged", "waiting", "solved_rate", "solved_low", "solved_high"),
    *("criterion", "solved_metric", "solved_below", "solved_above", "chance"),
    *("memoryless", "second_name", "second_words", "second_loss", "second_accuracy", "test_seen"),
    *("memoryless_p", "better", "improving"),
)
_FACTS = (
    *("notes", "parameters", "baseline", "score_name", "score_words", "chance"),
    *("criterion", "solved_metric", "solved_below", "solved_above"),
    *("memoryless", "second_name", "second_words", "second_loss", "second_accuracy"),
)


_OF_EACH = (
    *("condition", "state", "seed", "score", "solved", "seconds_per_epoch", "updates_to_solve", "test_seen"),
    *("memoryless_gain", "memoryless_sequences", "memoryless_gain_error", "improving"),
)


def _condition(first: dict[Any, Any], trials: Sequence[dict[Any, Any]], counted: Sequence[str]) -> dict[str, Any]:
    complete = [trial for trial in trials if trial["state"] == "complete"]
    losses = [float(trial["score"]) for trial in complete]
    low, high = median_interval(losses) or (None, None)
    failed, damaged = (sum(trial["state"] == state for trial in trials) for state in ("failed", "damaged"))
    solved, n = sum(trial["solved"] == 1 for trial in complete), len(losses)
    solved_low, solved_high = rate_interval(solved, n) or (None, None)
    middle = median(losses)
    chances = [chance(trial) if trial["state"] == "complete" else None for trial in trials]
    unsolved = [trial for trial in complete if trial["solved"] != 1]
    return {
        **first,
        "seeds": [int(trial["seed"]) for trial in trials],
        "scores": [float(trial["score"]) if trial["state"] == "complete" else None for trial in trials],
        "n": n,
        "score_mean": mean(losses),
        "score_std": deviation(losses),
        "score_median": middle,
        "score_min": min(losses, default=None),
        "score_max": max(losses, default=None),
        "score_median_low": low,
        "score_median_high": high,
        "seconds_per_epoch": median(_known(complete, "seconds_per_epoch")),
        "updates_to_solve": median(_known(complete, "updates_to_solve")),
        "ratio": middle / first["baseline"] if middle is not None and first["baseline"] > 0 else None,
        "solved": solved,
        "complete": len(complete),
        "failed": failed,
        "damaged": damaged,
        "waiting": len(trials) - len(complete) - failed - damaged,
        "solved_rate": solved / n if n else None,
        "solved_low": solved_low,
        "solved_high": solved_high,
        "test_seen": median(_known(complete, "test_seen")),
        "memoryless_p": chances,
        "better": better([p for p, trial in zip(chances, trials, strict=True) if trial["state"] == "complete"]),
        **{f"{name}_median": median(_known(complete, name)) for name in counted},
        "improving": sum(trial.get("improving") is True for trial in unsolved),
    }


def _known(trials: Sequence[dict[Any, Any]], metric: str) -> list[float]:
    """Return a metric of those trials that have it."""
    values = [trial.get(metric, np.nan) for trial in trials]
    return [value for value in values if value == value]
