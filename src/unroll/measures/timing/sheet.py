"""How the time of an epoch grows, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unroll.analysis.sheets import by_condition, count
from unroll.layout import Column, Layout, figures, prose
from unroll.wording import number

if TYPE_CHECKING:
    from unroll.measures.source import Source


def growth(source: Source) -> Layout | None:
    """Return how the time of an epoch grows with the length, or None where nothing was fitted."""
    frame = source.growth()
    if frame.empty or frame["exponent"].isna().all():
        return None
    cells: dict[Column, Callable[[Any], str]] = {
        figures("exponent of T"): lambda row: number(row["exponent"]),
        figures("standard error"): lambda row: number(row["exponent_error"], 2),
        prose("trained at T ="): lambda row: ", ".join(map(count, row["lengths"])),
    }
    note = "Least squares on logarithms, one point a length: seconds = c · Tᵃ. Times are those of this machine."
    return by_condition("growth", "Growth of an epoch's time", note, frame, source.factors, cells)
