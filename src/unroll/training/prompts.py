"""What a trial continues, and its splits, which are parted so that nothing of it is trained on."""

from __future__ import annotations

from unroll.streams import Streams
from unroll.study import Trial
from unroll.tasks import Dataset, Task
from unroll.tasks.numbers import Numbers


def prompt_of(trial: Trial, task: Numbers) -> tuple[float, ...]:
    """Return what a trial continues: the prompt of its ``[generate]``, else the task's own."""
    given = None if trial.generate is None else trial.generate.prompt
    return task.beginning(trial.length) if given is None else given


def dataset_of(trial: Trial, task: Task, streams: Streams) -> Dataset:
    """Return a trial's three splits."""
    if isinstance(task, Numbers):
        return task.dataset(streams, trial.length, prompt_of(trial, task))
    return task.dataset(streams, trial.length)
