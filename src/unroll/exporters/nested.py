"""A study's conditions as plain data, with the rows of each measure in the row of their condition."""

from __future__ import annotations

from typing import Any

from unroll.exporters.json import records
from unroll.exporters.names import named
from unroll.measures.installed import known
from unroll.measures.source import Source


def nested(results: Source) -> list[dict[str, Any]]:
    """Return one row per condition; a measure's rows are a list in it, without what tells conditions apart."""
    rows = list(map(named, records(results.table())))
    head = ["task", "model", "length", *results.factors]
    places = {tuple(str(row[name]) for name in head): row for row in rows}
    for measure in known().values():
        found = results.measure(measure.name) if measure.nested and measure.has_numbers(results) else None
        if found is None or not set(head) <= set(found.columns):
            continue
        for row in records(found):
            place = places[tuple(str(row[column]) for column in head)]
            further = {column: value for column, value in row.items() if column not in head}
            place.setdefault(measure.rows or measure.name, []).append(further)
    return rows
