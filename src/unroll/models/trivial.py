"""What persistence and drift have in common: nothing to learn, and numbers as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.models.base import Model
from unroll.tasks.numbers import Numbers

if TYPE_CHECKING:
    from unroll.tasks import Task


class Trivial(Model):
    """A predictor without parameters or settings, for sequences of one number per step whose target is the next one."""

    tags = ("baseline",)
    fitted = True

    def check_task(self, task: Task) -> None:
        """A number in, the next number out, uncoded: the last value of a ratio or a difference is something else."""
        if (task.inputs, task.outputs) != (1, 1):
            raise ValueError(
                f"{self.name} continues sequences of one number per step; {task.name} has {task.inputs} inputs and "
                f"{task.outputs} output{'s' if task.outputs > 1 else ''}. Leave out this model"
            )
        if isinstance(task, Numbers) and task.representation != "raw":
            raise ValueError(
                f'{self.name} works on the numbers themselves, and task.representation is "{task.representation}". '
                f'Set it to "raw" '
                f'in a [[where]] with match = {{ model = "{self.name}" }}'
            )
