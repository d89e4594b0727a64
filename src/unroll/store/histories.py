"""Histories: a value an epoch, an update or a step of a continuation, kept as one float32 blob each."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unroll.errors import UnknownNameError
from unroll.store.keys import find
from unroll.store.plain import from_blob, to_blob

AXES = ("epoch", "update", "horizon")


def add_histories(
    db: sqlite3.Connection, row_id: int, histories: Mapping[str, ArrayLike], axes: Mapping[str, str]
) -> None:
    """Write the histories of one trial, each with its axis."""
    if histories.keys() != axes.keys():
        raise ValueError(f"Histories {sorted(histories)} need one axis each, not axes {sorted(axes)}.")
    for name, values in histories.items():
        if axes[name] not in AXES:
            raise ValueError(f"History {name!r} has the axis {axes[name]!r}; there are {', '.join(AXES)}.")
        count, data = to_blob(name, values)
        db.execute("INSERT INTO histories VALUES (?, ?, ?, ?, ?)", (row_id, name, axes[name], count, data))


def histories(db: sqlite3.Connection, key: str) -> dict[str, NDArray[np.float32]]:
    """Return all histories of a trial by name; none for a trial that has not ended."""
    rows = db.execute(
        "SELECT name, data FROM histories WHERE trial = ? ORDER BY rowid", (find(db, key)["id"],)
    ).fetchall()
    return {name: from_blob(data) for name, data in rows}


def history(db: sqlite3.Connection, key: str, name: str) -> NDArray[np.float32]:
    """Return one history of a trial, shape (count,)."""
    row = find(db, key)
    found = db.execute("SELECT data FROM histories WHERE trial = ? AND name = ?", (row["id"], name)).fetchone()
    if found is None:
        names = [n for (n,) in db.execute("SELECT name FROM histories WHERE trial = ?", (row["id"],)).fetchall()]
        has = f"has {', '.join(sorted(names))}" if names else f"is {row['state']} and has none"
        raise UnknownNameError(f'No history "{name}" of trial {row["key"][:12]}: it {has}.')
    return from_blob(found[0])
