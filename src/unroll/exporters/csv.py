"""Comma-separated values: one row a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(trials: pd.DataFrame) -> str:
    """Return a header and one line a trial; numbers are written so that reading them gives the same bits.

    A text that a spreadsheet would take for a formula gets an apostrophe in front; a negative number does not.
    """
    return str(trials.rename(columns=_defused).map(_defused).to_csv(index=False, lineterminator="\n"))


def _defused(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
