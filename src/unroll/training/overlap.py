"""The measure ``overlap``: on how many different inputs a trial was trained and tested, and how many it had seen."""

from __future__ import annotations

from collections.abc import Mapping

from unroll.axes import Sequences, Tokens
from unroll.tasks.inputs import rows
from unroll.training.result import Measured


def overlap(
    train: Sequences | Tokens, test: Sequences | Tokens, dropped: int, sequences: Mapping[str, int]
) -> Measured:
    """Count inputs as the network sees them.

    Parameters
    ----------
    train, test
        The coded inputs of the splits, (N, T, 1), or the ids of symbols, (N, T).
    dropped
        How many training windows were left out because another split, or the prompt, holds the same input.
    sequences
        The number of test sequences of each regime: what the medians of its errors are over.

    Returns
    -------
    Metrics ``train_inputs`` and ``test_inputs`` (different ones), ``test_seen`` (the share of the different test inputs
    that are training inputs too: 0 to 1), ``dropped_train``, and ``n_R`` for each regime R.

    """
    trained, tested = set(rows(train)), set(rows(test))
    metrics = {
        "train_inputs": float(len(trained)),
        "test_inputs": float(len(tested)),
        "test_seen": len(trained & tested) / max(1, len(tested)),
        "dropped_train": float(dropped),
    }
    return Measured(metrics | {f"n_{regime}": float(n) for regime, n in sequences.items()})
