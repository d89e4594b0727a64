"""How long an epoch takes, and how that grows with the length of the sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.metric import column
from unroll.analysis.settings import grouped, table_of

FEWEST_LENGTHS = 3


def timing(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per condition with a timed trial: the seconds of an epoch of training, validation left out.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (steps), the ``factors``, n (complete trials), seconds (median over the trials of their medians
    over epochs), seconds_low, seconds_high (smallest and largest trial), each_seed (list). Times depend on the machine
    and on what else ran on it.

    """
    names = ["task", "model", "length", *factors]
    timed = trials.assign(seconds_per_epoch=column(trials, "seconds_per_epoch")).dropna(subset="seconds_per_epoch")
    rows = []
    for head, group in grouped(timed, names):
        seconds = group["seconds_per_epoch"]
        rows.append(
            {
                **head,
                "n": len(group),
                "seconds": float(seconds.median()),
                "seconds_low": float(seconds.min()),
                "seconds_high": float(seconds.max()),
                "each_seed": seconds.tolist(),
            }
        )
    return table_of(rows, [*names, "n", "seconds", "seconds_low", "seconds_high", "each_seed"], factors)


def growth(times: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return one row per model: the exponent with which its epochs grow, by least squares on logarithms.

    .. math:: \log s_i = \log c + a \log T_i + \varepsilon_i, \qquad
              \hat a = \frac{\sum_i (\log T_i - m_T) (\log s_i - m_s)}{\sum_i (\log T_i - m_T)^2}, \qquad
              \sigma_{\hat a}^2 = \frac{\sum_i \hat\varepsilon_i^2 / (n - 2)}{\sum_i (\log T_i - m_T)^2}

    with one point a length and m the means. An exponent of 1 means that an epoch over sequences twice as long takes
    twice as long; below 1, some of the time does not depend on the length.

    Parameters
    ----------
    times
        What ``timing`` gives.
    factors
        Names of further columns that tell models apart.

    Returns
    -------
    task, model, the ``factors``, lengths (list), exponent (a), exponent_error (its standard error), scale (c, seconds;
    the line is ``scale * length ** exponent``). The last three are None with fewer than three lengths.

    """
    names = ["task", "model", *factors]
    rows = []
    for head, group in grouped(times, names):
        lengths, seconds = group["length"].to_numpy(np.float64), group["seconds"].to_numpy(np.float64)
        fit = _fit(lengths, seconds) if len(group) >= FEWEST_LENGTHS and (seconds > 0).all() else {}
        rows.append({**head, "lengths": group["length"].tolist(), **fit})
    numbers = ["exponent", "exponent_error", "scale"]
    return table_of(rows, [*names, "lengths", *numbers], factors).astype(dict.fromkeys(numbers, "float64"))


def _fit(lengths: Any, seconds: Any) -> dict[str, float]:
    x, y = np.log(lengths), np.log(seconds)
    centred = x - x.mean()
    spread = float(centred @ centred)
    exponent = float(centred @ y) / spread
    left = y - y.mean() - exponent * centred
    return {
        "exponent": exponent,
        "exponent_error": float(np.sqrt(left @ left / (len(x) - 2) / spread)),
        "scale": float(np.exp(y.mean() - exponent * x.mean())),
    }
