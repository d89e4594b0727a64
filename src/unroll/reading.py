"""What was found: a study's results, read from a store that may still be written to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.defaults import STORE
from unroll.errors import StoreError, StudyError
from unroll.store import PlannedStudy, Store, TrialRecord
from unroll.study import Study, expand

if TYPE_CHECKING:
    import pandas as pd

    from unroll.axes import Float32


class Results:
    """The results of one study in one store. Each method reads what the store holds at that moment.

    Raises StoreMissingError without a store, StoreError where it holds nothing of the study.
    """

    def __init__(self, study: Study, store: str | Path = STORE):
        self.study = study
        self.path = Path(store)
        with self._open() as opened:
            planned = opened.study_by_digest(study.digest)
            if planned is None:
                raise StoreError(_nothing_of(study, opened))
        self.planned: PlannedStudy = planned

    def table(self) -> pd.DataFrame:
        """Return one row a condition: see ``unroll.analysis.conditions``."""
        from unroll.analysis import conditions

        return conditions(self.trials(), self.factors)

    def trials(self) -> pd.DataFrame:
        """Return one row a trial: what was planned, its state, its metrics (NaN until it is complete)."""
        with self._open() as opened:
            frame = opened.frame(self._keys)
        for factor in self.factors:
            frame[factor] = [_setting(trial.spec, factor) for trial in self.planned.trials]
        return frame

    def trial(self, key: str) -> TrialRecord:
        """Return everything about one trial, by its key or the beginning of it."""
        with self._open() as opened:
            return opened.trial(key)

    def history(self, key: str, name: str) -> Float32:
        """Return one history of a trial, such as "loss" or "grad_norm", as a float32 array."""
        with self._open() as opened:
            return opened.history(opened.trial(key).key, name)

    def histories(self, name: str) -> pd.DataFrame:
        """Return one history of all trials, one row a value: the trial, the step on its axis (from 1), the value."""
        with self._open() as opened:
            return opened.history_frame(self._keys, name)

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors with more than one value, beside task, model, length and seed."""
        return tuple(factor for factor in self.study.varying() if factor not in ("task", "model", "length"))

    @cached_property
    def notice(self) -> str | None:
        """A sentence where plug-ins have changed since these trials were planned, so that a run would train anew."""
        try:
            keys = {trial.key for trial in expand(self.study)}
        except StudyError:
            return "A plug-in that this study needs is not installed here; its results are shown as they were stored."
        changed = len(keys - set(self._keys))
        if not changed:
            return None
        return f"Tasks or models have changed since: unroll run {self.study.name} would train {changed} trials anew."

    @property
    def _keys(self) -> list[str]:
        return [trial.key for trial in self.planned.trials]

    def _open(self) -> Store:
        return Store.open(self.path)

    def _repr_html_(self) -> str:
        return str(self.table().to_html(index=False, na_rep=""))


def results(study: Study, store: str | Path = STORE) -> Results:
    """Return a study's results without running anything."""
    return Results(study, store)


def _setting(spec: Mapping[str, Any], factor: str) -> Any:
    section, _, key = factor.partition(".")
    return spec["settings"][section].get(key)


def _nothing_of(study: Study, store: Store) -> str:
    message = (
        f'{store.path} holds nothing of the study "{study.name}" with these settings. Run it: unroll run {study.name}'
    )
    others = [
        record.overrides for record in store.studies() if record.name == study.name and record.digest != study.digest
    ]
    if others:
        ways = " or ".join(" ".join(f"--set {o}" for o in overrides) or "no --set" for overrides in others[-3:])
        message += f"\nIt holds a study of that name with other settings ({ways})."
    return message
