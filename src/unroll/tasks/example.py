"""One sequence of a task to look at: what is shown, what is asked where, and what the answers are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unroll import registry
from unroll.axes import Float64
from unroll.layout import wide
from unroll.streams.keyed import KeyedStreams
from unroll.tasks.base import Split, Task
from unroll.wording import measured, metric_label, number, setting

MOST_LANES = 4
"""Numbers of a step that are shown, of inputs and of targets; the others are counted."""
SHORT, LONG = (10, 9, 12, 16, 8, 64, 100), (60, 10, 100, 64, 8)
"""Lengths that are tried in turn where nobody gives one: of symbols and single answers, and of curves."""
ASKED, SCORED, FREE = "asked", "scored", ""


@dataclass(frozen=True)
class Lane:
    """A row of an example: at each step a sign (``signs``), "" for nothing, or a number (``values``), NaN for nothing.

    ``marks``: of targets, whether a step is ASKED, SCORED but not counted in an accuracy, or FREE; "" of inputs.
    """

    name: str
    signs: tuple[str, ...]
    values: Float64 | None = None
    marks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.signs)


@dataclass(frozen=True)
class Example:
    """A drawn sequence: its ``inputs`` and ``targets`` step by step; how many of each are ``left_out``."""

    task: str
    length: int
    seed: int
    inputs: tuple[Lane, ...]
    targets: tuple[Lane, ...]
    left_out: tuple[int, int]

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """All rows, in their order."""
        return (*self.inputs, *self.targets)

    @property
    def unasked(self) -> bool:
        """Whether some steps are scored and not asked."""
        return any(SCORED in lane.marks for lane in self.targets)


def usual(task: Task) -> int:
    """Return the length of an example where nobody gives one: the first of a few that the task takes."""
    curves = task.objective == "mse" and task.readout != "last"
    tried: Sequence[int] = (*(LONG if curves else SHORT), *range(1, 1_000))
    for length in tried:
        try:
            task.check_length(length)
        except ValueError:
            continue
        return length
    raise ValueError(f"{task.name} takes no length below 1,000. Give one")


def example(task: Task, length: int | None = None, seed: int = 1) -> Example:
    """Draw one sequence, by the seed's stream ``test``. Raises ValueError for a length that the task does not take."""
    length = usual(task) if length is None else length
    task.check_length(length)
    split = task.sequences(KeyedStreams(seed).generator("test"), 1, length)
    steps = _steps(task, split)
    inputs = _inputs(task, split, _end(split, steps))
    targets = _targets(task, split, steps)
    numbers = (0 if task.tokens else task.inputs, task.outputs if task.objective == "mse" else 0)
    left_in, left_out = (max(0, n - MOST_LANES) for n in numbers)
    return Example(task.name, length, seed, inputs, targets, (left_in, left_out))


def lines(example: Example, width: int) -> Iterator[str]:
    """Yield an example as text of at most so many columns: stretches of steps, one under the other."""
    marked = [Lane("asked", tuple("^" if mark == ASKED else "" for mark in lane.marks)) for lane in example.targets[:1]]
    lanes = [*example.lanes, *(marked if example.unasked else [])]
    names = max(wide(lane.name) for lane in lanes) + 2
    cell = max(wide(sign) for lane in lanes for sign in lane.signs) + 1
    fit = max(1, (width - names) // cell)
    total = max(map(len, lanes))
    for first in range(0, total, fit):
        if first:
            yield ""
        for lane in lanes:
            signs = (" " * (cell - wide(sign)) + sign for sign in lane.signs[first : first + fit])
            yield (lane.name + " " * (names - wide(lane.name)) + "".join(signs)).rstrip()


def _steps(task: Task, split: Split) -> list[int]:
    """Return the step of each position of the targets."""
    total: int = split.x.shape[1]
    if split.at is not None:
        return [int(step) for step in split.at[0]]
    return [total - 1] if task.readout == "last" else list(range(total))


def _end(split: Split, steps: list[int]) -> int:
    """Return how many steps the sequence has: what follows its last score, and is nothing, is none of it."""
    total: int = split.x.shape[1]
    if split.at is None:
        return total
    scored = [step for step, y in zip(steps, split.y[0], strict=True) if np.ndim(y) or y >= 0]
    after = int(max(scored, default=0)) + 1
    return total if split.x[0, after:].any() else after


def _inputs(task: Task, split: Split, end: int) -> tuple[Lane, ...]:
    rest = ("",) * (split.x.shape[1] - end)
    if task.tokens:
        return (Lane("x", (*(task.written(int(token)) for token in split.x[0, :end]), *rest)),)
    channels = split.x[0].T.astype(np.float64)[:MOST_LANES]
    names = ["x"] if task.inputs == 1 else [f"x{place + 1}" for place in range(len(channels))]
    return tuple(
        Lane(name, (*_numbers(values[:end]), *rest), np.where(np.arange(len(values)) < end, values, np.nan))
        for name, values in zip(names, channels, strict=True)
    )


def _targets(task: Task, split: Split, steps: list[int]) -> tuple[Lane, ...]:
    total = split.x.shape[1]
    if task.objective != "mse":
        asked = split.y[0] >= 0 if split.asked is None else split.asked[0]
        signs, marks = [""] * total, [FREE] * total
        for step, y, counts in zip(steps, split.y[0], asked, strict=True):
            if y >= 0:
                signs[step], marks[step] = task.written_answer(int(y)), ASKED if counts else SCORED
        return (Lane("y", tuple(signs), None, tuple(marks)),)
    outputs = split.y[0].reshape(len(steps), -1).T.astype(np.float64)[:MOST_LANES]
    names = ["y"] if task.outputs == 1 else [f"y{place + 1}" for place in range(len(outputs))]
    lanes = []
    for name, values in zip(names, outputs, strict=True):
        signs, marks, at = [""] * total, [FREE] * total, np.full(total, np.nan)
        at[steps] = values
        for step, sign in zip(steps, _numbers(values), strict=True):
            signs[step], marks[step] = sign, ASKED
        lanes.append(Lane(name, tuple(signs), at, tuple(marks)))
    return tuple(lanes)


def _numbers(values: Float64) -> list[str]:
    """Return numbers as they are written: whole ones of a lane without digits behind the point."""
    if (values == np.round(values)).all():
        return [f"{value:.0f}" for value in values + 0.0]
    return [f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}" for value in values]


def facts_of(task: Task, length: int) -> dict[str, str]:
    """Return what a task says of its numbers at a length, by name, without what it says nothing of."""
    return {name: said for name, said in _facts(task, length) if said}


def _facts(task: Task, length: int) -> Iterator[tuple[str, str]]:
    steps = task.total_steps(length)
    shown = f"symbols, {task.inputs:,} of them" if task.tokens else f"{measured(task.inputs, 'number')} a step"
    yield "variant", task.notes
    yield "settings", ", ".join(f"{name} = {setting(value)}" for name, value in task.resolved().items())
    yield (
        "length",
        f"T = {length:,}: {measured(steps, 'step')}" + ("" if steps == length else " in the longest sequence"),
    )
    yield "shown", shown
    where = {"last": "at the last step", "every": "at every step", "some": "at some steps"}[task.readout]
    what = measured(task.outputs, "number") if task.objective == "mse" else f"one of {task.outputs:,} classes"
    yield "asked", f"{what} {where}"
    objective = registry.objectives.load(task.objective)
    yield "baseline", f"{number(task.baseline(length), 4)} {objective.score.unit or objective.score.words}"
    chance = task.chance(length)
    yield "chance", "" if chance is None else f"an accuracy of {number(chance, 3)}"
    second = task.second(length)
    if second is not None:
        right = "" if second.accuracy is None else f", an accuracy of {number(second.accuracy, 3)}"
        yield second.name, f"{number(second.loss, 4)}{right}: {second.words}"
    memory = task.memory(length)
    yield "memory", "" if memory is None else f"at most {number(memory.most, 3)} {memory.unit}"
    solved = task.criterion(length)
    bound = f"< {solved.below:g}" if solved.below is not None else f"> {solved.above:g}"
    yield "solved", f"{metric_label(solved.metric)} {bound}"
