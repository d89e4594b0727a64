"""What the store holds, as pandas frames. pandas is imported when a frame is asked for: it takes a second."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unroll.declarations import Declared
from unroll.store import older
from unroll.store.checked import Checked, Planned, among, checked_rows, fetched
from unroll.store.faults import DamageError
from unroll.store.histories import faults_of
from unroll.store.plain import from_blob, to_json
from unroll.store.seals import history_part

if TYPE_CHECKING:
    import pandas as pd

PLANNED = (
    *("key", "condition", "task", "model", "length", "seed", "protocol", "notes", "state"),
    *("parameters", "baseline", "solved_metric", "solved_below"),
)
DECLARED = (
    *("score_name", "score_words", "criterion", "solved_above", "error_metric"),
    *("chance", "memory_unit", "memory_most"),
    *("memoryless", "second_name", "second_words", "second_loss", "second_accuracy"),
)
OUTCOME = ("attempts", "started_at", "finished_at", "seconds")
COLUMNS = [*PLANNED, *DECLARED, *OUTCOME, "score"]
OF_A_HISTORY = ("key", "condition", "task", "model", "length", "seed")
HISTORY_NAMES = """
    SELECT DISTINCT h.name FROM histories h
    WHERE :keys IS NULL OR h.trial IN (SELECT t.id FROM json_each(:keys) j JOIN trials t ON t.key = j.value)
    ORDER BY h.name
"""


def frame(trials: Sequence[Checked]) -> pd.DataFrame:
    """Return one row per trial: what was planned and declared, its state, its score, then each metric as float64.

    ``score_name``, ``score_words``: the test loss, in the store and in words; ``score``: its value. ``criterion``: when
    the trial counts as solved, in words; ``solved_above``: NaN unless its metric must be above that;
    ``error_metric``: that metric, where the task is judged by an error of its own and not by its test loss or what is
    counted with it. ``chance``: the accuracy at the baseline; ``memory_unit``, ``memory_most``: how the score is read
    as an amount (None, NaN where it is not). ``memoryless``: whether no predictor with no memory is better than the
    baseline; ``second_...``: a second line to compare with (None, NaN where there is none).

    Of a damaged trial nothing is told but what was planned: no metrics, no times, and 0 attempts.
    """
    import pandas as pd

    table = pd.DataFrame(dict(zip(COLUMNS, _columns(trials), strict=True)), columns=COLUMNS)
    numbers = (
        *("baseline", "solved_below", "solved_above", "chance", "memory_most", "second_loss", "second_accuracy"),
        *("seconds", "score"),
    )
    table = table.astype(dict.fromkeys(numbers, "float64"))  # all NULL is not a number yet
    table["solved_below"] = table["solved_below"].where(table["solved_below"] > -np.inf)
    metrics: dict[str, NDArray[np.float64]] = {}
    for place, trial in enumerate(trials):
        for name, value in trial.values if trial.outcome is None else ():
            if name not in metrics:
                metrics[name] = np.full(len(table), np.nan)
            metrics[name][place] = value
    return pd.concat([table, pd.DataFrame(dict(sorted(metrics.items())), index=table.index)], axis="columns")


def _columns(trials: Sequence[Checked]) -> list[list[object]]:
    """Return the values of COLUMNS, each a list."""
    rows = [trial.planned() for trial in trials]
    names = rows[0].keys() if rows else []
    stored = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    stored["state"] = [str(trial.state) for trial in trials]
    for name, nothing in zip(OUTCOME, (0, None, None, None), strict=True):
        kept = zip(stored.get(name, ()), trials, strict=True)
        stored[name] = [value if trial.outcome is None else nothing for value, trial in kept]
    judged = ("task", "length", "solved_metric", "solved_below")
    about = list(zip([trial.declared for trial in trials], *(stored.get(name, []) for name in judged), strict=True))
    said = {one: _declared(*one) for one in set(about)}
    declared = list(map(list, zip(*map(said.__getitem__, about), strict=True))) or [[] for _ in DECLARED]
    scores = [trial.metrics.get(said[one][0]) for trial, one in zip(trials, about, strict=True)]
    return [*(stored.get(name, []) for name in PLANNED), *declared, *(stored[name] for name in OUTCOME), scores]


def _declared(text: str | None, task: str, length: int, metric: str, below: float) -> tuple[Any, ...]:
    """Return the values of ``DECLARED``, the same of many trials."""
    said = _said(text, task, length)
    memory, second = said.memory, said.second
    return (
        *(said.score.name, said.score.words, said.criterion(metric, below), said.above),
        *(None if said.counts(metric) else metric, said.chance),
        *((None, None) if memory is None else (memory.unit, memory.most)),
        said.memoryless,
        *((None,) * 4 if second is None else (second.name, second.words, second.loss, second.accuracy)),
    )


def declared_of(trial: Planned) -> Declared:
    """Return what a trial has declared, or would have, where it is older than declarations."""
    row = trial.planned()
    return _said(trial.declared, row["task"], row["length"])


def _said(text: str | None, task: str, length: int) -> Declared:
    return Declared.of(text) if text else older.declared(task, length)


def history_names(db: sqlite3.Connection, keys: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of all histories that these trials have, in alphabetical order."""
    chosen = {"keys": None if keys is None else to_json(list(keys))}
    return tuple(name for (name,) in db.execute(HISTORY_NAMES, chosen).fetchall())


def history_frame(
    db: sqlite3.Connection, trials: Sequence[Checked], name: str, damaged: dict[str, str] | None = None
) -> pd.DataFrame:
    """Return one row per value of one history: the trial, its axis, ``step`` (the place on it, from 1), ``value``.

    A damaged history is left out and told in ``damaged``, by its trial's key; without one, DamageError is raised. That
    of a trial that has changed since it was read is left out without a word.
    """
    import pandas as pd

    where, values = among("trial", [trial.row["id"] for trial in trials])
    query = f"SELECT trial, name, axis, count, data FROM histories WHERE {where} AND name = ?"  # noqa: S608
    stored = {row[0]: row[1:] for row in fetched(db, query, (*values, name), plain=True)}
    own = [trial for trial in trials if trial.row["id"] in stored]
    rows = [stored[trial.row["id"]] for trial in own]
    wrong = {trial.row["id"]: fault for trial, fault in zip(own, faults_of(own, rows), strict=True) if fault}
    for trial in trials:
        if trial.row["id"] not in stored and _is_missing(trial, name):
            wrong[trial.row["id"]] = f"its history {name} is missing"
        fault = wrong.get(trial.row["id"])
        if fault is not None and not _has_changed(db, trial, name):
            if damaged is None:
                raise DamageError(f"{trial.name} is damaged: {fault}")
            damaged[trial.row["key"]] = fault
    sound = [(trial.planned(), row) for trial, row in zip(own, rows, strict=True) if trial.row["id"] not in wrong]
    counts = [count for _, (_, _, count, _) in sound]
    one_each = pd.DataFrame(
        [(*(trial[column] for column in OF_A_HISTORY), axis) for trial, (_, axis, _, _) in sound],
        columns=[*OF_A_HISTORY, "axis"],
    )
    table = one_each.loc[one_each.index.repeat(counts)].reset_index(drop=True)
    table["step"] = np.concatenate([np.arange(1, count + 1) for count in (0, *counts)])
    table["value"] = from_blob(b"".join(data for _, (_, _, _, data) in sound))
    return table


def _has_changed(db: sqlite3.Connection, trial: Checked, name: str) -> bool:
    """Say whether a history does not fit its trial because that is another by now: begun again, or forgotten."""
    rows = db.execute("SELECT * FROM trials WHERE id = ?", (trial.row["id"],)).fetchall()
    if not rows:
        return True
    (now,) = checked_rows(db, rows)
    if now.row["seal"] == trial.row["seal"]:
        return False
    query = "SELECT name, axis, count, data FROM histories WHERE trial = ? AND name = ?"
    found = db.execute(query, (trial.row["id"], name)).fetchall()
    return not any(faults_of([now], [tuple(row)])[0] for row in found) and (bool(found) or not _is_missing(now, name))


def _is_missing(trial: Checked, name: str) -> bool:
    """Say whether a trial for which there is no such history should have one."""
    return history_part(name) in trial.parts
