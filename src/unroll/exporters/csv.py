"""Comma-separated values: one row per trial."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from unroll.inert import inert

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"[\t\n]|\s*[=+\-@＝＋－＠]")
"""How a text begins that a spreadsheet may take for a formula: it skips blanks, and some take full-width signs too."""


def to_csv(trials: pd.DataFrame) -> str:
    """Return a header and one line per trial; numbers are written so that reading them gives the same bits.

    A text that a spreadsheet would take for a formula gets an apostrophe in front; a negative number does not. A line
    break within a text is a line feed; other control characters and bidirectional overrides are escapes.
    """
    return str(trials.rename(columns=_defused).map(_defused).to_csv(index=False, lineterminator="\n"))


def _defused(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = inert(value.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if FORMULA.match(text) else text
