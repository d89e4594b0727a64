"""What a study comes to: its trials, checked, with the facts that the read side needs of their plug-ins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unroll import registry
from unroll.capabilities import Continues
from unroll.declarations import Amount, Declared, Tested, wrong_beyond
from unroll.defaults import MAX_TRIALS
from unroll.errors import PlugInError, UnrollError
from unroll.models.resolve import resolve
from unroll.running.judging import judge
from unroll.store import PlannedStudy, PlannedTrial
from unroll.study import Study, Trial, expand, spelled
from unroll.study.culprit import culprit, fails
from unroll.wording import listed


def check(study: Study | str | Path, max_trials: int = MAX_TRIALS) -> tuple[Trial, ...]:
    """Return a study's trials after everything has been checked that can be checked without training.

    ``study``: a Study, or the shipped name or path of one. Raises StudyError with all problems at once: its lists, the
    settings of tasks and models, lengths, and what keeps a condition from being run, see ``unroll.running.judging``.
    """
    return expand(study, max_trials, judge)


def plan(study: Study, trials: Sequence[Trial]) -> PlannedStudy:
    """Return what the store keeps of a study. Counts parameters, so it imports torch.

    Raises PlugInError where a plug-in fails when it is asked for its facts.
    """
    from unroll.training import count_parameters

    counted: dict[object, int] = {}
    declared: dict[object, dict[str, Any]] = {}
    planned = []
    for trial in trials:
        kind = (trial.task, trial.task_settings, trial.model, trial.model_settings)
        with _told(trial):
            if kind not in counted:
                counted[kind] = count_parameters(trial)
            asked = (trial.task, trial.task_settings, trial.length, trial.test.lengths)
            if asked not in declared:
                declared[asked] = _declared(trial)
            planned.append(_planned(trial, counted[kind], declared[asked]))
    return PlannedStudy(
        digest=study.digest,
        name=study.name,
        question=study.question,
        spec=study.model_dump(),
        overrides=spelled(study.overrides),
        plugins={
            "task": {name: _facts(registry.tasks, name) for name in {trial.task for trial in trials}},
            "model": {name: _facts(registry.models, name) for name in {trial.model for trial in trials}},
        },
        trials=tuple(planned),
    )


@contextmanager
def _told(trial: Trial) -> Iterator[None]:
    """Raise whatever a trial's task or model raises in the block as a PlugInError that names it."""
    try:
        yield
    except UnrollError:
        raise
    except Exception as error:
        names = {"task": trial.task, "model": trial.model}
        loaded = {"task": registry.tasks.load(trial.task), "model": registry.models.load(trial.model)}
        part = culprit(error, loaded)
        if part is None:
            raise
        raise PlugInError(f"{fails(part, names[part], error)}.") from error


def _declared(trial: Trial) -> dict[str, Any]:
    """Return what the reading side is told of a trial's numbers."""
    task = resolve(trial).task
    objective = registry.objectives.load(task.objective)
    measured = [quantity.name for quantity in (objective.score, *objective.counted)]
    solved = task.criterion(trial.length)
    if solved.metric not in measured and not isinstance(task, Continues):
        raise PlugInError(
            f'The task "{trial.task}" is solved by {solved.metric}, which nothing measures. Its objective '
            f"{objective.name} gives {listed(measured)}."
        )
    memory, tolerance = task.memory(trial.length), task.tolerance(trial.length)
    wrong = () if tolerance is None else (wrong_beyond(tolerance.error, tolerance.baseline),)
    return Declared(
        score=objective.score,
        quantities={quantity.name: quantity for quantity in (*objective.counted, *wrong)},
        above=solved.above,
        chance=task.chance(trial.length),
        memory=None if memory is None else Amount(memory.unit, memory.most),
        tested=tuple(Tested(one, task.baseline(one), task.chance(one)) for one in trial.test.lengths),
        files=trial.files,
        memoryless=task.memoryless,
        second=task.second(trial.length),
    ).plain()


def _planned(trial: Trial, parameters: int, declared: dict[str, Any]) -> PlannedTrial:
    task, model = resolve(trial)
    anew = "new training sequences in each epoch" if task.fresh and not model.fitted else ""
    solved = task.criterion(trial.length)
    return PlannedTrial(
        key=trial.key,
        condition=trial.condition,
        task=trial.task,
        model=trial.model,
        length=trial.length,
        seed=trial.seed,
        protocol=trial.protocol,
        spec=trial.spec,
        parameters=parameters,
        baseline=task.baseline(trial.length),
        solved_metric=solved.metric,
        solved_below=-math.inf if solved.below is None else solved.below,
        notes=", ".join(filter(None, (task.notes, anew))),
        declared=declared,
    )


def _facts(family: registry.Family, name: str) -> dict[str, Any]:
    plugin = family.load(name)
    try:
        facts = plugin.told()
    except TypeError as error:
        raise PlugInError(f"{fails(family.noun, name, error)}.") from error
    return {**facts, "version": family.version(name)}
