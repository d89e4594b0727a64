"""A task's splits, looked at once where they enter a training: what does not fit is said before the first update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import PlugInError
from unroll.objectives import Objective
from unroll.tasks import Split, Task

IDS = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.int32))
"""What the kernels read symbols from; other whole numbers become the last of these."""


def checked(task: Task, objective: Objective, split: Split, name: str) -> Split:
    """Return a split with symbols, classes and steps in the types that are trained on; ``name`` is what it is called.

    Raises PlugInError, with the task, the place and what to give instead, for what is not as ``unroll.tasks.Split``
    says: a type, a shape, a symbol or a class that the task does not have, a number that is not finite, a sequence that
    scores nothing.
    """
    if not len(split):
        return split
    x = _inputs(task, split.x, name)
    at = _steps(task, split, name)
    positions = at.shape[1:] if at is not None else () if task.readout == "last" else x.shape[1:2]
    fault = objective.unfit(split.y, (len(x), *positions, task.outputs))
    if fault:
        raise _fault(task, name, fault)
    y = split.y.astype(np.int32, copy=False) if split.y.dtype.kind in "iu" else split.y
    if split.asked is not None:
        if split.asked.dtype != np.bool_ or split.asked.shape != y.shape:
            raise _fault(task, name, f"asked is {_told(split.asked)}. Give true or false for each of y, {y.shape}.")
        if not split.asked.any():
            raise _fault(task, name, "it asks for nothing. Mark what is asked, or leave out Split.asked.")
    return replace(split, x=x, y=y, at=at)


def _inputs(task: Task, x: NDArray[Any], name: str) -> NDArray[Any]:
    if task.tokens:
        if x.dtype.kind not in "iu" or x.ndim != 2:
            what = "Give symbols as whole numbers, (N, T), or leave out Task.tokens."
            raise _fault(task, name, f"x is {_told(x)}. {what}")
        if not 0 <= x.min() <= x.max() < task.inputs:
            row, step = np.argwhere((x < 0) | (x >= task.inputs))[0]
            raise _fault(
                task,
                f"{name}, sequence {row + 1}, step {step + 1}",
                f"the symbol {x[row, step]} is none of its {task.inputs}. Give 0 to {task.inputs - 1}, or raise "
                "Task.inputs.",
            )
        return x if x.dtype in IDS else x.astype(np.int32)
    if x.dtype != np.float32 or x.ndim != 3 or x.shape[2] != task.inputs:
        what = f"Give numbers as float32, (N, T, {task.inputs}), as Task.inputs says."
        raise _fault(task, name, f"x is {_told(x)}. {what}")
    if not np.isfinite((x.min(), x.max())).all():
        row, step, _ = np.argwhere(~np.isfinite(x))[0]
        raise _fault(
            task, f"{name}, sequence {row + 1}, step {step + 1}", "x is not a finite number. Give one that is."
        )
    return x


def _steps(task: Task, split: Split, name: str) -> NDArray[Any] | None:
    at, steps = split.at, split.x.shape[1]
    if (at is not None) != (task.readout == "some"):
        what = "Leave it out, or" if at is not None else "Give the steps that are scored there, or"
        raise _fault(
            task,
            name,
            f'Split.at is {"given" if at is not None else "missing"}, and the readout is "{task.readout}". {what} '
            "give another Task.readout.",
        )
    if at is None:
        return None
    if at.dtype.kind not in "iu" or at.ndim != 2 or len(at) != len(split):
        raise _fault(task, name, f"at is {_told(at)}. Give steps as whole numbers, (N, S) with N = {len(split)}.")
    if at.min() < 0 or at.max() >= steps or (at[:, 1:] <= at[:, :-1]).any():
        wrong = (at < 0) | (at >= steps)
        wrong[:, 1:] |= at[:, 1:] <= at[:, :-1]
        row, place = np.argwhere(wrong)[0]
        raise _fault(
            task,
            f"{name}, sequence {row + 1}",
            f"step {at[row, place]} of Split.at is not one of 0 to {steps - 1} that comes after the one before it. "
            "Give steps that rise.",
        )
    return at.astype(np.int32, copy=False)


def _told(array: NDArray[Any]) -> str:
    return f"{array.dtype}, {array.shape}"


def _fault(task: Task, place: str, what: str) -> PlugInError:
    return PlugInError(f'The task "{task.name}", {place}: {what}')
