"""Sentences on which settings matter, where the seeds separate their levels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.differences import NO_LESS, factor_words
from unroll.analysis.effects import DESIGN
from unroll.analysis.finding import Finding, Tables
from unroll.analysis.settings import known
from unroll.wording import capital, counted, level, listed, number

OWN_FAMILY = "corrected for all settings of the study, apart from the comparisons of models"
TEST = f"two-sided sign-flip test of each seed's mean over all other settings, {OWN_FAMILY}"
Row = dict[Any, Any]


def factors(tables: Tables) -> Iterator[Finding]:
    """Yield, of each setting whose levels are separated, which of them are and by how much."""
    for factor, _ in _by_factor(tables):
        yield from of_factor(tables.effects, factor)


def of_factor(effects: pd.DataFrame, wanted: str) -> Iterator[Finding]:
    """Yield which levels of one factor are separated from its first, and by how much."""
    for factor, found in effects[(effects["factor"] == wanted) & (effects["n"] > 0)].groupby("factor", sort=False):
        rows = found.to_dict("records")
        parts = [row for row in rows if row["p_family"] <= SIGNIFICANT and row["better"]]
        if not parts:
            continue
        name, words = str(factor), parts[0]["score_words"]
        first = level(name, parts[0]["first"])
        if len(parts) == 1:
            row = parts[0]
            by = _by(row)
            sentence = (
                f"With {factor} = {level(name, row['level'])} the {words} is {by} than with {first}{_extent(row)}"
            )
        else:
            each = [f"{_by(row)} with {level(name, row['level'])}{_extent(row)}" for row in parts]
            sentence = f"Compared with {factor} = {first}, the {words} is {listed(each)}"
        seeds = listed(sorted({row["n"] for row in parts}), "or")
        p = number(max(row["p_family"] for row in parts), 2)
        yield Finding("found", f"{sentence}.", f"median of {seeds} seeds, p at most {p}, {OWN_FAMILY}", compares=True)


def undecided(effects: pd.DataFrame, wanted: str) -> Iterator[Finding]:
    """Yield how the levels of one factor differ that these seeds do not separate from its first."""
    for row in effects[(effects["factor"] == wanted) & (effects["n"] > 0)].to_dict("records"):
        if row["p_family"] <= SIGNIFICANT and row["better"]:
            continue
        by = f"{_by(row)} than" if row["better"] else "the same as"
        apart = f"these seeds do not separate the two (p = {number(row['p_family'], 2)})"
        if row["smallest_p"] > SIGNIFICANT:
            apart = f"{counted(row['n'], 'seed')} cannot separate the two"
        yield Finding(
            "not_shown",
            f"With {wanted} = {level(wanted, row['level'])} the {row['score_words']} is {by} with "
            f"{level(wanted, row['first'])} in the median seed{_extent(row)}: {apart}.",
            TEST,
            compares=True,
        )


def open_factors(tables: Tables) -> Iterator[Finding]:
    """Yield which settings' levels are not separated, or that settings are told without a test."""
    open_: list[str] = []
    tested = list(_by_factor(tables))
    for factor, rows in tested:
        left = [level(factor, row["level"]) for row in rows if row["p_family"] > SIGNIFICANT]
        if left:
            open_.append(f"{factor} ({listed(left)} against {level(factor, rows[0]['first'])})")
    if open_:
        few = sorted({row["n"] for _, rows in tested for row in rows if row["smallest_p"] > SIGNIFICANT})
        also = f"; {listed([counted(n, 'seed') for n in few], 'or')} cannot separate levels here" if few else ""
        yield Finding("not_shown", capital(f"settings not separated by these seeds: {listed(open_)}{also}."), TEST)
    if not tested and _several(tables):
        yield Finding(
            "not_shown",
            "Settings are told, not compared: no seed has completed two of their levels with all else equal.",
        )


def _several(tables: Tables) -> bool:
    """Say whether a model was trained with several settings."""
    rows = tables.conditions
    settings = [known(values) for values in rows[["task", "model", *tables.factors]].to_numpy(object)]
    return len(set(settings)) > len(rows[["task", "model"]].drop_duplicates())


def _by_factor(tables: Tables) -> Iterator[tuple[str, list[Row]]]:
    """Yield each setting with its levels that some seed has beside the first."""
    table = tables.effects
    if table.empty:
        return
    for factor, rows in table[~table["factor"].isin(DESIGN) & (table["n"] > 0)].groupby("factor", sort=False):
        yield str(factor), rows.to_dict("records")


def _by(row: Row) -> str:
    """Return how much lower or higher a level's score is than the first one's."""
    side = "lower" if row["better"] == "level" else "higher"
    effect = float(row["effect"])
    ratio = (1 / effect if effect else math.inf) if side == "lower" else effect
    if not math.isfinite(ratio):
        return f"{side} without a bound"
    if pd.isna(ratio) or ratio < NO_LESS:
        return side
    return f"{factor_words(ratio)} times {side}"


def _extent(row: Row) -> str:
    """Return in how many of the other settings a level's effect is the same, where there are several."""
    if row["settings"] < 2:
        return ""
    return f" (the same way in {row['same_way']} of {row['settings']} conditions)"
