"""Histories: a value an epoch, an update or a step of a continuation, kept as one float32 blob each."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unroll.errors import UnknownNameError
from unroll.store.checked import Checked, one
from unroll.store.faults import DamageError
from unroll.store.keys import find
from unroll.store.plain import from_blob, to_blob
from unroll.store.seals import add_part, form, history_part, history_seal, history_seals

BYTES = 4
"""Of a value: float32."""
AXES = ("epoch", "update", "horizon", "length")


def add_histories(
    db: sqlite3.Connection, row_id: int, histories: Mapping[str, ArrayLike], axes: Mapping[str, str]
) -> None:
    """Write the histories of one trial, each with its axis and its seal."""
    if histories.keys() != axes.keys():
        raise ValueError(f"Histories {sorted(histories)} need one axis each, not axes {sorted(axes)}.")
    (key,) = db.execute("SELECT key FROM trials WHERE id = ?", (row_id,)).fetchone()
    for name, values in histories.items():
        if axes[name] not in AXES:
            raise ValueError(f"History {name!r} has the axis {axes[name]!r}; there are {', '.join(AXES)}.")
        count, data = to_blob(name, values)
        db.execute("INSERT INTO histories VALUES (?, ?, ?, ?, ?)", (row_id, name, axes[name], count, data))
        add_part(db, row_id, history_part(name), history_seal(key, name, axes[name], count, data))


def histories(db: sqlite3.Connection, key: str) -> dict[str, NDArray[np.float32]]:
    """Return all histories of a trial by name; none for a trial that has not ended."""
    trial = one(db, find(db, key)["id"])
    query = "SELECT name, axis, count, data FROM histories WHERE trial = ? ORDER BY rowid"
    rows = db.execute(query, (trial.row["id"],)).fetchall()
    parts = {history_part(row["name"]) for row in rows}
    for part in trial.parts:
        if part.startswith(history_part("")) and part not in parts:
            raise DamageError(f"{trial.name} is damaged: its {part} is missing")
    return {row["name"]: _values(trial, row) for row in rows}


def history(db: sqlite3.Connection, key: str, name: str) -> NDArray[np.float32]:
    """Return one history of a trial, shape (count,)."""
    found = histories(db, key)
    if name not in found:
        row = find(db, key)
        has = f"has {', '.join(sorted(found))}" if found else f"is {row['state']} and has none"
        raise UnknownNameError(f'No history "{name}" of trial {row["key"][:12]}: it {has}.')
    return found[name]


def _values(trial: Checked, row: sqlite3.Row) -> NDArray[np.float32]:
    """Return the values of a history; raises DamageError unless they are what was written."""
    fault = fault_of(trial, row)
    if fault:
        raise DamageError(f"{trial.name} is damaged: {fault}")
    return from_blob(row["data"])


def fault_of(trial: Checked, row: sqlite3.Row) -> str | None:
    """Say what is wrong with a history (name, axis, count, data) of a trial, or with the trial; None for nothing."""
    rows = [(row["name"], row["axis"], row["count"], row["data"])]
    return faults_of([trial.row["key"]], [trial.damage], [trial.lists[1]], rows)[0]


def faults_of(
    keys: Sequence[str],
    damage: Sequence[str | None],
    parts: Sequence[str],
    rows: Sequence[tuple[str, str, int, bytes]],
) -> list[str | None]:
    """Say of each trial what is wrong with a history of it (name, axis, count, data); None for nothing.

    ``damage``: what is wrong with the trial itself, which is said first; ``parts``: as of ``Trials``.
    """
    sealed = history_seals(keys, *zip(*rows, strict=True)) if rows else []
    return [
        of_trial or _fault(own, name, count, data, its)
        for of_trial, own, (name, _, count, data), its in zip(damage, parts, rows, sealed, strict=True)
    ]


def _fault(parts: str, name: str, count: int, data: bytes, sealed: str) -> str | None:
    if form([history_part(name), sealed]) not in parts:  # the form of a pair stands for nothing else in a list
        return f"its history {name} is not what was written"
    if type(count) is not int or BYTES * count != len(data):  # of an older store, sealed as found
        return f"its history {name} has another number of values than it says"
    return None
