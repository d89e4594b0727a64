"""The effective memory of each condition, as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.sheets import by_condition, count, several
from unroll.layout import Column, Layout, each, figures, prose
from unroll.measures.memory.sentences import kept
from unroll.measures.memory.table import is_none
from unroll.wording import MISSING, at_most


def in_words(frame: pd.DataFrame, factors: Sequence[str]) -> Layout:
    """Return what each condition keeps, in words."""
    cells: dict[Column, Callable[[Any], str]] = {
        figures("n"): lambda row: count(row["n"]),
        prose("keeps"): _kept,
        each("each seed"): _seeds,
    }
    note = f"{MISSING}: not more than twice what the finite test set alone gives. Bits are a bound from below."
    return by_condition("memory", "Effective memory, median", note, frame, factors, cells, terminal=True)


def memory(frame: pd.DataFrame, factors: Sequence[str]) -> Layout:
    """Return the effective memory of each condition, in words and in numbers."""
    cells: dict[Column, Callable[[Any], str]] = {
        figures("n"): lambda row: count(row["n"]),
        prose("keeps"): _kept,
        figures("remembered, median"): lambda row: f"{row['amount']:.1f}",
        figures("of at most"): lambda row: at_most(row["most"], row["unit"]),
        figures("from least to most"): lambda row: (
            MISSING if pd.isna(row["amount_low"]) else f"{row['amount_low']:.1f} to {row['amount_high']:.1f}"
        ),
        each("each seed"): _seeds,
        figures("noise, one seed"): lambda row: f"{row['noise']:.1f}" if row["noise"] >= 0.05 else "< 0.1",
    }
    note = (
        "The most that can be remembered, times 1 − loss / baseline: what a perfect memory would need for the same "
        "loss. At the baseline it is 0. Noise: the standard error that the finite test set alone gives; "
        "no words stand where the amount is not more than twice that. Bits are a bound from below."
    )
    return by_condition("memory", "Effective memory", note, frame, factors, cells)


def _kept(row: Any) -> str:
    return MISSING if is_none(row) else kept(row)


def _seeds(row: Any) -> str:
    return several(f"{amount:.1f}" for amount in row["each_seed"])
