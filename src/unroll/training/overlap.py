"""The measure ``overlap``: on how many different inputs a trial was trained and tested, and how many it had seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unroll.axes import Sequences, Tokens
from unroll.tasks.inputs import rows
from unroll.training.result import Measured


class Overlap:
    """Counts inputs as the network sees them: coded inputs, (N, T, 1), or the ids of symbols, (N, T).

    ``seen``: of each different test input, in the order in which they first occur, whether training has seen it; uint8.
    """

    def __init__(self, test: Sequences | Tokens):
        self._places = {row: place for place, row in enumerate(dict.fromkeys(rows(test)))}
        self.seen = np.zeros(len(self._places), dtype=np.uint8)
        self._inputs: list[int] = []

    def trained_on(self, train: Sequences | Tokens) -> None:
        """Take note of a training split; of a task that is fresh there is one for each epoch."""
        trained = set(rows(train))
        self._inputs.append(len(trained))
        self.seen[[self._places[row] for row in trained & self._places.keys()]] = 1

    def measured(self, dropped: int, sequences: Mapping[str, int], *, fresh: bool) -> Measured:
        """Return the counts.

        Parameters
        ----------
        dropped
            How many training windows were left out because another split, or the prompt, holds the same input.
        sequences
            The number of test sequences of each regime: what the medians of its errors are over.
        fresh
            Whether there was a training split for each epoch.

        Returns
        -------
        Metrics ``train_inputs`` and ``test_inputs`` (different ones; the former not of a task that is fresh, of whose
        epochs nobody keeps the inputs), ``test_seen`` (the share of the different test inputs that are training inputs
        too: 0 to 1), ``dropped_train``, and ``n_R`` for each regime R.

        """
        metrics = {
            **({} if fresh else {"train_inputs": float(self._inputs[-1])}),
            "test_inputs": float(len(self._places)),
            "test_seen": float(self.seen.sum() / max(1, len(self.seen))),
            "dropped_train": float(dropped),
        }
        return Measured(metrics | {f"n_{regime}": float(n) for regime, n in sequences.items()})
