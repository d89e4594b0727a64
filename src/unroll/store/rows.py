"""Rows of a store as they are fetched: by columns, for as many trials as are asked for at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from unroll.store.faults import primary
from unroll.store.plain import to_json


def fetched(db: sqlite3.Connection, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows, as tuples.

    The connection reads bytes that are no UTF-8 with marks in their place, each text by a call. That is needed only
    where there are some: texts are read at once first.
    """
    cursor, lenient = db.cursor(), db.text_factory
    cursor.row_factory = None
    try:
        db.text_factory = str
        return cursor.execute(query, tuple(values)).fetchall()
    except sqlite3.OperationalError as error:
        if primary(error):  # of SQLite, and not of a text: what was begun may have ended
            raise
        db.text_factory = lenient
        return cursor.execute(query, tuple(values)).fetchall()
    finally:
        db.text_factory = lenient


def by_columns(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return rows by the names of their columns."""
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def in_order(db: sqlite3.Connection, names: Sequence[str], ids: Sequence[int]) -> dict[str, Sequence[Any]]:
    """Return columns of ``trials``, the first of which is "id": those of the ids that have a row, in their order."""
    where, values = among("id", ids)
    query = f"SELECT {', '.join(names)} FROM trials WHERE {where}"  # noqa: S608
    rows = {row[0]: row for row in fetched(db, query, values)}
    return by_columns([rows[number] for number in ids if number in rows], names)


def among(column: str, ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
    """Return a condition that a column is one of some ids: of neighbours a range, which costs SQLite the least."""
    if ids and max(ids) - min(ids) == len(ids) - 1:
        return f"{column} BETWEEN ? AND ?", (min(ids), max(ids))
    return f"{column} IN (SELECT value FROM json_each(?))", (to_json(list(ids)),)  # noqa: S608


def found(db: sqlite3.Connection, keys: Sequence[str]) -> list[int]:
    """Return the ids of these keys, found by the index, and where it has none, or another, by looking at each row."""
    query = """
        SELECT t.key, t.id FROM json_each(?) j
        JOIN trials t NOT INDEXED ON t.id = (SELECT id FROM trials WHERE key = j.value)
    """
    wanted = set(keys)
    ids = dict(db.execute(query, (to_json(list(keys)),)).fetchall())
    if ids.keys() != wanted:
        every = db.execute("SELECT key, id FROM trials NOT INDEXED").fetchall()
        ids = {key: number for key, number in every if key in wanted}
    return [ids[key] for key in keys if key in ids]
