"""What a study comes to: its trials, checked, with the facts that the read side needs of their plug-ins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import psutil

from unroll import registry
from unroll.defaults import MAX_TRIALS
from unroll.errors import BackendError, Problem, StudyError
from unroll.kernels import pick
from unroll.running.sizes import data_bytes, memory_bytes
from unroll.store import PlannedStudy, PlannedTrial
from unroll.study import Settings, Study, Trial, expand


def check(study: Study, max_trials: int = MAX_TRIALS) -> tuple[Trial, ...]:
    """Return a study's trials after everything has been checked that can be checked without training.

    Raises StudyError with all problems at once: its lists, the settings of tasks and models, lengths, backends, models
    that cannot do their task, and data that would not fit into this machine's memory. Imports no torch.
    """
    trials = expand(study, max_trials)
    problems: dict[str, Problem] = {}
    memory = psutil.virtual_memory().total
    for trial in _one_a_condition(trials):
        try:
            pick(registry.models.load(trial.model).cell, backend=trial.train.backend)
        except BackendError as error:
            problems["backend"] = Problem(str(error), "train.backend")
        try:
            _made(registry.models, trial.model, trial.model_settings).check_task(
                _made(registry.tasks, trial.task, trial.task_settings)
            )
        except ValueError as error:
            problems[str(error)] = Problem(str(error), "model")
        needed = 3 * data_bytes(trial)
        if needed > memory:
            problems[trial.condition] = Problem(
                f"the data of {trial.task} at T = {trial.length} need {needed / 1e9:,.0f} GB while they are made, more "
                f"than the {memory / 1e9:,.0f} GB of this machine. Lower task.train or the length",
                "factors.length",
            )
    if problems:
        raise StudyError(list(problems.values()))
    return trials


def plan(study: Study, trials: Sequence[Trial]) -> PlannedStudy:
    """Return what the store keeps of a study. Counts parameters, so it imports torch.

    Raises StudyError for a model that would not fit into this machine's memory.
    """
    from unroll.training import count_parameters

    counted: dict[object, int] = {}
    problems: dict[object, Problem] = {}
    planned = []
    memory = psutil.virtual_memory().total
    for trial in trials:
        kind = (trial.task, trial.task_settings, trial.model, trial.model_settings)
        if kind not in counted:
            counted[kind] = count_parameters(trial)
            if memory_bytes(trial, counted[kind]) > memory:
                problems[kind] = Problem(
                    f"{trial.model} with {counted[kind]:,} parameters needs "
                    f"{memory_bytes(trial, counted[kind]) / 1e9:,.0f} GB, more than the {memory / 1e9:,.0f} GB of this "
                    "machine. Lower model.hidden or model.layers",
                    "model",
                )
        planned.append(_planned(trial, counted[kind]))
    if problems:
        raise StudyError(list(problems.values()))
    return PlannedStudy(
        digest=study.digest,
        name=study.name,
        question=study.question,
        spec=study.model_dump(),
        overrides=tuple(f"{name}={value}" for name, value in study.overrides.plain().items()),
        plugins={
            "task": {name: _facts(registry.tasks, name) for name in {trial.task for trial in trials}},
            "model": {name: _facts(registry.models, name) for name in {trial.model for trial in trials}},
        },
        trials=tuple(planned),
    )


def _one_a_condition(trials: Sequence[Trial]) -> list[Trial]:
    seen: dict[object, Trial] = {}
    for trial in trials:
        kind = (trial.task, trial.task_settings, trial.model, trial.model_settings, trial.length, trial.train.backend)
        seen.setdefault(kind, trial)
    return list(seen.values())


def _planned(trial: Trial, parameters: int) -> PlannedTrial:
    task = _made(registry.tasks, trial.task, trial.task_settings)
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
        solved_metric=task.solved.metric,
        solved_below=task.solved.below,
        notes=task.notes,
    )


@cache
def _made(family: registry.Family, name: str, settings: Settings) -> Any:
    return family.load(name)(**settings)


def _facts(family: registry.Family, name: str) -> dict[str, Any]:
    plugin = family.load(name)
    return {
        "summary": plugin.summary,
        "sources": list(plugin.sources),
        "tags": list(plugin.tags),
        "version": family.version(name),
    }
