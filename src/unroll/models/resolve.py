"""What a trial's names stand for: its task and its model. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from unroll import registry
from unroll.kernels import Pick, pick
from unroll.models.base import Model
from unroll.study import Trial

if TYPE_CHECKING:
    from unroll.tasks import Task


class Resolved(NamedTuple):
    """A trial's task and model with its settings."""

    task: Task
    model: Model

    def backend(self, trial: Trial) -> Pick:
        """Return what computes the cell that the model names, where the trial asks for a backend.

        Its network's layers may not allow it: ``unroll.training.network.backend_of`` has the last word. Raises
        BackendError where the trial asks for one that is not available.
        """
        return pick(self.model.cell, device=trial.train.device, backend=trial.train.backend)


def resolve(trial: Trial) -> Resolved:
    """Return a trial's task and model, made once for all who ask: they are values, and nothing is kept in them.

    Raises UnknownNameError or PlugInError where one of them is not known here.
    """
    return Resolved(
        registry.tasks.make(trial.task, trial.task_settings), registry.models.make(trial.model, trial.model_settings)
    )
