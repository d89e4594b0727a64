"""What is left of a training: final values, curves, weights, and a digest of them all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from unroll.axes import Float32

TIMES = frozenset({"seconds", "seconds_per_epoch"})
"""Histories and metrics that are measured times: no two runs agree in them, so the digest leaves them out."""

AXES: Mapping[str, Literal["epoch", "update"]] = {
    "loss": "update",
    "grad_norm": "update",
    "train_loss": "epoch",
    "validation_loss": "epoch",
    "seconds": "epoch",
}
"""The histories of a trial.

``loss``: the training loss of each batch before its update; ``grad_norm``: the Euclidean norm of the gradient over all
parameters before clipping; ``train_loss``: the mean of ``loss`` over an epoch's sequences; ``validation_loss``: after
each epoch, if there is a validation split; ``seconds``: time spent on training in each epoch.
"""


def axis_of(name: str) -> Literal["epoch", "update", "horizon"]:
    """Return a history's axis: "horizon", steps ahead from 1, for what is measured when the training has ended."""
    return AXES.get(name, "horizon")


@dataclass(frozen=True)
class Result:
    """The outcome of one trial.

    ``metrics``: ``test_mse``; ``train_loss`` and, with a validation split, ``validation_mse`` of the last epoch;
    ``solved`` (1 or 0, by the task's criterion); ``updates_to_solve``: updates up to the end of the first epoch whose
    validation loss (training loss where there is no validation split) meets the criterion, absent where none does;
    ``seconds_per_epoch``: median over the epochs, validation left out. ``histories``: float32 arrays named in AXES. A
    task that generates adds what ``unroll.training.measures`` names to both.
    ``parameters``: the trained weights as safetensors bytes.
    """

    metrics: Mapping[str, float]
    histories: Mapping[str, Float32]
    parameters: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of everything but the measured times: equal digests mean equal bits."""
        total = hashlib.sha256()
        for name in sorted(self.metrics.keys() - TIMES):
            total.update(f"{name}={float(self.metrics[name]).hex()}\n".encode())
        for name in sorted(self.histories.keys() - TIMES):
            total.update(f"{name}:".encode() + self.histories[name].astype("<f4").tobytes())
        total.update(self.parameters)
        return total.hexdigest()

    @property
    def seconds(self) -> float:
        """Time spent on training, in all epochs together."""
        return float(np.sum(self.histories.get("seconds", ()), dtype=np.float64))
