"""Which trial of a study is meant: the best of those that fit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsIndex

from unroll import registry
from unroll.capabilities import Writes
from unroll.declarations import Declared
from unroll.errors import PromptError, UnknownNameError, did_you_mean
from unroll.store import State, Store, TrialRecord
from unroll.study import Study, Trial, expand
from unroll.study.levels import level
from unroll.study.settings import as_read, plain

MEASURES = {
    "free_running_validation": "free-running validation error",
    "validation": "validation loss",
    "train_loss": "training loss",
}
"""By what trials are compared, none of them a test loss, in words; the first that all of them have counts. Each
objective's validation loss is stored under a name of its own."""


@dataclass(frozen=True)
class Chosen:
    """A trial out of so many that fit; ``record`` is None unless it is complete, ``why`` says why this one."""

    trial: Trial
    fitting: int
    record: TrialRecord | None
    why: str


def choose(
    study: Study,
    store: str | Path,
    *,
    task: str | None = None,
    model: str | None = None,
    seed: SupportsIndex | None = None,
    length: SupportsIndex | None = None,
    settings: Mapping[str, Any] | None = None,
    generating: bool = True,
) -> Chosen:
    """Choose among a study's trials that fit all that is given: of the complete ones the best, else the first.

    ``settings`` are such as ``{"task.representation": "difference"}``; with ``generating``, only trials count whose
    task generates sequences, or is one of text.

    The best has the lowest of what all of them have, of: the free-running error on validation sequences, in the task's
    own units; the validation loss; the training loss.

    Raises UnknownNameError where nothing fits, or where what fits belongs to several tasks, whose losses cannot be
    compared; with ``generating`` PromptError for the latter, and where what fits generates nothing.
    """
    given = {"task": task, "model": model, "seed": seed, "length": length}
    wanted = plain({**{name: value for name, value in given.items() if value is not None}, **(settings or {})})
    fitting = list(expand(study))
    for name, value in wanted.items():
        left = [trial for trial in fitting if as_read(name, _of(trial, name)) == as_read(name, value)]
        if not left:
            raise UnknownNameError(_nothing(study, name, value, fitting))
        fitting = left
    if generating:
        fitting = _generating(study, fitting)
    several = list(dict.fromkeys(trial.task for trial in fitting))
    if len(several) > 1:
        error, those = (PromptError, " that generate") if generating else (UnknownNameError, " that fit")
        raise error(f"{study.name} has {len(several)} tasks{those}. Choose one: {', '.join(several)}.")
    records = _complete(store, [trial.key for trial in fitting])
    if not records:
        why = "the first that fits" if len(fitting) > 1 else "the only one that fits"
        return Chosen(fitting[0], len(fitting), None, why)
    declared = next((Declared.of(json.dumps(record.declared)) for record in records if record.declared), Declared())
    stored = {name: declared.validation if name == "validation" else name for name in MEASURES}
    asked = next(name for name in MEASURES if all(stored[name] in record.metrics for record in records))
    measure = stored[asked]
    best = min(records, key=lambda record: record.metrics[measure])
    trial = next(trial for trial in fitting if trial.key == best.key)
    said = MEASURES[asked]
    why = f"the lowest {said}, {best.metrics[measure]:.4g}, of the {len(records)} complete trials that fit"
    return Chosen(trial, len(fitting), best, why if len(records) > 1 else "the only complete trial that fits")


def _generating(study: Study, fitting: Sequence[Trial]) -> list[Trial]:
    writing = {task for task in {trial.task for trial in fitting} if issubclass(registry.tasks.load(task), Writes)}
    generating = [trial for trial in fitting if trial.generate is not None or trial.task in writing]
    if not generating:
        tasks = " and ".join(dict.fromkeys(trial.task for trial in fitting))
        raise PromptError(f"Nothing to generate in {study.name}: {tasks} generates no sequences. Choose another study.")
    return generating


def _complete(store: str | Path, keys: Sequence[str]) -> list[TrialRecord]:
    if not Path(store).exists():
        return []
    with Store.open(store) as opened:
        return [record for record in opened.trials(keys) if record.state is State.complete]


def _of(trial: Trial, name: str) -> Any:
    """Return what a trial has under "task", "seed" or "train.epochs"; NaN where it has nothing of that name."""
    return plain(level(trial, name)) if "." in name else trial.spec.get(name, math.nan)


def _nothing(study: Study, name: str, value: Any, trials: Sequence[Trial]) -> str:
    found = [_of(trial, name) for trial in trials]
    known = list(dict.fromkeys(str(one) for one in found if one == one))
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    shown = json.dumps(value, ensure_ascii=False)
    there = f"There are: {', '.join(known)}." if known else "None of them has such a setting."
    return f"{study.name} has no trial with {name} {shown} that fits.{hint} {there}"
