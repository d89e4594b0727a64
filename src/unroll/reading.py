"""What was found: a study's results, read from a store that may still be written to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll import registry
from unroll.commands import Asked
from unroll.defaults import POINTS, STORE
from unroll.errors import UnknownNameError, did_you_mean
from unroll.held import study_of
from unroll.measures.asking import Faults, asked
from unroll.measures.installed import known, measure
from unroll.planned import planned_trials
from unroll.quantity import Quantity
from unroll.store import FINAL, PlannedTrial, Store, TrialRecord
from unroll.store.damage import Damage
from unroll.store.examined import NOT_RECORDED
from unroll.study import Study, Trial
from unroll.study.changed import stale
from unroll.study.levels import level
from unroll.study.saved import Saved, saved
from unroll.study.settings import frozen
from unroll.study.trial import digest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from unroll.analysis import Finding
    from unroll.analysis.told import Told
    from unroll.axes import Float32
    from unroll.generation import Trained
    from unroll.measures import Measure, Plots
    from unroll.store.checked import Trials

AT_ONCE, TOGETHER = 64, 2_000
"""Trials whose histories are read together: those by update, and those by epoch."""
COPIES_ON_WRITE = 3
"""The version of pandas from which on a shallow copy is one's own: it is copied when it is written to."""


class Results:
    """The results of one study in one store. Each method reads what the store holds at that moment.

    ``study`` is a Study, the shipped name or path of one, or the name of one that the store holds. ``asked`` is what
    was typed on a command line, where it was, for the commands that messages tell to type.

    Raises StoreMissingError without a store, StoreError where it holds nothing of the study.
    """

    def __init__(self, study: Study | str | Path, store: str | Path = STORE, asked: Asked | None = None):
        self.study = study_of(study, store)
        self.path = Path(store)
        self.asked = asked
        self.faults = Faults()
        with self._open() as opened:
            found = planned_trials(self.study, opened, asked)
        self.planned, self._plugins, self._plans = found.trials, found.plugins, found.read
        self._damage = Damage(found.lost)

    def table(self, *, curves: bool = True) -> pd.DataFrame:
        """Return one row per condition: see ``unroll.analysis.conditions``.

        ``curves``: whether to look at each trial's losses over the epochs for whether it was still improving; without,
        the table has no column for that.
        """
        import pandas as pd

        from unroll.analysis import conditions, improving

        if not curves:
            return conditions(self.trials(), self.factors, list(self.told.counted)).drop(columns="improving")
        now = self.frozen()
        trials, found = now.trials(), []
        with self._open() as opened:
            for start in range(0, max(len(trials), 1), TOGETHER):  # some at a time, as of ``thinned``
                some = trials[start : start + TOGETHER]
                keys, names = _texts(some["key"]), ("train_loss", "validation_loss")
                losses = (now._history(opened, keys, name) for name in names)
                found.append(improving(some, *losses))
        falling = pd.concat(found)
        return conditions(trials.assign(improving=falling), self.factors, list(self.told.counted))

    def trials(self) -> pd.DataFrame:
        """Return one row per trial: what was planned, its state, its metrics (NaN until it is complete)."""
        with self._open() as opened:
            frame = opened.frame(self._of(self._keys))
        frame["notes"] = [self._by_key[key].notes for key in _texts(frame["key"])]
        self._damage.trials.note("results", _texts(frame["key"]), _texts(frame.loc[frame["state"] == "damaged", "key"]))
        return self.with_settings(frame, self.factors)

    def measure(self, name: str) -> pd.DataFrame:
        """Return the table of a measure, by its name: see ``unroll.measures``. Its name is a method, too.

        Raises UnknownNameError for a name of none, MeasureError where the measure fails.
        """
        return asked(name, self).table()

    def __getattr__(self, name: str) -> Callable[[], pd.DataFrame]:
        named = {} if name.startswith("_") else {one.rows or one.name: one.name for one in known().values()}
        if name not in named:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return lambda: self.measure(named[name])

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(one.rows or one.name for one in known().values())]

    def parameters(self) -> pd.DataFrame:
        """Return how many parameters each model has: see ``unroll.analysis.parameters``."""
        from unroll.analysis import parameters

        return parameters(self.trials(), self.factors)

    def growth(self) -> pd.DataFrame:
        """Return how an epoch's time grows with the length, one row per model: see ``unroll.analysis.growth``."""
        from unroll.analysis import growth

        return growth(self.measure("timing"), self.factors)

    def span(self) -> pd.DataFrame:
        """Return the longest length that each model solves: see ``unroll.analysis.span``."""
        from unroll.analysis import span

        return span(self.table(), self.factors)

    def missing(self) -> pd.DataFrame:
        """Return the trials that are not complete, and why: see ``unroll.analysis.missing``."""
        from unroll.analysis import missing

        trials = self.trials()
        with self._open() as opened:
            records = opened.trials(self._of(_texts(trials.loc[trials["state"].isin(["failed", "damaged"]), "key"])))
        messages = {record.key: record.damage or str((record.error or {}).get("message", "")) for record in records}
        return missing(trials, messages, self.factors)

    @property
    def plot(self) -> Plots:
        """The study's figures: ``results.plot.lengths()`` and so on."""
        from unroll.measures import Plots

        return Plots(self)

    def trial(self, key: str) -> TrialRecord:
        """Return everything about one trial, by its key or the beginning of it."""
        with self._open() as opened:
            return opened.trial(key)

    def model(self, key: str) -> Trained:
        """Return the model that a complete trial trained: see ``unroll.generation.Trained``. Imports torch."""
        from unroll.generation import load

        with self._open() as opened:
            return load(opened, key, {trial.key: trial.files for trial in self.planned})

    def history(self, key: str, name: str) -> Float32:
        """Return one history of a trial, such as "loss" or "grad_norm", as a float32 array."""
        with self._open() as opened:
            return opened.history(opened.trial(key).key, name)

    def examination(self, measure: str) -> pd.DataFrame:
        """Return what a measure found in the trained networks, one row per number.

        key, condition, task, model, length, seed, the further factors; snapshot ("final": the weights at the end),
        quantity, the coordinate on each axis of the measure's arrays (missing for a number that runs along none), value
        (float64); note: "" beside a number. A complete trial without one has a row in which value is NaN and note says
        why: "not recorded" (it is older than the measure), that the measure does not apply to it, or that it failed. A
        place of an array without a number has the note "NaN". An axis that is named as one of the columns, or has a
        dot in its name as settings have, is NAME_axis.

        Raises UnknownNameError for a name of no measure that looks at trained networks.
        """
        with self._open() as opened:
            stored = opened.examined_measures(self._keys)
            installed = {name: one for name, one in known().items() if one.when == "end"}
            names = sorted({*stored, *installed})
            if measure not in names:
                raise UnknownNameError(
                    f'No measure "{measure}" looks at trained networks.{did_you_mean(measure, names)} Those that do: '
                    f"{', '.join(names)}."
                )
            damaged: dict[str, str] = {}
            frame = opened.examination_frame(self._of(self._keys), measure, damaged)
        self._damage.examinations.note(measure, self._keys, damaged)
        if measure in installed:
            without = frame["note"] == NOT_RECORDED
            some, places = self._alike(frame.loc[without, "key"])
            reasons = _why_not(installed[measure], some)
            frame.loc[without, "note"] = [reasons[place] for place in places]
        return self.with_settings(frame, self.factors)

    def with_examinations(self, trials: pd.DataFrame) -> pd.DataFrame:
        """Return the frame of trials with a column for each single number that a measure has found in their networks.

        The columns are named "measure.number"; NaN where it is not recorded. Arrays: see ``examination``.
        """
        from unroll.analysis.measured import axes_of

        with self._open() as opened:
            stored = opened.examined_measures(self._keys)
        for name in stored:
            found = self.examination(name)
            alone = found[axes_of(found, self.factors)].isna().all(axis=1)
            single = found[(found["note"] == "") & (found["snapshot"] == FINAL) & alone]
            for number, rows in single.groupby("quantity", sort=True):
                values = rows.set_index("key")["value"]
                trials = trials.assign(**{f"{name}.{number}": trials["key"].map(values)})
        return trials

    def histories(self, name: str) -> pd.DataFrame:
        """Return one history of all trials, a row per value: trial, ``step`` (the place on its axis, from 1), value."""
        with self._open() as opened:
            return self._history(opened, self._keys, name)

    def tested(self) -> pd.DataFrame:
        """Return the further lengths at which trials are tested, one row per trial and length.

        key; place (from 1, as histories by length count), tested (the length), baseline and chance there: the loss and
        the accuracy of the best answer without memory, NaN where there is no accuracy.
        """
        import pandas as pd

        rows = [
            (trial.key, place, one["length"], one["baseline"], one["chance"])
            for trial in self.planned
            if "tested" in trial.declared
            for place, one in enumerate(trial.declared["tested"], 1)
        ]
        table = pd.DataFrame(rows, columns=["key", "place", "tested", "baseline", "chance"])
        return table.astype({"place": "int64", "tested": "int64", "baseline": "float64", "chance": "float64"})

    def quantities(self, name: str) -> Mapping[str, Quantity]:
        """Return what a measure declares that it stores of these trials, by name; of tasks that are installed here."""
        found: dict[str, Quantity] = {}
        for trial in {(one.task, one.length): one for one in self.planned}.values():
            try:
                task = registry.tasks.make(trial.task, frozen(trial.spec["settings"]["task"]))
                found |= {quantity.name: quantity for quantity in measure(name).quantities(task, trial.length)}
            except Exception:  # noqa: S112 - it is not installed, or a third party's class is broken in any way
                continue
        return found

    def history_names(self) -> Sequence[str]:
        """Return the names of all histories that these trials have."""
        with self._open() as opened:
            return opened.history_names(self._of(self._keys))

    def comparison(self, first: str, second: str) -> pd.DataFrame:
        """Return two models' losses compared seed by seed, one row per task and length, and what this shows in words.

        p is corrected for all comparisons of the study: see ``unroll.analysis.comparison``.
        """
        from unroll.analysis import comparison

        models = self.models
        for name in (first, second):
            if name not in models:
                known = ", ".join(models)
                raise UnknownNameError(
                    f'The study "{self.study.name}" has no model "{name}".{did_you_mean(name, models)} It has {known}.'
                )
        return comparison(self.trials(), first, second, self.factors)

    def comparisons(self) -> pd.DataFrame:
        """Return every paired test of the study, one family: see ``unroll.analysis.comparisons``."""
        from unroll.analysis import comparisons

        return comparisons(self.trials(), self.factors)

    def effects(self) -> pd.DataFrame:
        """Return what each level of each factor does, against its first: see ``unroll.analysis.effects``."""
        from unroll.analysis import effects

        return effects(self.trials(), self.factors)

    def compare(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> pd.DataFrame:
        """Return two selections of conditions compared seed by seed, in each match and overall.

        A selection fixes levels of factors, such as ``{"model": "gru"}`` or ``{"model.hidden": 32}``; trials are
        matched on every factor that neither fixes. See ``unroll.analysis.contrast``. Raises UnknownNameError for a
        factor or level that the study does not vary, UnrollError where a selection is empty or both share trials.
        """
        from unroll.analysis import contrast
        from unroll.analysis.selection import apart

        trials, factors = self.trials(), self.factors
        first, second = apart(trials, first, second, factors, self.study.name)
        return contrast(trials, first, second, factors)

    def findings(self) -> list[Finding]:
        """Return what was found and what is not shown, in sentences: see ``unroll.analysis.findings``."""
        from unroll.analysis import Tables, findings
        from unroll.measures.answering import answers

        now = self.frozen()
        epochs = {trial.spec["settings"].get("train", {}).get("epochs") for trial in self.planned}
        return findings(
            Tables(
                conditions=now.table(),
                span=now.span(),
                memory=now.measure("memory"),
                growth=now.growth(),
                comparisons=now.comparisons(),
                effects=now.effects(),
                factors=self.factors,
                sizes=self._variety("model"),
                recipes=self._variety("train"),
                words=self.told.words,
                saved=self._saved(),
                epochs=epochs.pop() if len(epochs) == 1 else None,
                early_stopping=now.measure("early_stopping"),
                judged=now.judged,
                answers=list(answers(now)),
            )
        )

    def _saved(self) -> Saved:
        """Return how commands name the study: the file that was typed needs no other that it is to be saved in."""
        how = saved(self.study)
        if how.text and self.asked is not None and Path(self.asked.source).is_file():
            return replace(how, name=self.asked.source, text="")
        return how

    def thinned(self, name: str, points: int = POINTS, keys: Sequence[str] | None = None) -> pd.DataFrame:
        """Return one history of these trials, or all, in few points that keep every extreme.

        See ``unroll.analysis.thinned``.
        """
        import pandas as pd

        from unroll.analysis import thinned

        with self._open() as opened:  # some trials at a time: the histories of a thousand do not fit into one frame
            keys = self._keys if keys is None else keys
            starts = range(0, max(len(keys), 1), AT_ONCE)
            some = (keys[start : start + AT_ONCE] for start in starts)
            parts = [thinned(self._history(opened, part, name), points) for part in some]
        full = [part for part in parts if len(part)] or parts[:1]
        return self.with_settings(pd.concat(full, ignore_index=True), self.factors)

    def curves(self, name: str) -> pd.DataFrame:
        """Return one history of each condition, over its seeds: see ``unroll.analysis.curves``."""
        from unroll.analysis import curves

        return curves(self.thinned(name), self.factors)

    def frozen(self) -> _Snapshot:
        """Return these results as they stand now: their tables agree with each other while a run goes on writing."""
        return _Snapshot(self)

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors with more than one value, beside task, model, length and seed."""
        return tuple(factor for factor in self.study.varying() if factor not in ("task", "model", "length"))

    @property
    def models(self) -> Sequence[str]:
        """The models of the study, in its order."""
        return list(dict.fromkeys(trial.model for trial in self.planned))

    def only(self, task: str = "", model: str = "") -> Results:
        """Return the part of these results that is of a task and a model, "" for any; themselves where that is all.

        Tests belong to the whole study, whose families of tests they are corrected for: a part has the comparisons of
        its own models as the study has them, and its effects are told without a p.
        """
        part = _Part(self.frozen(), task, model)
        return self if len(part.planned) == len(self.planned) else part

    @cached_property
    def told(self) -> Told:
        """What tasks and models said of themselves when the study was planned."""
        from unroll.analysis.told import Told

        return Told(self.planned, self._plugins)

    @property
    def judged(self) -> frozenset[str]:
        """The tasks that are judged by a measure, and not by their test loss."""
        from unroll.measures.answering import judged

        return judged(self)

    @cached_property
    def notice(self) -> str | None:
        """Where plug-ins or files have changed since these trials were planned, so that a run would train anew."""
        return stale(self.study, self.planned, self._damage.lost)

    @property
    def damage(self) -> str | None:
        """A sentence where what is stored is not what was written, as far as it was read; that is left out."""
        return self._damage.told

    @cached_property
    def _keys(self) -> list[str]:
        return [trial.key for trial in self.planned]

    def _history(self, opened: Store, keys: Sequence[str], name: str) -> pd.DataFrame:
        """Return one history of these trials; where it is damaged, that is noted."""
        damaged: dict[str, str] = {}
        frame = opened.history_frame(self._of(keys), name, damaged)
        self._damage.trials.note(f"history {name}", keys, damaged)
        return frame

    def _of(self, keys: Sequence[str]) -> Sequence[str] | Trials:
        """Return what the store is asked for these trials by: here their keys, so that it reads them anew."""
        return keys

    def _variety(self, section: str) -> int:
        """Return in how many ways a section was set for that model for which it was set in the most ways."""
        ways: dict[str, set[str]] = {}
        for trial in {trial.condition: trial for trial in self.planned}.values():
            ways.setdefault(trial.model, set()).add(digest(trial.spec["settings"][section]))
        return max(map(len, ways.values()))

    def with_settings(self, frame: pd.DataFrame, settings: Iterable[str]) -> pd.DataFrame:
        """Return a frame of trials with a column for each of these settings, as their specifications have it."""
        from unroll.analysis.settings import as_they_are

        some, places = self._alike(frame["key"])
        columns = {name: as_they_are([level(trial, name) for trial in some]) for name in settings}
        return frame.assign(**{name: values.take(places).set_axis(frame.index) for name, values in columns.items()})

    def _alike(self, keys: pd.Series[str]) -> tuple[list[PlannedTrial], NDArray[np.int64]]:
        """Return one trial of each condition that these are of, and of each of these the place of its one among them.

        What a specification and its declaration say but for the seed is then looked up once a condition.
        """
        import numpy as np

        wanted = _texts(keys)
        kinds = self._kinds if wanted == self._keys else self._kinds[[self._places[key] for key in wanted]]
        first, places = np.unique(kinds, return_inverse=True)
        return [self.planned[place] for place in first.tolist()], places

    @cached_property
    def _kinds(self) -> NDArray[np.int64]:
        """Of each trial the place of the first one that has its condition and its declaration."""
        import numpy as np

        first: dict[tuple[str, int], int] = {}
        alike = ((trial.condition, id(trial.declared)) for trial in self.planned)
        return np.array([first.setdefault(shared, place) for place, shared in enumerate(alike)], dtype=np.int64)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {key: place for place, key in enumerate(self._keys)}

    @cached_property
    def _by_key(self) -> Mapping[str, PlannedTrial]:
        return {trial.key: trial for trial in self.planned}

    def _open(self) -> Store:
        return Store.open(self.path)

    def _repr_html_(self) -> str:
        from unroll.exporters.html import to_html

        return to_html(self.table(), self.factors, self.study.name, self.told.counted)


class _Snapshot(Results):
    """Results whose trials were read once, now, not when they are first asked for, and whose tables are made once."""

    def __init__(self, results: Results):
        self._take(results)
        self.faults = Faults()
        with self._open() as opened:
            self._read = opened.read(self._keys if self._plans is None else self._plans)

    def _take(self, results: Results) -> None:
        self.study, self.path, self.planned = results.study, results.path, results.planned
        self.asked = results.asked
        self._damage, self._plugins, self._plans = results._damage, results._plugins, results._plans
        self._made: dict[str, pd.DataFrame] = {}

    def _of(self, keys: Sequence[str]) -> Trials:
        return self._read.of(keys)

    def _once(self, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        import pandas as pd

        if name not in self._made:
            self._made[name] = make()
        copies_on_write = int(pd.__version__.partition(".")[0]) >= COPIES_ON_WRITE
        return self._made[name].copy(deep=not copies_on_write)

    def trials(self) -> pd.DataFrame:
        """See Results."""
        return self._once("trials", super().trials)

    def table(self, *, curves: bool = True) -> pd.DataFrame:
        """See Results."""
        return self._once(f"table {curves}", lambda: super(_Snapshot, self).table(curves=curves))

    def comparisons(self) -> pd.DataFrame:
        """See Results."""
        return self._once("comparisons", super().comparisons)

    def effects(self) -> pd.DataFrame:
        """See Results."""
        return self._once("effects", super().effects)

    def measure(self, name: str) -> pd.DataFrame:
        """See Results."""
        return self._once(f"measure {name}", lambda: super(_Snapshot, self).measure(name))

    def examination(self, measure: str) -> pd.DataFrame:
        """See Results."""
        return self._once(f"examination {measure}", lambda: super(_Snapshot, self).examination(measure))

    @cached_property
    def judged(self) -> frozenset[str]:
        """See Results."""
        return super().judged

    def history_names(self) -> Sequence[str]:
        """See Results."""
        return self._names

    @cached_property
    def _names(self) -> Sequence[str]:
        return super().history_names()

    def frozen(self) -> _Snapshot:
        """See Results."""
        return self


class _Part(_Snapshot):
    """Those trials of a snapshot that are of one task, one model, or both."""

    def __init__(self, whole: _Snapshot, task: str, model: str):
        self._take(whole)
        self._whole, self._read, self.faults = whole, whole._read, whole.faults
        self.planned = tuple(
            trial for trial in whole.planned if task in ("", trial.task) and model in ("", trial.model)
        )

    @property
    def models(self) -> Sequence[str]:
        """See Results: those of the whole study."""
        return self._whole.models

    def comparisons(self) -> pd.DataFrame:
        """See ``Results.only``."""
        rows, trials = self._whole.comparisons(), self.planned
        tasks, models = {trial.task for trial in trials}, {trial.model for trial in trials}
        kept = rows["task"].isin(tasks) & rows["first"].isin(models) & rows["second"].isin(models)
        return rows[kept].reset_index(drop=True)

    def effects(self) -> pd.DataFrame:
        """See ``Results.only``."""
        return super().effects().assign(p=float("nan"), p_family=float("nan"))


def _texts(column: pd.Series[str]) -> list[str]:
    """Return the texts of a column: pandas' own list of them takes ten times as long."""
    texts: list[str] = column.to_numpy(object).tolist()
    return texts


def results(study: Study | str | Path, store: str | Path = STORE) -> Results:
    """Return a study's results without running anything.

    ``study`` is a Study, the shipped name or path of one, or the name of one that the store holds.
    """
    return Results(study, store)


def _why_not(measure: Measure, planned: Sequence[PlannedTrial]) -> list[str]:
    """Return why a measure has no number of each trial, as far as task and model tell it: else NOT_RECORDED."""
    known: dict[str, str] = {}
    reasons = []
    for trial in planned:
        spec, files = trial.spec, dict(trial.files)
        settings = [spec["settings"].get(section) for section in ("task", "model")]
        asked_of = digest([trial.task, trial.model, settings, spec.get("format"), spec.get("versions"), files])
        if asked_of not in known:
            known[asked_of] = _of_one(measure, trial) or NOT_RECORDED
        reasons.append(known[asked_of])
    return reasons


def _of_one(measure: Measure, planned: PlannedTrial) -> str:
    """Return why a measure does not apply to a trial; "" where it does, or where nobody here can say."""
    try:
        trial = Trial.from_spec(dict(planned.spec), planned.files)
        task = registry.tasks.make(trial.task, trial.task_settings)
        return measure.why_not(task, registry.models.make(trial.model, trial.model_settings))
    except Exception:  # a plug-in that is not installed or broken, a specification of an older form
        return ""
