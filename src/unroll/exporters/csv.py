"""Comma-separated values: one row a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(trials: pd.DataFrame) -> str:
    """Return a header and one line a trial; numbers are written so that reading them gives the same bits.

    A text that a spreadsheet would take for a formula gets an apostrophe in front; a negative number does not. A line
    break within a text is a line feed.
    """
    return str(trials.rename(columns=_defused).map(_defused).to_csv(index=False, lineterminator="\n"))


def _defused(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = f"'{value}" if value.startswith(FORMULA) else value
    return text.replace("\r\n", "\n").replace("\r", "\n")  # a bare carriage return would not be put in quotes
