"""What was found: a study's results, read from a store that may still be written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.defaults import POINTS, STORE
from unroll.errors import StoreError, StudyError, UnknownNameError, did_you_mean
from unroll.store import PlannedTrial, Store, TrialRecord
from unroll.study import Study, Trial, expand
from unroll.study.trial import digest

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis import Finding
    from unroll.axes import Float32
    from unroll.generation import Trained
    from unroll.plots import Plots

AT_ONCE = 64
"""Trials whose histories are read together."""


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

    def parameters(self) -> pd.DataFrame:
        """Return how many parameters each model has: see ``unroll.analysis.parameters``."""
        from unroll.analysis import parameters

        return parameters(self.trials(), self.factors)

    def timing(self) -> pd.DataFrame:
        """Return the seconds of an epoch, one row a condition: see ``unroll.analysis.timing``."""
        from unroll.analysis import timing

        return timing(self.trials(), self.factors)

    def growth(self) -> pd.DataFrame:
        """Return how an epoch's time grows with the length, one row a model: see ``unroll.analysis.growth``."""
        from unroll.analysis import growth

        return growth(self.timing(), self.factors)

    def span(self) -> pd.DataFrame:
        """Return the longest length that each model solves: see ``unroll.analysis.span``."""
        from unroll.analysis import span

        return span(self.table(), self.factors)

    def memory(self) -> pd.DataFrame:
        """Return the effective memory on the adding problem, one row a condition: see ``unroll.analysis.memory``."""
        from unroll.analysis import memory

        return memory(self._with_settings(self.trials(), ["task.test"]), self.factors)

    def missing(self) -> pd.DataFrame:
        """Return the trials that are not complete, and why: see ``unroll.analysis.missing``."""
        from unroll.analysis import missing

        trials = self.trials()
        with self._open() as opened:
            records = opened.trials(trials.loc[trials["state"] == "failed", "key"].tolist())
        messages = {record.key: str((record.error or {}).get("message", "")) for record in records}
        return missing(trials, messages, self.factors)

    @property
    def plot(self) -> Plots:
        """The study's figures: ``results.plot.lengths()`` and so on."""
        from unroll.plots import Plots

        return Plots(self)

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

    def comparison(self, first: str, second: str) -> pd.DataFrame:
        """Return two models compared seed by seed, one row a task and length: see ``unroll.analysis.comparison``."""
        from unroll.analysis import comparison

        models = list(dict.fromkeys(trial.model for trial in self.planned))
        for name in (first, second):
            if name not in models:
                known = ", ".join(models)
                raise UnknownNameError(
                    f'The study "{self.study.name}" has no model "{name}".{did_you_mean(name, models)} It has {known}.'
                )
        return comparison(self.trials(), first, second, self.factors)

    def findings(self) -> list[Finding]:
        """Return what was found and what is not shown, in sentences: see ``unroll.analysis.findings``."""
        import pandas as pd

        from unroll.analysis import Tables, comparison, conditions, findings, growth, memory, span, timing

        models = dict.fromkeys(trial.model for trial in self.planned)
        trials, factors = self.trials(), self.factors
        pairs = [comparison(trials, *pair, factors) for pair in combinations(models, 2)]
        compared = [pair for pair in pairs if len(pair)] or [comparison(trials, "", "", factors)]
        table = conditions(trials, factors)
        return findings(
            Tables(
                conditions=table,
                span=span(table, factors),
                memory=memory(self._with_settings(trials, ["task.test"]), factors),
                growth=growth(timing(trials, factors), factors),
                comparisons=pd.concat(compared, ignore_index=True),
                factors=factors,
                sizes=self._variety("model"),
                recipes=self._variety("train"),
                generation=self.generation(),
                horizons=self.horizons(),
                traps=self.traps(),
                window_lag=self.window_lag(),
            )
        )

    def thinned(self, name: str, points: int = POINTS, keys: Sequence[str] | None = None) -> pd.DataFrame:
        """Return one history of these trials, or all, in few points that keep every extreme.

        See ``unroll.analysis.thinned``.
        """
        import pandas as pd

        from unroll.analysis import thinned

        with self._open() as opened:  # some trials at a time: the histories of a thousand do not fit into one frame
            keys = self._keys if keys is None else keys
            starts = range(0, max(len(keys), 1), AT_ONCE)
            parts = [thinned(opened.history_frame(keys[i : i + AT_ONCE], name), points) for i in starts]
        full = [part for part in parts if len(part)] or parts[:1]
        return self._with_settings(pd.concat(full, ignore_index=True), self.factors)

    def curves(self, name: str) -> pd.DataFrame:
        """Return one history of each condition, over its seeds: see ``unroll.analysis.curves``."""
        from unroll.analysis import curves

        return curves(self.thinned(name), self.factors)

    def frozen(self) -> Results:
        """Return these results as they stand now: their tables agree with each other while a run goes on writing."""
        return _Frozen(self)

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

    def _variety(self, section: str) -> int:
        """Return in how many ways a section was set for that model for which it was set in the most ways."""
        ways: dict[str, set[str]] = {}
        for trial in self.planned:
            ways.setdefault(trial.model, set()).add(digest(trial.spec["settings"][section]))
        return max(map(len, ways.values()))

    def _with_settings(self, frame: pd.DataFrame, settings: Iterable[str]) -> pd.DataFrame:
        import pandas as pd

        specs = {trial.key: trial.spec for trial in self.planned}
        columns = {name: [_setting(specs[key], name) for key in frame["key"]] for name in settings}
        # Where a model lacks a setting, the others' whole numbers must not become floats.
        lists = {
            name: pd.Series(values, frame.index, object if None in values else None) for name, values in columns.items()
        }
        return frame.assign(**lists)

    def _open(self) -> Store:
        return Store.open(self.path)

    def _repr_html_(self) -> str:
        from unroll.exporters.html import to_html

        return to_html(self.table(), self.factors, self.study.name)


class _Frozen(Results):
    """Results whose trials were read once."""

    def __init__(self, results: Results):
        self.study, self.path, self.planned = results.study, results.path, results.planned
        self._trials = results.trials()

    def trials(self) -> pd.DataFrame:
        """See Results."""
        return self._trials.copy()

    def table(self) -> pd.DataFrame:
        """See Results."""
        return self._table.copy()

    def frozen(self) -> Results:
        """See Results."""
        return self

    @cached_property
    def _table(self) -> pd.DataFrame:
        return super().table()


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
