"""A study's conditions as plain data, with the rows of each measure in the row of their condition."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, TypeAlias

from unroll.exporters.json import dumps, records
from unroll.exporters.names import named
from unroll.measures.asking import Asked, everyone
from unroll.measures.source import Source

_Rows: TypeAlias = "list[tuple[tuple[str, ...], dict[str, Any]]]"


def nested(results: Source) -> list[dict[str, Any]]:
    """Return one row per condition; a measure's rows are a list in it, without what tells conditions apart.

    A measure that fails has none, and is noted in ``results.faults``.
    """
    rows = list(map(named, records(results.table())))
    head = ["task", "model", "length", *results.factors]
    taken = {name for row in rows for name in row}
    places = {tuple(str(row[name]) for name in head): row for row in rows}
    for one in everyone(results):
        if one.measure.nested:
            found = one.spared(partial(one.use, "table", partial(_rows, one, head, taken)), ())
            for place, further in found:
                if place in places:
                    places[place].setdefault(one.measure.rows or one.name, []).append(further)
    return rows


def _rows(one: Asked, head: list[str], taken: Collection[str]) -> _Rows:
    """Return the rows of a measure, each with its condition; none of a table that is not one of conditions."""
    frame = one.table() if one.has_numbers() else None
    if frame is None or not set(head) <= set(frame.columns):
        return []
    name = one.measure.rows or one.name
    if name in taken:
        raise ValueError(f'its rows would be "{name}", as a column of conditions is. Give it another name')
    rows = records(frame)
    dumps(rows)  # raises where a cell is nothing that JSON can hold
    return [
        (tuple(str(row[column]) for column in head), {name: value for name, value in row.items() if name not in head})
        for row in rows
    ]
