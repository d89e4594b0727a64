"""One row per condition: what its seeds came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unroll.analysis.memoryless import better, chances
from unroll.analysis.metric import column
from unroll.analysis.scores import numbers
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
    codes, _ = pd.factorize(trials["condition"])
    groups = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1]) if len(trials) else []
    facts = trials[[*_HEAD, *factors, *_FACTS]][~trials["condition"].duplicated()].to_dict("records")
    seen = _Seen(trials, counted)
    rows = [_condition(first, group, seen) for first, group in zip(facts, groups, strict=True)]
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


class _Seen:
    """Trials by columns; a metric that none has is NaN."""

    def __init__(self, trials: pd.DataFrame, counted: Sequence[str]):
        self.state = trials["state"].to_numpy(object)
        self.seed = trials["seed"].to_numpy(np.int64)
        metrics = ("score", "solved", "seconds_per_epoch", "updates_to_solve", "test_seen", *counted)
        self.metrics = {name: numbers(trials, name) for name in metrics}
        self.counted = counted
        self.chance = chances(trials)
        self.improving = column(trials, "improving").to_numpy(object) == True  # noqa: E712 - of each

    def median(self, name: str, places: NDArray[np.int64]) -> float | None:
        """Return the median of a metric of those trials that have it."""
        values = self.metrics[name][places]
        return median(values[~np.isnan(values)].tolist())


def _condition(first: dict[Any, Any], trials: NDArray[np.int64], seen: _Seen) -> dict[str, Any]:
    states = seen.state[trials]
    is_complete = states == "complete"
    complete = trials[is_complete]
    losses: list[float] = seen.metrics["score"][complete].tolist()
    low, high = median_interval(losses) or (None, None)
    failed, damaged = (int((states == state).sum()) for state in ("failed", "damaged"))
    is_solved = seen.metrics["solved"][complete] == 1
    solved, n = int(is_solved.sum()), len(losses)
    solved_low, solved_high = rate_interval(solved, n) or (None, None)
    middle = median(losses)
    scores = zip(seen.metrics["score"][trials].tolist(), is_complete.tolist(), strict=True)
    found = zip(seen.chance[trials].tolist(), is_complete.tolist(), strict=True)
    chance = [p if done and p == p else None for p, done in found]
    return {
        **first,
        "seeds": seen.seed[trials].tolist(),
        "scores": [score if done else None for score, done in scores],
        "n": n,
        "score_mean": mean(losses),
        "score_std": deviation(losses),
        "score_median": middle,
        "score_min": min(losses, default=None),
        "score_max": max(losses, default=None),
        "score_median_low": low,
        "score_median_high": high,
        "seconds_per_epoch": seen.median("seconds_per_epoch", complete),
        "updates_to_solve": seen.median("updates_to_solve", complete),
        "ratio": middle / first["baseline"] if middle is not None and first["baseline"] > 0 else None,
        "solved": solved,
        "complete": n,
        "failed": failed,
        "damaged": damaged,
        "waiting": len(trials) - n - failed - damaged,
        "solved_rate": solved / n if n else None,
        "solved_low": solved_low,
        "solved_high": solved_high,
        "test_seen": seen.median("test_seen", complete),
        "memoryless_p": chance,
        "better": better([p for p, done in zip(chance, is_complete, strict=True) if done]),
        **{f"{name}_median": seen.median(name, complete) for name in seen.counted},
        "improving": int(seen.improving[complete[~is_solved]].sum()),
    }
