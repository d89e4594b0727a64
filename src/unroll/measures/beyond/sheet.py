"""How right models are beyond the trained length, as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from unroll.analysis.sheets import by_condition, count, several
from unroll.layout import Column, Layout, each, figures, prose
from unroll.measures.beyond.table import SHARES, means
from unroll.wording import MISSING, number

if TYPE_CHECKING:
    import pandas as pd


def mean(frame: pd.DataFrame, factors: Sequence[str], *, terminal: bool = False) -> Layout:
    """Return the mean over the longer lengths, a row for each condition."""
    table = means(frame, factors)
    cells: dict[Column, Callable[[Any], str]] = {
        prose("tested at T ="): lambda row: ", ".join(map(count, row["lengths"])),
        figures("n"): lambda row: count(row["n"]),
        **({prose("of"): lambda row: row["words"]} if table["words"].nunique() > 1 else {}),
        figures("mean there"): lambda row: number(row["value"]),
        each("each seed"): _seeds,
        figures(_blind(table)): lambda row: number(row["reference"]),
        figures("solved up to"): lambda row: MISSING if row["furthest"] != row["furthest"] else count(row["furthest"]),
    }
    what = table["words"].iloc[0] if table["words"].nunique() == 1 else "accuracy or loss"
    note = (
        f"Mean {what} over the tested lengths that are longer than the trained one, median over the n seeds; "
        f"{_blind(table)}: the same of the best answer that sees nothing; solved up to: the longest tested length at "
        "which most seeds meet the criterion."
    )
    return by_condition("beyond", f"Beyond the trained length: {what}", note, table, factors, cells, terminal=terminal)


def by_length(frame: pd.DataFrame, factors: Sequence[str]) -> Layout:
    """Return a row for each condition and tested length."""
    classes = frame["accuracy"].notna().any()
    cells: dict[Column, Callable[[Any], str]] = {
        figures("tested at"): lambda row: count(row["tested"]),
        figures("n"): lambda row: count(row["n"]),
        **({figures(name): _of(name) for name in ("accuracy", "chance")} if classes else {}),
        **({prose("solved by"): lambda row: row["words"]} if set(frame["quantity"]) != {"accuracy"} else {}),
        each("each seed"): _seeds,
        figures("loss"): lambda row: number(row["loss"]),
        figures("baseline"): lambda row: number(row["baseline"], 4),
        figures("solved"): lambda row: (
            MISSING if row["solved"] != row["solved"] else f"{row['solved']:g} of {row['n']}"
        ),
    }
    note = "T: the trained length. Medians over the n seeds; baseline and chance: the best answer that sees nothing."
    return by_condition("beyond_by_length", "Tested at further lengths", note, frame, factors, cells)


def _blind(table: pd.DataFrame) -> str:
    """Return what the best answer that sees nothing is called beside these rows."""
    shares = set(table["words"].isin(SHARES))
    return "chance" if shares == {True} else "baseline" if shares == {False} else "chance, baseline"


def _of(name: str) -> Callable[[Any], str]:
    return lambda row: number(row[name])


def _seeds(row: Any) -> str:
    return several(map(number, row["each_seed"]))
