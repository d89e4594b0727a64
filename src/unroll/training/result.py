"""What is left of a training: final values, curves, weights, and a digest of them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from unroll.axes import Float32
from unroll.store.digests import results_digest

AXIS_OF: Mapping[str, Literal["epoch", "update"]] = {
    "loss": "update",
    "grad_norm": "update",
    "train_loss": "epoch",
    "seconds": "epoch",
}
"""The histories of every trial.

``loss``: the training loss of each batch before its update; ``grad_norm``: the Euclidean norm of the gradient over all
parameters before clipping; ``train_loss``: the mean of ``loss`` over an epoch's scored positions; ``seconds``: time
spent on training in each epoch; of a training that is made together with others (``cohort``), its share of theirs.
With a validation split there are those whose names begin with ``VALIDATION``.
"""

VALIDATION = "validation_"
"""What the names of histories begin with that tell of the validation split after each epoch: ``validation_loss``, and
what else the task's objective counts, such as ``validation_accuracy``."""


BY_LENGTH = "_by_length"
"""What the names of histories end with that have a value for each further length at which a trial is tested."""


def axis_of(name: str) -> Literal["epoch", "update", "horizon", "length"]:
    """Return a history's axis.

    "horizon", steps ahead from 1, or "length", the lengths of ``[test]``, for what is measured when the training has
    ended.
    """
    if name.endswith(BY_LENGTH):
        return "length"
    return "epoch" if name.startswith(VALIDATION) else AXIS_OF.get(name, "horizon")


@dataclass(frozen=True)
class Measured:
    """What one measure adds to a trial. It stands outside the trial's digest and has a digest of its own.

    So a trial's digest stays what it was before the measure existed. ``metrics`` and ``histories`` as in Result; their
    names are the measure's own.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    histories: Mapping[str, Float32] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of its metrics and histories."""
        return results_digest(self.metrics, _bytes(self.histories))


@dataclass(frozen=True)
class Result:
    """The outcome of one trial.

    ``metrics``: the test loss under the name that the task's objective gives it, such as ``test_mse``, and what else
    the objective counts, such as ``test_accuracy``; ``train_loss`` and, with a validation split, ``validation_mse`` and
    so on of the last epoch, with early stopping (``train.patience``) of the best, whose weights are tested and stored;
    then also ``epochs_trained`` and ``best_epoch``, both counted from 1, and all histories end with the last epoch that
    was trained; ``solved`` (1 or 0, by the task's criterion); ``updates_to_solve``: updates up to the end of the first
    epoch in which the validation split (of a loss, the training split where there is none) meets the criterion, absent
    where none does;
    ``seconds_per_epoch``: median over the epochs, validation left out. Tested at
    further lengths (``test.lengths``), it has histories with a value for each, ``loss_by_length`` and what else is
    counted, and of the latter the means over the lengths that are longer than its own, such as ``accuracy_beyond``.
    ``histories``: float32 arrays, see AXIS_OF. A
    task that generates adds to both what the measures ``horizons`` and ``continuation`` record. ``parameters``: the
    trained weights as safetensors bytes. ``measured``: what later measures add, by their names.
    """

    metrics: Mapping[str, float]
    histories: Mapping[str, Float32]
    parameters: bytes
    measured: Mapping[str, Measured] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of everything but the times and what later measures add: equal digests mean equal bits."""
        return results_digest(self.metrics, _bytes(self.histories), self.parameters)

    @property
    def all_metrics(self) -> dict[str, float]:
        """The trial's metrics and those of its measures."""
        return dict(self.metrics) | {
            name: value for measured in self.measured.values() for name, value in measured.metrics.items()
        }

    @property
    def all_histories(self) -> dict[str, Float32]:
        """The trial's histories and those of its measures."""
        return dict(self.histories) | {
            name: values for measured in self.measured.values() for name, values in measured.histories.items()
        }

    @property
    def seconds(self) -> float:
        """Time spent on training, in all epochs together."""
        return float(np.sum(self.histories.get("seconds", ()), dtype=np.float64))


def _bytes(histories: Mapping[str, Float32]) -> dict[str, bytes]:
    return {name: values.astype("<f4").tobytes() for name, values in histories.items()}
