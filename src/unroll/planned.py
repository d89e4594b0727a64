"""A study's trials as a store has planned them; and what to say where it holds none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll import registry
from unroll.commands import Asked
from unroll.errors import PlugInError, StoreError, StudyError
from unroll.store import PlannedTrial, Store
from unroll.study import Study, Trial, expand

if TYPE_CHECKING:
    from unroll.store.checked import Plans

MOST_OTHERS = 3
"""Studies of the same name that a message lists."""


@dataclass(frozen=True)
class Found:
    """A study's trials as a store has planned them, in the study's order.

    ``lost``: how many more there were, of which the plan is damaged. ``plugins``: what tasks and models said of
    themselves. ``read``: the trials as they were read, see ``unroll.store.PlannedStudy``.
    """

    trials: tuple[PlannedTrial, ...]
    lost: int = 0
    plugins: Mapping[str, Any] = field(default_factory=dict)
    read: Plans | None = None


def planned_trials(study: Study, store: Store, asked: Asked | None) -> Found:
    """Return a study's trials as they were planned, by this study or all of them by others.

    ``asked`` is what was typed, where a command was, for what the message tells to type. Raises StoreError where the
    store does not hold all of them.
    """
    planned = store.planned(study)
    if planned is not None:
        return Found(_where_files_lie(study, planned.trials), planned.damaged, planned.plugins, planned.read)
    try:
        keys = [trial.key for trial in expand(study, study.count())]
    except (StudyError, PlugInError):
        keys = []
    found = store.trials(keys)
    if not keys or len(found) < len(keys):
        raise StoreError(_nothing_of(study, store, asked))
    return Found(_where_files_lie(study, found))


def _where_files_lie(study: Study, planned: Sequence[PlannedTrial]) -> tuple[PlannedTrial, ...]:
    """Return the trials with the paths and names that the study has for their files: one may have been moved since."""
    now: dict[str, Trial] = {}
    if any(trial.files for trial in planned):
        with suppress(StudyError, PlugInError):  # a file or a plug-in is gone: where they lay
            now = {trial.key: trial for trial in expand(study, study.count())}
    return tuple(
        _moved(trial, now[trial.key]) if trial.key in now and now[trial.key].files != trial.files else trial
        for trial in planned
    )


def _moved(then: PlannedTrial, now: Trial) -> PlannedTrial:
    before, after = (_notes(one) for one in (Trial.from_spec(dict(then.spec), then.files), now))
    notes = then.notes.replace(before, after) if before else then.notes
    return replace(then, notes=notes, declared={**then.declared, "files": now.files})


def _notes(trial: Trial) -> str:
    """Return what a trial's task says of its variant, in which a file may be named."""
    notes: str = registry.tasks.make(trial.task, trial.task_settings).notes
    return notes


def _run(study: Study, store: Path, asked: Asked | None) -> str:
    """Return how to run a study: as a command where it was typed, else in Python."""
    return asked.command("run") if asked is not None else f"unroll.run(study, {str(store)!r})"


def _nothing_of(study: Study, store: Store, asked: Asked | None) -> str:
    run = _run(study, store.path, asked)
    message = f'{store.path} holds nothing of the study "{study.name}" with these settings. Run it: {run}'
    others = [record for record in store.heads() if record.name == study.name and record.digest != study.digest]
    for record in others[-MOST_OTHERS:]:
        if asked is not None and record.overrides != asked.overrides:
            way = replace(asked, overrides=record.overrides).command("show")
        elif asked is not None:
            way = replace(asked, source=record.digest[:8], overrides=()).command("show")
        else:
            way = " ".join(record.overrides) if record.overrides else "none"
        message += f"\nIt holds a study of that name with other settings: {way}"
    return message
