"""What keeps a condition from being run, known before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from unroll.errors import BackendError, DataError, Problem
from unroll.models import Model
from unroll.models.resolve import resolve
from unroll.models.sized import Sized
from unroll.running.sizes import checkpoint_bytes, memory_parts
from unroll.store import LARGEST
from unroll.study import Trial
from unroll.study.settings import UNWATCHED
from unroll.tasks import Task
from unroll.tasks.numbers import Numbers, too_short
from unroll.wording import bytes_

ADVICE = {
    "data": ("factors.length", "the data while they are made. Lower task.train or the length"),
    "batch": ("train.batch", "one batch's symbols and outputs. Lower train.batch or the length"),
    "steps": (
        "train.batch",
        "what the network keeps of each step for its gradient. Lower train.batch, the length or model.hidden",
    ),
    "network": ("model.hidden", "weights, gradients and the optimizer's state. Lower model.hidden or model.layers"),
    "curves": ("train.epochs", "the curves of all updates. Lower train.epochs or raise train.batch"),
}
"""Of each part of a trial's memory: the setting that is to blame, and what it is and what to do."""

ONCE = (
    "the protocol notebook draws all data once, at the beginning, as the notebooks did. Remove it, or set protocol = "
    '"keyed"'
)
"""What is wrong with data that are drawn anew under the protocol notebook."""


def judge(trial: Trial) -> Iterator[tuple[str, Problem]]:
    """Yield what keeps a trial's condition from being run, each with a name: equal ones are one fault.

    Its backend, a precision that it cannot have, a model that cannot do its task, a prompt too short for it, fresh
    data under a protocol that has none,
    early stopping with nothing to watch,
    memory, and room in the store. Imports torch only to count the parameters of a model that cannot count them itself
    (see ``unroll.models.sized``).
    """
    resolved = resolve(trial)
    task, model = resolved
    available = True
    try:
        resolved.backend(trial)
    except BackendError as error:
        available = False
        yield str(error), Problem(str(error), "train.backend")
    try:
        model.check_task(task)
    except ValueError as error:
        yield str(error), Problem(str(error), "model")
        return
    try:
        task.check_data()
    except DataError as error:
        setting = error.setting or "factors.task"
        yield str(error), Problem(str(error), setting)
        return
    if trial.generate is not None and trial.generate.prompt is not None and isinstance(task, Numbers):
        least, given = task.needed(trial.length, model.reach), len(trial.generate.prompt)
        if given < least:
            message = too_short(f"{trial.model} at T = {trial.length}", least, given)
            yield message, Problem(message, "generate.prompt")
    if task.fresh and trial.protocol == "notebook":
        yield ONCE, Problem(ONCE, "task.fresh")
    if trial.train.patience is not None and not model.fitted and not task.examples(trial.length)[1]:
        yield UNWATCHED, Problem(UNWATCHED, "train.patience")
    if available and trial.train.precision != "float32":
        yield from _imprecise(trial)
    if available:  # what the steps of a network take depends on what computes them
        yield from _too_large(trial, _count(trial, model, task))


def _imprecise(trial: Trial) -> Iterator[tuple[str, Problem]]:
    from unroll.training.native import products_of

    try:
        products_of(trial)
    except BackendError as error:
        yield str(error), Problem(str(error), "train.precision")


def _count(trial: Trial, model: Model, task: Task) -> int:
    """Return the number of trained parameters."""
    if model.fitted:
        return 0
    if isinstance(model, Sized):
        return model.count(model.width(task.inputs, task.outputs), task.inputs, task.outputs)
    from unroll.training import count_parameters

    return count_parameters(trial)


def _too_large(trial: Trial, parameters: int) -> Iterator[tuple[str, Problem]]:
    parts = memory_parts(trial, parameters)
    needed, memory = sum(parts.values()), psutil.virtual_memory().total
    network = f"{trial.model} with {parameters:,} parameters"
    if needed > memory:
        largest = max(ADVICE, key=lambda part: parts[part])
        setting, advice = ADVICE[largest]
        yield (
            f"memory {largest}",
            Problem(
                f"{trial.task} at T = {trial.length} and {network} need {bytes_(needed)}, more than the "
                f"{bytes_(memory)} of this machine, most of it for {advice}",
                setting,
            ),
        )
        return
    checkpoint = checkpoint_bytes(trial, parameters)
    if checkpoint > LARGEST:
        yield (
            "checkpoint",
            Problem(
                f"{network} has checkpoints of {bytes_(checkpoint)}, more than the {bytes_(LARGEST)} that "
                "the store can hold in one piece. Lower model.hidden, model.layers or train.epochs",
                "model.hidden",
            ),
        )
