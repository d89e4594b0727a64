"""Examinations as they are read: each is checked against its seal before anyone sees a number of it."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unroll.store.checked import Checked, Trials, checked
from unroll.store.digests import examination_digest
from unroll.store.examinations import Array, Metric, examination_seal, list_seal
from unroll.store.faults import DamageError
from unroll.store.plain import parses, to_json
from unroll.store.records import ExaminationRecord, Examined, NamedArray, State

if TYPE_CHECKING:
    import pandas as pd

NOT_WRITTEN = "it is not what was written"
LIST = "the list of its examinations is not what was written"
OF_A_TRIAL = ("key", "condition", "task", "model", "length", "seed")
NOT_RECORDED = "not recorded"
"""What is said of a trial that has no examination by a measure, as all that are older than the measure."""
NAN = "NaN"
"""What is said of a place of an array at which there is no number."""
TAKEN = frozenset(
    {
        *(*OF_A_TRIAL, "snapshot", "quantity", "value", "note"),
        *("words", "n", "median", "low", "high", "interval_low", "interval_high", "each_seed"),
    }
)
"""Columns of an examination's frame and of its numbers over seeds: an axis of such a name is NAME_axis there."""


def examined(db: sqlite3.Connection, trials: Sequence[Checked], measure: str | None = None) -> dict[int, Examined]:
    """Return the examinations of trials, by the rows of these; with ``measure`` those by it alone.

    The list of each trial is checked all the same.
    """
    ids = to_json([trial.row["id"] for trial in trials])
    chosen = "WHERE trial IN (SELECT value FROM json_each(?))"
    rows = _by_trial(db, f"SELECT * FROM examinations {chosen} ORDER BY trial, number", ids)  # noqa: S608
    sealed = dict(db.execute(f"SELECT trial, seal FROM examined_trials {chosen}", (ids,)).fetchall())  # noqa: S608
    wanted = {
        row_id: [row for row in of if measure is None or row["measure"] == measure] for row_id, of in rows.items()
    }
    metrics: defaultdict[tuple[int, int], list[Metric]] = defaultdict(list)
    arrays: defaultdict[tuple[int, int], list[Array]] = defaultdict(list)
    numbered = [(row["trial"], row["number"]) for of in wanted.values() for row in of if _has_number(row)]
    if numbered:
        pairs = to_json(numbered)
        for trial, number, *metric in db.execute(_OF_PAIRS.format("e.name, e.value", "metrics"), (pairs,)).fetchall():
            metrics[trial, number].append(tuple(metric))
        columns = "e.name, e.axes, e.shape, e.data"
        for trial, number, *array in db.execute(_OF_PAIRS.format(columns, "arrays"), (pairs,)).fetchall():
            arrays[trial, number].append(tuple(array))
    found = {}
    for trial in trials:
        row_id, key = trial.row["id"], trial.row["key"]
        own = rows.get(row_id, [])
        whole = sealed.get(row_id) == (list_seal(key, own) if own else None)
        records = (
            _record(key, row, metrics[row_id, row["number"]], arrays[row_id, row["number"]])
            for row in wanted.get(row_id, [])
        )
        found[row_id] = Examined(tuple(records), None if whole else LIST)
    return found


_OF_PAIRS = """
    SELECT e.trial, e.number, {0} FROM json_each(?) j
    JOIN examined_{1} e ON e.trial = json_extract(j.value, '$[0]') AND e.number = json_extract(j.value, '$[1]')
    ORDER BY e.trial, e.number, e.name
"""


def sound_numbers(db: sqlite3.Connection, trial: Checked) -> list[int]:
    """Return the numbers of a trial's examinations that are what was written."""
    query = "SELECT number FROM examinations WHERE trial = ? ORDER BY number"
    numbers = [number for (number,) in db.execute(query, (trial.row["id"],)).fetchall()]
    records = examined(db, [trial])[trial.row["id"]].records
    return [number for number, record in zip(numbers, records, strict=True) if not record.damage]


def frame(db: sqlite3.Connection, trials: Trials, measure: str, damaged: dict[str, str] | None = None) -> pd.DataFrame:
    """Return what a measure found in trials, in long form: one row per number.

    The trial (key, condition, task, model, length, seed), ``snapshot``, ``quantity``, the coordinate on each axis that
    an array of the measure has (missing for numbers that run along none; Int64 where all are whole), ``value``
    (float64). A complete trial without a number has one row in which ``value`` is NaN and ``note`` says why: "not
    recorded", that the measure does not apply to it, or that it failed; beside a place of an array that is NaN, "NaN".
    What is damaged is left out and told in ``damaged``, by the trial's key; without one, DamageError is raised.
    """
    import pandas as pd

    complete = trials.only([state is State.complete for state in trials.states])
    looked_at = _looked_at(db)
    untouched = complete.only([row_id not in looked_at for row_id in complete.columns["id"]])
    rows: list[dict[str, Any]] = []
    parts: list[pd.DataFrame] = []
    some = [trial for trial in complete if trial.row["id"] in looked_at] if looked_at else []
    found = examined(db, some, measure)
    for trial in some:
        about = {column: trial.row[column] for column in OF_A_TRIAL}
        here = found[trial.row["id"]]
        for _, fault in here.faults:
            if damaged is None:
                raise DamageError(f"{trial.name}: its examination by {measure} is damaged: {fault}")
            damaged[trial.row["key"]] = fault
        sound = [record for record in here.records if not record.damage]
        if not here.records and not here.damage:
            rows.append({**about, "note": NOT_RECORDED})
        for record in sound:
            of = {**about, "snapshot": record.snapshot}
            if record.error is not None:
                rows.append({**of, "note": record.without})
            rows += [{**of, "quantity": name, "value": value, "note": ""} for name, value in record.metrics.items()]
            parts += [_long({**of, "quantity": name, "note": ""}, array) for name, array in record.arrays.items()]
    columns = [*OF_A_TRIAL, "snapshot", "quantity", "value", "note"]
    nothing = dict.fromkeys(("snapshot", "quantity", "value"), [np.nan] * len(untouched))
    without = {**untouched.columns, **nothing, "note": [NOT_RECORDED] * len(untouched)}
    single = {column: [*without[column], *(row.get(column, np.nan) for row in rows)] for column in columns}
    numbers = pd.DataFrame(single, dtype=None if single["key"] else object).astype({"value": "float64"})
    table = pd.concat([numbers, *parts], ignore_index=True)
    axes = [column for column in table.columns if column not in columns]
    if some:
        order = {key: place for place, key in enumerate(complete.columns["key"])}
        table = table.iloc[table["key"].map(order).argsort(kind="stable")].reset_index(drop=True)
    table.loc[table["value"].isna() & table["quantity"].notna(), "note"] = NAN
    whole = [axis for axis in axes if all(axis not in part or part[axis].dtype.kind in "iu" for part in parts)]
    return table[[*OF_A_TRIAL, "snapshot", "quantity", *axes, "value", "note"]].astype(dict.fromkeys(whole, "Int64"))


def _looked_at(db: sqlite3.Connection) -> set[int]:
    """Return the rows of the trials that have an examination, or the seal of a list of some."""
    queries = (f"SELECT trial FROM {table} NOT INDEXED" for table in ("examinations", "examined_trials"))  # noqa: S608
    return {trial for query in queries for (trial,) in db.execute(query).fetchall()}


def _long(of: dict[str, Any], array: NamedArray) -> pd.DataFrame:
    """Return one row per number of an array."""
    import pandas as pd

    names = [f"{axis}_axis" if axis in TAKEN or "." in axis else axis for axis in array.axes]
    index = pd.MultiIndex.from_product(list(array.axes.values()), names=names)
    return index.to_frame(index=False).assign(**of, value=array.values.ravel())


def measures(db: sqlite3.Connection, keys: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of the measures by which any of these trials was examined, in alphabetical order."""
    query = """
        SELECT DISTINCT e.measure FROM examinations e
        WHERE :keys IS NULL OR e.trial IN (SELECT t.id FROM json_each(:keys) j JOIN trials t ON t.key = j.value)
        ORDER BY e.measure
    """
    chosen = {"keys": None if keys is None else to_json(list(keys))}
    return tuple(str(name) for (name,) in db.execute(query, chosen).fetchall())


def examinations(db: sqlite3.Connection, key: str) -> Examined:
    """Return the examinations of the trial with this whole key; raises DamageError where the trial is damaged."""
    (trial,) = checked(db, [key])
    if trial.damage:
        raise DamageError(f"{trial.name} is damaged: {trial.damage}")
    return examined(db, [trial])[trial.row["id"]]


def _record(key: str, row: sqlite3.Row, metrics: list[Metric], arrays: list[Array]) -> ExaminationRecord:
    """Return an examination; of one that is not what was written, no more than which it is."""
    fault = _fault(key, row, metrics, arrays)
    if fault:
        return ExaminationRecord(measure=str(row["measure"]), version="", digest=None, at="", damage=fault)
    return ExaminationRecord(
        measure=row["measure"],
        version=row["version"],
        settings=json.loads(row["settings"]),
        snapshot=row["snapshot"],
        metrics=dict(metrics),
        arrays={name: _named(axes, shape, data) for name, axes, shape, data in arrays},
        fingerprint=json.loads(row["fingerprint"]),
        seconds=row["seconds"],
        error=None if row["error"] is None else json.loads(row["error"]),
        digest=row["digest"],
        at=row["at"],
    )


def _has_number(row: sqlite3.Row) -> bool:
    """Say whether an examination has a number, by which its tables know it: a flipped byte may have taken it."""
    return isinstance(row["number"], int)


def _fault(key: str, row: sqlite3.Row, metrics: list[Metric], arrays: list[Array]) -> str | None:
    if not (_has_number(row) and all(isinstance(data, bytes) for *_, data in arrays)):
        return NOT_WRITTEN
    if row["seal"] != examination_seal(key, row, metrics, arrays):
        return NOT_WRITTEN
    if not parses(dict, row["settings"], row["fingerprint"], row["error"]):
        return "what is told of it is none that can be read"
    if not all(_fits(axes, shape, data) for _, axes, shape, data in arrays):
        return "the shape of an array is not that of its numbers"
    own = examination_digest(dict(metrics), {name: (axes, data) for name, axes, _, data in arrays})
    if row["error"] is None and row["digest"] != own:
        return "its digest is not that of its numbers"
    return None


def _fits(axes: str, shape: str, data: bytes) -> bool:
    """Say whether the texts beside an array can be read and fit its numbers: what a stranger may have sealed."""
    if not (parses(dict, axes) and parses(list, shape)):
        return False
    along = json.loads(axes)
    if not all(isinstance(one, list) for one in along.values()):
        return False
    lengths = [len(one) for one in along.values()]
    return bool(lengths and lengths == json.loads(shape) and 8 * int(np.prod(lengths, dtype=object)) == len(data))


def _named(axes: str, shape: str, data: bytes) -> NamedArray:
    values = np.frombuffer(data, dtype="<f8").astype(np.float64).reshape(json.loads(shape))
    return NamedArray({axis: tuple(along) for axis, along in json.loads(axes).items()}, values)


def _by_trial(db: sqlite3.Connection, query: str, ids: str) -> defaultdict[int, list[sqlite3.Row]]:
    found: defaultdict[int, list[sqlite3.Row]] = defaultdict(list)
    for row in db.execute(query, (ids,)).fetchall():
        found[row["trial"]].append(row)
    return found
