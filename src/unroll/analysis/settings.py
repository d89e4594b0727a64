"""Rows by their settings, with each value as the study gives it: none stays none, whole numbers stay whole."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


def typed(value: Any) -> Hashable:
    """Return a value that equals another only where a study takes them for one level: True is not 1."""
    return isinstance(value, bool | np.bool_), value


def known(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return settings to compare: one that is not there equals itself, which NaN does not, and no other."""
    return tuple(ABSENT if value != value else typed(value) for value in values)


def grouped(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield the rows that agree in these columns, in the order in which they first appear, with what they agree in."""
    for head, places in placed(frame, names):
        yield head, frame.iloc[places]


def placed(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Yield the same with the places of the rows: taking so few of a large frame takes longer than all else."""
    codes = np.zeros(len(frame), dtype=np.int64)
    for name in names:
        own, count = _coded(frame[name])
        codes = np.unique(codes * count + own, return_inverse=True)[1].ravel()
    codes, _ = pd.factorize(codes)  # in the order in which they first appear
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(codes))[:-1]) if len(codes) else []
    first = [int(places[0]) for places in groups]
    heads = zip(*(frame[name].iloc[first].tolist() for name in names), strict=True) if names else [()] * len(groups)
    for values, places in zip(heads, groups, strict=True):
        yield dict(zip(names, values, strict=True)), places.tolist()


def _coded(column: pd.Series[Any]) -> tuple[NDArray[np.int64], int]:
    """Return a number for each value of a column, equal for equal ones (see ``known``), and more than the highest."""
    if column.dtype != object:
        codes, levels = pd.factorize(column, use_na_sentinel=False)
        return codes.astype(np.int64), len(levels) + 1
    found: dict[Any, int] = {}  # pandas would take a setting that is none for one that is not there
    codes = np.array([found.setdefault(value, len(found)) for value in known(column.tolist())], dtype=np.int64)
    return codes, len(found) + 1
