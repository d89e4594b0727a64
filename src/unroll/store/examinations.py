"""Examinations: what measures found in a trial's network, written beside the trial and never into it.

A trial's rows, its digest and its seal know nothing of them, so that results do not depend on which measures are
installed, and so that damage in one of them loses no trial. Each stands under a seal of its own, and the list of a
trial's examinations under another, so that a missing one is noticed.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.store.digests import examination_digest
from unroll.store.plain import now, to_json
from unroll.store.records import Examination, NamedArray
from unroll.store.seals import seal

TABLES = ("examined_trials", "examinations", "examined_metrics", "examined_arrays")
"""What belongs to a trial, in tables of which the first column is the trial."""
COLUMNS = (
    *("number", "measure", "version", "settings", "snapshot", "digest", "fingerprint", "seconds", "at", "error"),
)
"""Those of ``examinations`` under its seal, with its numbers."""
IDENTITY = ("measure", "version", "settings", "snapshot")
"""What tells one examination of a trial from another."""

MOST_VALUES = 4_000_000
"""Numbers that the arrays of one examination may hold, 32 MB; and coordinates of their axes."""
MOST_METRICS = 1_000
MOST_ARRAYS = 100
LONGEST_NAME = 200
LONGEST_TEXT = 20_000
"""Characters of a reason or of a traceback that are kept."""
REFUSED = (ValueError, TypeError, OverflowError, LookupError)

Metric = tuple[str, float]
Array = tuple[str, str, str, bytes]
"""Its name, its axes and its shape as JSON, its numbers: float64, little-endian."""


@dataclass(frozen=True)
class Written:
    """The rows of one examination but for its number."""

    row: dict[str, Any]
    metrics: tuple[Metric, ...]
    arrays: tuple[Array, ...]


def digest_of(one: Examination) -> str | None:
    """Return the digest that an examination has when it is written; None of one that failed, or is refused."""
    digest: str | None = _written(one).row["digest"]
    return digest


def add(db: sqlite3.Connection, row_id: int, examinations: Iterable[Examination]) -> None:
    """Write examinations of a trial; one that no store can hold is written as failed, with the reason.

    float64, because they were computed in it: what follows from an array, such as where a curve passes a bound, then
    follows from the stored one too. They are small beside histories: a number per step, not per update.
    """
    written = [_written(one) for one in examinations]
    if written:
        _insert(db, row_id, written)


def clear(db: sqlite3.Connection, row_id: int) -> None:
    """Remove whatever there is of a trial's examinations."""
    for table in TABLES:
        db.execute(f"DELETE FROM {table} WHERE trial = ?", (row_id,))  # noqa: S608


def take(
    db: sqlite3.Connection, theirs: sqlite3.Connection, row_id: int, their_id: int, numbers: Sequence[int]
) -> tuple[int, tuple[str, ...]]:
    """Copy those of their examinations of a trial, by their numbers, that ours has not.

    Return how many, and the measures that found other numbers there than here under the same version and settings, of
    which ours stay. One that failed in one of the two is none of these.
    """
    ours = db.execute("SELECT * FROM examinations WHERE trial = ?", (row_id,)).fetchall()
    have = {tuple(row[name] for name in IDENTITY): row["digest"] for row in ours}
    # as sound_numbers lists them: where a byte has changed, one that is listed may not be found by its number
    listed = theirs.execute("SELECT * FROM examinations WHERE trial = ? ORDER BY number", (their_id,)).fetchall()
    rows = {row["number"]: dict(row) for row in listed}
    taken, different = [], []
    for number in numbers:
        of = "WHERE trial = ? AND number = ?"
        row = rows[number]
        identity = tuple(row[name] for name in IDENTITY)
        if identity in have:
            if None not in (have[identity], row["digest"]) and have[identity] != row["digest"]:
                different.append(str(row["measure"]))
            continue
        metrics = theirs.execute(f"SELECT name, value FROM examined_metrics {of} ORDER BY name", (their_id, number))  # noqa: S608
        arrays = theirs.execute(
            f"SELECT name, axes, shape, data FROM examined_arrays {of} ORDER BY name",  # noqa: S608
            (their_id, number),
        )
        taken.append(Written(row, tuple(map(tuple, metrics.fetchall())), tuple(map(tuple, arrays.fetchall()))))
    if taken:
        _insert(db, row_id, taken)
    return len(taken), tuple(different)


def keep_only(db: sqlite3.Connection, row_id: int, numbers: Sequence[int]) -> None:
    """Remove all examinations of a trial but those with these numbers, which are sound, and seal their list anew."""
    kept = to_json(list(numbers))
    for table in ("examinations", "examined_metrics", "examined_arrays"):
        db.execute(
            f"DELETE FROM {table} WHERE trial = ? "  # noqa: S608
            "AND (typeof(number) <> 'integer' OR number NOT IN (SELECT value FROM json_each(?)))",
            (row_id, kept),
        )
    _seal_list(db, row_id)


def examination_seal(key: str, row: Any, metrics: Iterable[Metric], arrays: Iterable[Array]) -> str:
    """Return the seal of one examination of the trial with this key; metrics and arrays in the order of their names."""
    arrays = list(arrays)
    about = [[name, axes, shape, len(data)] for name, axes, shape, data in arrays]
    values = [key, [row[column] for column in COLUMNS], list(metrics), about]
    return seal(values, b"".join(data for *_, data in arrays))


def list_seal(key: str, examinations: Iterable[Any]) -> str:
    """Return the seal of the list of a trial's examinations, in the order of their numbers."""
    return seal([key, [[row["number"], row["measure"], row["snapshot"], row["seal"]] for row in examinations]])


def _insert(db: sqlite3.Connection, row_id: int, written: Sequence[Written]) -> None:
    (key,) = db.execute("SELECT key FROM trials WHERE id = ?", (row_id,)).fetchone()
    query = "SELECT coalesce(max(number), -1) FROM examinations WHERE trial = ? AND typeof(number) = 'integer'"
    (last,) = db.execute(query, (row_id,)).fetchone()
    for number, one in enumerate(written, last + 1):
        row = {**one.row, "number": number}
        sealed = examination_seal(key, row, one.metrics, one.arrays)
        db.execute(
            f"INSERT INTO examinations (trial, {', '.join(COLUMNS)}, seal) "  # noqa: S608
            f"VALUES ({', '.join('?' * (len(COLUMNS) + 2))})",
            (row_id, *(row[name] for name in COLUMNS), sealed),
        )
        of = (row_id, number)
        db.executemany("INSERT INTO examined_metrics VALUES (?, ?, ?, ?)", ((*of, *metric) for metric in one.metrics))
        db.executemany("INSERT INTO examined_arrays VALUES (?, ?, ?, ?, ?, ?)", ((*of, *array) for array in one.arrays))
    _seal_list(db, row_id)


def _seal_list(db: sqlite3.Connection, row_id: int) -> None:
    (key,) = db.execute("SELECT key FROM trials WHERE id = ?", (row_id,)).fetchone()
    query = "SELECT number, measure, snapshot, seal FROM examinations WHERE trial = ? ORDER BY number"
    rows = db.execute(query, (row_id,)).fetchall()
    db.execute("DELETE FROM examined_trials WHERE trial = ?", (row_id,))
    if rows:
        db.execute("INSERT INTO examined_trials VALUES (?, ?)", (row_id, list_seal(key, rows)))


def _written(one: Examination) -> Written:
    """Return the rows of an examination; of one that breaks a rule, those of its failure."""
    metrics: tuple[Metric, ...] = ()
    arrays: tuple[Array, ...] = ()
    texts, error, digest = {"settings": "{}", "fingerprint": "{}"}, one.error, None
    try:
        texts = {"settings": to_json(one.settings), "fingerprint": to_json(one.fingerprint)}
        if error is None:
            metrics = tuple(_metric(name, value) for name, value in sorted(one.metrics.items()))
            arrays = tuple(_array(name, array) for name, array in sorted(one.arrays.items()))
            _check_size(metrics, arrays)
            digest = examination_digest(dict(metrics), {name: (axes, data) for name, axes, _, data in arrays})
    except REFUSED as refused:
        metrics, arrays, error = (), (), {"type": type(refused).__name__, "message": str(refused)}
    told = None if error is None else to_json({str(name): str(text)[:LONGEST_TEXT] for name, text in error.items()})
    row = {
        "measure": one.measure,
        "version": one.version,
        **texts,
        "snapshot": one.snapshot,
        "digest": digest,
        "seconds": float(one.seconds),
        "at": now(),
        "error": told,
    }
    return Written(row, metrics, arrays)


def _metric(name: str, value: float) -> Metric:
    number = float(value) + 0.0
    if math.isnan(number):
        raise ValueError(f"its number {name[:LONGEST_NAME]!r} is NaN")
    return _name(name), number


def _array(name: str, array: NamedArray) -> Array:
    values = np.asarray(array.values, dtype="<f8")
    axes = {_name(axis): [_coordinate(one) for one in along] for axis, along in array.axes.items()}
    if values.shape != tuple(map(len, axes.values())) or not axes:
        lengths = {axis: len(along) for axis, along in axes.items()}
        raise ValueError(f"its array {name[:LONGEST_NAME]!r} has shape {values.shape} along the axes {lengths}")
    return _name(name), to_json(axes), to_json(list(values.shape)), np.ascontiguousarray(values).tobytes()


def _coordinate(value: Any) -> int | float | str:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and math.isfinite(plain):
        return plain
    if isinstance(plain, int) and not isinstance(plain, bool):
        return plain
    return _name(plain)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name or len(name) > LONGEST_NAME:
        raise ValueError(f"{str(name)[:LONGEST_NAME]!r} is no name of a number, an axis or a place on one")
    return name


def _check_size(metrics: tuple[Metric, ...], arrays: tuple[Array, ...]) -> None:
    values = sum(len(data) // 8 for *_, data in arrays)
    if not (metrics or arrays):
        raise ValueError("it yielded no number")
    if len(metrics) > MOST_METRICS or len(arrays) > MOST_ARRAYS or values > MOST_VALUES:
        raise ValueError(
            f"it yielded {len(metrics):,} numbers and {len(arrays):,} arrays with {values:,}; an examination holds up "
            f"to {MOST_METRICS:,}, {MOST_ARRAYS:,} and {MOST_VALUES:,}"
        )
