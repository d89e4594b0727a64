"""Which trial of a study to generate with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.errors import PromptError, UnknownNameError, did_you_mean
from unroll.store import State, Store, TrialRecord
from unroll.study import Study, Trial, expand
from unroll.study.settings import plain


@dataclass(frozen=True)
class Choice:
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
    seed: int | None = None,
    length: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Choice:
    """Choose among a study's trials that fit all that is given: of the complete ones the best, else the first.

    ``settings`` are such as ``{"task.representation": "difference"}``.

    The best has the lowest free-running error on its validation sequences, in the task's own units; where a trial has
    none (protocol ``notebook``), the lowest training loss.

    Raises UnknownNameError where nothing fits, PromptError where what fits generates nothing, or belongs to several
    tasks, whose errors cannot be compared.
    """
    given = {"task": task, "model": model, "seed": seed, "length": length}
    wanted = {**{name: value for name, value in given.items() if value is not None}, **plain(settings or {})}
    fitting = list(expand(study))
    for name, value in wanted.items():
        left = [trial for trial in fitting if _of(trial, name) == value]
        if not left:
            raise UnknownNameError(_nothing(study, name, value, fitting))
        fitting = left
    generating = [trial for trial in fitting if trial.generate is not None]
    if not generating:
        tasks = " and ".join(dict.fromkeys(trial.task for trial in fitting))
        raise PromptError(f"Nothing to generate in {study.name}: {tasks} generates no sequences. Choose another study.")
    several = list(dict.fromkeys(trial.task for trial in generating))
    if len(several) > 1:
        raise PromptError(f"{study.name} has {len(several)} tasks that generate. Choose one: {', '.join(several)}.")
    records = _complete(store, [trial.key for trial in generating])
    if not records:
        why = "the first that fits" if len(generating) > 1 else "the only one that fits"
        return Choice(generating[0], len(generating), None, why)
    measure = "free_running_validation"
    if any(measure not in record.metrics for record in records):
        measure = "train_loss"
    best = min(records, key=lambda record: record.metrics[measure])
    trial = next(trial for trial in generating if trial.key == best.key)
    said = "free-running validation error" if measure != "train_loss" else "training loss"
    why = f"the lowest {said}, {best.metrics[measure]:.4g}, of the {len(records)} complete trials that fit"
    return Choice(trial, len(generating), best, why if len(records) > 1 else "the only complete trial that fits")


def _complete(store: str | Path, keys: Sequence[str]) -> list[TrialRecord]:
    if not Path(store).exists():
        return []
    with Store.open(store) as opened:
        return [record for record in opened.trials(keys) if record.state is State.complete]


def _of(trial: Trial, name: str) -> Any:
    """Return what a trial has under "task", "seed" or "train.epochs"; None where it has nothing of that name."""
    section, dot, key = name.partition(".")
    return trial.spec["settings"].get(section, {}).get(key) if dot else trial.spec.get(name)


def _nothing(study: Study, name: str, value: Any, trials: Sequence[Trial]) -> str:
    known = list(dict.fromkeys(str(_of(trial, name)) for trial in trials))
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    shown = json.dumps(value, ensure_ascii=False)
    return f"{study.name} has no trial with {name} {shown} that fits.{hint} There are: {', '.join(known)}."
