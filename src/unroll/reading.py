"""What was found: a study's results, read from a store that may still be written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.defaults import STORE
from unroll.errors import StoreError, StudyError
from unroll.store import PlannedTrial, Store, TrialRecord
from unroll.study import Study, Trial, expand

if TYPE_CHECKING:
    import pandas as pd

    from unroll.axes import Float32
    from unroll.generation import Trained


class Results:
    """The results of one study in one store. Each method reads what the store holds at that moment.

    Raises StoreMissingError without a store, StoreError where it holds nothing of the study.
    """

    def __init__(self, study: Study, store: str | Path = STORE):
        self.study = study
        self.path = Path(store)
        with self._open() as opened:
            self.planned = _planned(study, opened)

    def table(self) -> pd.DataFrame:
        """Return one row a condition: see ``unroll.analysis.conditions``."""
        from unroll.analysis import conditions

        return conditions(self.trials(), self.factors)

    def trials(self) -> pd.DataFrame:
        """Return one row a trial: what was planned, its state, its metrics (NaN until it is complete)."""
        with self._open() as opened:
            frame = opened.frame(self._keys)
        return self._with_settings(frame, self.factors)

    def generation(self) -> pd.DataFrame:
        """Return one row a trial and step of its continuation: see ``unroll.analysis.generation``."""
        from unroll.analysis import generation

        curves = {name: self.histories(name) for name in ("continuation", "truth", "relative_error")}
        return generation(self.trials(), curves, self.factors)

    def horizons(self) -> pd.DataFrame:
        """Return one row a condition, regime and horizon, its free-running errors: see ``unroll.analysis.horizons``."""
        from unroll.analysis import horizons

        with self._open() as opened:
            names = opened.history_names(self._keys)
        regimes = [name.removeprefix("relative_error_") for name in names if name.startswith("relative_error_")]
        regimes.sort(key=lambda regime: (regime != "within", regime))
        measures = ("relative_error", "absolute_error", "one_step_error")
        curves = {(regime, name): self.histories(f"{name}_{regime}") for regime in regimes for name in measures}
        return horizons(self.trials(), curves, self.factors)

    def traps(self) -> pd.DataFrame:
        """Return one row a condition of a generating task, its traps and their worth: see ``unroll.analysis.traps``."""
        from unroll.analysis import traps
        from unroll.analysis.traps import SETTINGS

        trials = self._with_settings(self.trials(), SETTINGS)
        errors = self.histories("relative_error")
        last = errors.groupby("key")["value"].last().astype("float64")
        trials["prompt_error"] = trials["key"].map(last)
        return traps(trials[trials["generate.prime"].notna()], self.factors)

    def window_lag(self) -> pd.DataFrame:
        """Return one row a model, lag and capacity, of the task ``announce``: see ``unroll.analysis.window_lag``."""
        from unroll.analysis import window_lag

        trials = self._with_settings(self.trials(), ("model.window", "model.hidden", "model.parameters"))
        return window_lag(trials[trials["task"] == "announce"], self.factors)

    def trial(self, key: str) -> TrialRecord:
        """Return everything about one trial, by its key or the beginning of it."""
        with self._open() as opened:
            return opened.trial(key)

    def model(self, key: str) -> Trained:
        """Return the model that a complete trial trained, to generate with: see ``unroll.generate``. Imports torch."""
        from unroll.generation import trained

        with self._open() as opened:
            record = opened.trial(key)
            return trained(Trial.from_spec(dict(record.spec)), opened.parameters(record.key))

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
        return [trial.key for trial in self.planned]

    def _with_settings(self, frame: pd.DataFrame, settings: Iterable[str]) -> pd.DataFrame:
        specs = {trial.key: trial.spec for trial in self.planned}
        return frame.assign(**{name: [_setting(specs[key], name) for key in frame["key"]] for name in settings})

    def _open(self) -> Store:
        return Store.open(self.path)

    def _repr_html_(self) -> str:
        return str(self.table().to_html(index=False, na_rep=""))


def results(study: Study, store: str | Path = STORE) -> Results:
    """Return a study's results without running anything."""
    return Results(study, store)


def _planned(study: Study, store: Store) -> tuple[PlannedTrial, ...]:
    """Return a study's trials as they were planned: by this study, or all of them by others."""
    planned = store.study_by_digest(study.digest)
    if planned is not None:
        return planned.trials
    try:
        keys = [trial.key for trial in expand(study)]
    except StudyError:
        keys = []
    found = store.trials(keys)
    if not keys or len(found) < len(keys):
        raise StoreError(_nothing_of(study, store))
    return tuple(found)


def _setting(spec: Mapping[str, Any], factor: str) -> Any:
    section, _, key = factor.partition(".")
    value = spec["settings"].get(section, {}).get(key)
    return tuple(value) if isinstance(value, list) else value


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
