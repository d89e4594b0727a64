"""What the store holds, as pandas frames. pandas is imported when a frame is asked for: it takes a second."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unroll.declarations import Declared
from unroll.store import older
from unroll.store.checked import Checked, Trials, by_ids
from unroll.store.faults import DamageError
from unroll.store.histories import fault_of, faults_of
from unroll.store.plain import from_blob
from unroll.store.rows import among, fetched
from unroll.store.seals import form, history_part

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


def frame(trials: Trials) -> pd.DataFrame:
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

    metrics = _metrics(trials)
    table = pd.DataFrame(dict(zip(COLUMNS, _columns(trials, metrics), strict=True)), columns=COLUMNS)
    numbers = (
        *("baseline", "solved_below", "solved_above", "chance", "memory_most", "second_loss", "second_accuracy"),
        *("seconds", "score"),
    )
    table = table.astype(dict.fromkeys(numbers, "float64"))  # all NULL is not a number yet
    table["solved_below"] = table["solved_below"].where(table["solved_below"] > -np.inf)
    return pd.concat([table, pd.DataFrame(dict(sorted(metrics.items())), index=table.index)], axis="columns")


def _metrics(trials: Trials) -> dict[str, NDArray[np.float64]]:
    """Return each metric of the trials, by its name; NaN where a trial has none, or none that can be believed."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, (names, fault) in enumerate(zip(trials.names, trials.outcomes, strict=True)):
        if fault is None:
            alike.setdefault(names, []).append(place)
    found: dict[str, NDArray[np.float64]] = {}
    for names, places in alike.items():
        values = np.array([trials.numbers[place] for place in places], dtype=np.float64)
        for column, name in enumerate(names):
            found.setdefault(name, np.full(len(trials), np.nan))[places] = values[:, column]
    return found


def _columns(trials: Trials, metrics: Mapping[str, NDArray[np.float64]]) -> list[Sequence[object]]:
    """Return the values of COLUMNS, each a list."""
    stored = dict(trials.planned())
    stored["state"] = [str(state) for state in trials.states]
    for name, nothing in zip(OUTCOME, (0, None, None, None), strict=True):
        kept = zip(stored[name], trials.outcomes, strict=True)
        stored[name] = [value if fault is None else nothing for value, fault in kept]
    judged = ("task", "length", "solved_metric", "solved_below")
    about = zip(trials.said, *(stored[name] for name in judged), strict=True)
    kinds: dict[tuple[Any, ...], int] = {}
    kind = np.array([kinds.setdefault(one, len(kinds)) for one in about], dtype=np.int64)
    said = [_declared(*one) for one in kinds]
    declared = [[values[place] for values in said] for place in range(len(DECLARED))]
    scores = np.full(len(trials), np.nan)
    for place, (name, *_) in enumerate(said):
        scores[kind == place] = metrics[name][kind == place] if name in metrics else np.nan
    of_each = ([column[place] for place in kind.tolist()] for column in declared)
    return [*(stored[name] for name in PLANNED), *of_each, *(stored[name] for name in OUTCOME), scores.tolist()]


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


def _said(text: str | None, task: str, length: int) -> Declared:
    return Declared.of(text) if text else older.declared(task, length)


def history_names(trials: Trials) -> tuple[str, ...]:
    """Return the names of all histories that these trials have, in alphabetical order."""
    # Between the quotes of a form are the parts' names and seals by turns, unless there are some within a name.
    named = {tuple(dict(json.loads(parts)) if "\\" in parts else parts.split('"')[1::4]) for parts in trials.parts}
    before = history_part("")
    return tuple(sorted({part.removeprefix(before) for parts in named for part in parts if part.startswith(before)}))


def history_frame(
    db: sqlite3.Connection, trials: Trials, name: str, damaged: dict[str, str] | None = None
) -> pd.DataFrame:
    """Return one row per value of one history: the trial, its axis, ``step`` (the place on it, from 1), ``value``.

    A damaged history is left out and told in ``damaged``, by its trial's key; without one, DamageError is raised. That
    of a trial that has changed since it was read is left out without a word.
    """
    import pandas as pd

    ids = trials.columns["id"]
    where, values = among("trial", ids)
    query = f"SELECT trial, name, axis, count, data FROM histories WHERE {where} AND name = ?"  # noqa: S608
    stored = {row[0]: row[1:] for row in fetched(db, query, (*values, name))}
    places = [place for place, number in enumerate(ids) if number in stored]
    own = trials.only([number in stored for number in ids])
    rows = [stored[number] for number in own.columns["id"]]
    faults = faults_of(own.columns["key"], own.damage, own.parts, rows)
    wrong = {place: fault for place, fault in zip(places, faults, strict=True) if fault}
    wrong |= dict.fromkeys(_missing(trials, stored, name), f"its history {name} is missing")
    for place, fault in sorted(wrong.items()):
        if not _has_changed(db, trials[place], name):
            if damaged is None:
                raise DamageError(f"{trials[place].name} is damaged: {fault}")
            damaged[trials.columns["key"][place]] = fault
    own = own.only([fault is None for fault in faults])
    rows = [row for row, fault in zip(rows, faults, strict=True) if fault is None]
    counts = [count for _, _, count, _ in rows]
    about = {column: own.planned()[column] for column in OF_A_HISTORY}
    one_each = pd.DataFrame({**about, "axis": [axis for _, axis, _, _ in rows]}, dtype=None if rows else object)
    table = one_each.loc[one_each.index.repeat(counts)].reset_index(drop=True)
    table["step"] = np.concatenate([np.arange(1, count + 1) for count in (0, *counts)])
    table["value"] = from_blob(b"".join(data for *_, data in rows))
    return table


def _missing(trials: Trials, stored: Container[int], name: str) -> Iterator[int]:
    """Yield the places of the trials that should have a history, for which there is none."""
    part = history_part(name)
    written = form(part)
    for place, parts in enumerate(trials.parts):
        if written in parts and trials.columns["id"][place] not in stored and part in trials[place].parts:
            yield place


def _has_changed(db: sqlite3.Connection, trial: Checked, name: str) -> bool:
    """Say whether a history does not fit its trial because that is another by now: begun again, or forgotten."""
    now = by_ids(db, [trial.row["id"]])
    if not len(now):
        return True
    if now.columns["seal"][0] == trial.row["seal"]:
        return False
    query = "SELECT name, axis, count, data FROM histories WHERE trial = ? AND name = ?"
    found = {row["name"]: row for row in db.execute(query, (trial.row["id"], name)).fetchall()}
    if any(fault_of(now[0], row) for row in found.values()):
        return False
    return bool(found) or history_part(name) not in now[0].parts
