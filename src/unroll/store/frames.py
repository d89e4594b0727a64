"""What the store holds, as pandas frames. pandas is imported when a frame is asked for: it takes a second."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unroll.store.plain import from_blob, to_json

if TYPE_CHECKING:
    import pandas as pd

# These keys in their order (json_each gives no rows for NULL), or all in the order of planning.
CHOSEN = """
    WITH chosen (id, position) AS (
        SELECT t.id, j.key FROM json_each(:keys) j JOIN trials t ON t.key = j.value
        UNION ALL
        SELECT id, id FROM trials WHERE :keys IS NULL
    )
"""
TRIALS = """
    SELECT t.key, t.condition, t.task, t.model, t.length, t.seed, t.protocol, t.notes, t.state,
        t.parameters, t.baseline, t.solved_metric, t.solved_below,
        t.attempts, t.started_at, t.finished_at, t.seconds
    FROM chosen JOIN trials t USING (id) ORDER BY position
"""
METRICS = """
    SELECT t.key, m.name, m.value
    FROM chosen JOIN trials t USING (id) JOIN metrics m ON m.trial = t.id ORDER BY m.name
"""
HISTORIES = """
    SELECT t.key, t.condition, t.task, t.model, t.length, t.seed, h.axis, h.count, h.data
    FROM chosen JOIN trials t USING (id) JOIN histories h ON h.trial = t.id AND h.name = :name
    ORDER BY position
"""

HISTORY_NAMES = """
    SELECT DISTINCT h.name FROM chosen JOIN histories h ON h.trial = chosen.id ORDER BY h.name
"""


def frame(db: sqlite3.Connection, keys: Collection[str] | None) -> pd.DataFrame:
    """Return one row a trial: what was planned, its state, then each metric as a float64 column."""
    import pandas as pd

    chosen = {"keys": None if keys is None else to_json(list(keys))}
    cursor = db.execute(CHOSEN + TRIALS, chosen)
    names = [column[0] for column in cursor.description]
    table = pd.DataFrame([tuple(row) for row in cursor.fetchall()], columns=names)
    table = table.astype({"baseline": "float64", "seconds": "float64"})  # all NULL is not a number yet
    rows = {key: row for row, key in enumerate(table["key"])}
    metrics: dict[str, NDArray[np.float64]] = {}
    for key, name, value in db.execute(CHOSEN + METRICS, chosen).fetchall():
        metrics.setdefault(name, np.full(len(table), np.nan))[rows[key]] = value
    return pd.concat([table, pd.DataFrame(metrics, index=table.index)], axis="columns")


def history_names(db: sqlite3.Connection, keys: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of all histories that these trials have, in alphabetical order."""
    chosen = {"keys": None if keys is None else to_json(list(keys))}
    return tuple(name for (name,) in db.execute(CHOSEN + HISTORY_NAMES, chosen).fetchall())


def history_frame(db: sqlite3.Connection, keys: Collection[str] | None, name: str) -> pd.DataFrame:
    """Return one row a value of one history: the trial, its axis, ``step`` on it (from 1), ``value``."""
    import pandas as pd

    chosen = {"keys": None if keys is None else to_json(list(keys)), "name": name}
    rows = db.execute(CHOSEN + HISTORIES, chosen).fetchall()
    counts = [row["count"] for row in rows]
    names = ("key", "condition", "task", "model", "length", "seed", "axis")
    trials = pd.DataFrame([tuple(row)[: len(names)] for row in rows], columns=names)
    table = trials.loc[trials.index.repeat(counts)].reset_index(drop=True)
    table["step"] = np.concatenate([np.arange(1, count + 1) for count in (0, *counts)])
    table["value"] = np.concatenate([np.empty(0, np.float32), *(from_blob(row["data"]) for row in rows)])
    return table
