"""Finding the one trial that a key, or the beginning of one, names."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from unroll.errors import UnknownNameError

SHORTEST_PREFIX = 6  # hexadecimal digits of a key
LONGEST = 64


def names_trial(text: str) -> bool:
    """Say whether a text that may name a study means a trial: it could be the first digits of a key, and no file."""
    return (
        SHORTEST_PREFIX <= len(text) <= LONGEST and not set(text) - set("0123456789abcdef") and not Path(text).exists()
    )


def find(db: sqlite3.Connection, key: str) -> sqlite3.Row:
    """Return id, key, state and attempts of the one trial whose key begins with ``key``."""
    prefix = key.lower()
    if len(prefix) < SHORTEST_PREFIX or set(prefix) - set("0123456789abcdef"):
        raise UnknownNameError(
            f"{key!r} does not name a trial: give {SHORTEST_PREFIX} or more of the hexadecimal digits of its key."
        )
    # "g" follows the last hexadecimal digit, so this range is every key that begins with the prefix.
    rows = db.execute(
        "SELECT id, key, state, attempts FROM trials WHERE key >= ? AND key < ? ORDER BY key LIMIT 3",
        (prefix, prefix + "g"),
    ).fetchall()
    if not rows:  # the index may be damaged
        every = db.execute("SELECT id, key, state, attempts FROM trials NOT INDEXED").fetchall()
        rows = [row for row in every if str(row["key"]).startswith(prefix)]
    if not rows:
        raise UnknownNameError(
            f"No trial {key[:16]} in the store. Plan its study first; unroll export STUDY lists the keys of one."
        )
    if len(rows) > 1:
        some = ", ".join(row["key"][: len(prefix) + 6] for row in rows)
        raise UnknownNameError(f"{key!r} names more than one trial: {some}, ... Give more digits.")
    found: sqlite3.Row = rows[0]
    return found
