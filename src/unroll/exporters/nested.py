"""A study's conditions as plain data, with the rows of each measure in the row of their condition."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from unroll.analysis.settings import ABSENT, known, typed
from unroll.exporters.json import dumps, records
from unroll.exporters.names import named
from unroll.measures.asking import Asked, everyone
from unroll.measures.source import Source
from unroll.study.settings import frozen

if TYPE_CHECKING:
    import pandas as pd

_Rows: TypeAlias = "list[tuple[tuple[Any, ...], dict[str, Any]]]"


def nested(results: Source) -> list[dict[str, Any]]:
    """Return one row per condition; a measure's rows are a list in it, without what tells conditions apart.

    A measure that fails has none, and is noted in ``results.faults``.
    """
    rows = list(map(named, records(results.table())))
    head = ["task", "model", "length", *results.factors]
    taken = {name for row in rows for name in row}
    places = dict(zip(_places(results.table(), head), rows, strict=True))
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for place, row in places.items():
        alike.setdefault(_loosely(place), []).append(row)
    for one in everyone(results):
        if one.measure.nested:
            found = one.spared(partial(one.use, "table", partial(_rows, one, head, taken)), ())
            for place, further in found:
                fitting = [places[place]] if place in places else alike.get(_loosely(place), [])
                if len(fitting) == 1:
                    fitting[0].setdefault(one.measure.rows or one.name, []).append(further)
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
        (place, {name: value for name, value in row.items() if name not in head})
        for place, row in zip(_places(frame, head), rows, strict=True)
    ]


def _places(frame: pd.DataFrame, head: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return of each row what tells its condition apart, by type as well: a setting that is 1 is not the text "1"."""
    return list(zip(*(known(map(frozen, frame[name].tolist())) for name in head), strict=True))


def _loosely(place: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a place in which a setting that is none is as one that is not there: pandas makes one of the other."""
    return tuple(ABSENT if level == typed(None) else level for level in place)
