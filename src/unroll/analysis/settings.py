"""Rows by their settings, with each value as the study gives it: none stays none, whole numbers stay whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

ABSENT = ("a setting that is not there",)


def as_they_are(values: Sequence[Any], index: pd.Index[Any] | None = None) -> pd.Series[Any]:
    """Return a setting's values as a column: None is a setting that is none, NaN one that is not there.

    pandas would turn both into NaN, and the whole numbers beside them into floats.
    """
    gaps = any(value is None or value != value or isinstance(value, tuple) for value in values)
    return pd.Series(list(values), index, object if gaps else None)


def table_of(rows: Sequence[dict[str, Any]], columns: Sequence[str], factors: Sequence[str]) -> pd.DataFrame:
    """Return rows as a frame in which the ``factors`` are as they are."""
    frame = pd.DataFrame(list(rows), columns=list(columns))
    return frame.assign(**{name: as_they_are([row[name] for row in rows], frame.index) for name in factors})


def known(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return settings to compare: one that is not there equals itself, which NaN does not, and no other."""
    return tuple(ABSENT if value != value else value for value in values)


def grouped(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield the rows that agree in these columns, in the order in which they first appear, with what they agree in."""
    for head, places in placed(frame, names):
        yield head, frame.iloc[places]


def placed(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Yield the same with the places of the rows: taking so few of a large frame takes longer than all else."""
    groups: dict[tuple[Any, ...], list[int]] = {}  # pandas would take a setting that is none for one that is not there
    columns = [frame[name].tolist() for name in names]
    for place, values in enumerate(zip(*columns, strict=True)):
        groups.setdefault(known(values), []).append(place)
    for places in groups.values():
        yield {name: column[places[0]] for name, column in zip(names, columns, strict=True)}, places
