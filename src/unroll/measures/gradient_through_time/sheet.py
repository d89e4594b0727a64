"""How far back the gradient reaches, as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.sheets import by_condition, count, several
from unroll.layout import Column, Layout, each, figures
from unroll.wording import number


def layout(frame: pd.DataFrame, factors: Sequence[str], name: str, title: str, note: str, *, terminal: bool) -> Layout:
    """Return the table of those conditions in which a network has been looked at."""
    cells: dict[Column, Callable[[Any], str]] = {
        figures("n"): lambda row: count(row["n"]),
        figures("reaches back"): lambda row: f"{row['reach']:g} of {count(row['steps'])}",
        each("each seed"): lambda row: several(f"{reach:g}" for reach in row["reaches"]),
        figures("slope"): lambda row: number(row["slope"]),
    }
    return by_condition(name, title, note, frame[frame["n"] > 0], factors, cells, terminal=terminal)
