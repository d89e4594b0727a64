"""Where early stopping ended the trainings, and which epoch's weights it kept."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from unroll.analysis.settings import grouped, table_of


def early_stopping(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per condition that was trained with early stopping and has a complete trial.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it, with the column "train.epochs": how many were asked for.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length, the ``factors``, n (complete trials), epochs (asked for), stopped (how many trials ended before
    these), epochs_trained and best_epoch (lists over the complete trials; epochs from 1, the weights of the best are
    those that were tested and stored).

    """
    names = ["task", "model", "length", *factors]
    columns = [*names, "n", "epochs", "stopped", "epochs_trained", "best_epoch"]
    if "epochs_trained" not in trials:
        return pd.DataFrame(columns=columns)
    done = trials[trials["epochs_trained"].notna()]
    rows = [
        {
            **head,
            "n": len(group),
            "epochs": int(group["train.epochs"].iloc[0]),
            "stopped": int((group["epochs_trained"] < group["train.epochs"]).sum()),
            "epochs_trained": [int(epochs) for epochs in group["epochs_trained"]],
            "best_epoch": [int(epoch) for epoch in group["best_epoch"]],
        }
        for head, group in grouped(done, names)
    ]
    return table_of(rows, columns, factors)
