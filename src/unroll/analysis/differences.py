"""Sentences on which model is better than which, where the seeds separate them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.finding import Finding, Tables, under
from unroll.wording import capital, listed, measured, number

MOST_SETTINGS = 3
"""Settings that are told one by one; of more, only in how many comparisons models are separated."""
SAID = {
    "loss": ("has a lower {loss} than {worse} on {problem}", "have a lower {loss} than {worse} on {problem}"),
    "error": (
        "is nearer to the truth than {worse}, free-running on {problem}",
        "are nearer to the truth than {worse}, free-running on {problem}",
    ),
    "updates": (
        "solves {problem} after fewer updates than {worse}",
        "solve {problem} after fewer updates than {worse}",
    ),
    "span": ("solves {problem} at greater lengths than {worse}", "solve {problem} at greater lengths than {worse}"),
}
"""What is said of one model and of several, by the quantities of which there are sentences."""
NEVER = "; a trial that never solves it counts as later than any"
MILLION = 1e6
NO_LESS = 1.005
"""A factor below it, in the median seed, would be told as 1.00: most seeds can be alike, and the others on one side."""

Row = dict[Any, Any]


def differences(tables: Tables) -> Iterator[Finding]:
    """Yield what the family of tests separates: one finding for all that are better than a model at the same T.

    Tasks that are judged by how far models run freely on them are compared by that, and by nothing else.
    """
    for task, of_task in tables.comparisons.groupby("task", sort=False):
        rows = [row for row in of_task.to_dict("records") if row["n"]]
        several = len(dict.fromkeys(_setting(row, tables.factors) for row in rows)) > MOST_SETTINGS
        for quantity in ("error",) if task in tables.judged else SAID:
            by_pair: dict[tuple[str, str, str], list[Row]] = {}
            for row in rows:
                if row["quantity"] == quantity and row["p_family"] <= SIGNIFICANT:
                    sides = (row["first"], row["second"]) if row["better"] == "first" else (row["second"], row["first"])
                    where = "" if several else _setting(row, tables.factors)
                    by_pair.setdefault((*sides, where), []).append(row)
            alike: dict[tuple[str, str, str], dict[str, list[Row]]] = {}
            for (better, worse, where), found in by_pair.items():
                extent = _counted(rows, quantity, {better, worse}, found) if several else _lengths(found)
                alike.setdefault((worse, where, extent), {})[better] = found
            for (worse, where, extent), winners in alike.items():
                all_rows = [row for found in winners.values() for row in found]
                said = SAID[quantity][len(winners) > 1].format(
                    worse=tables.words.named(worse), problem=tables.words.problem(task), loss=all_rows[0]["score_words"]
                )
                by = "" if several else _by(quantity, all_rows)
                sentence = f"{where}{listed([tables.words.named(better) for better in winners])} {said}{extent}{by}."
                yield Finding("found", capital(sentence), _evidence(quantity, all_rows), compares=True)


def _counted(rows: Sequence[Row], quantity: str, pair: set[str], found: Sequence[Row]) -> str:
    tried = sum(row["quantity"] == quantity and {row["first"], row["second"]} == pair for row in rows)
    over = "settings" if quantity == "span" else "lengths and settings"
    return f" in {len(found)} of {measured(tried, 'comparison')} over {over}"


def _lengths(rows: Sequence[Row]) -> str:
    lengths = sorted(int(row["length"]) for row in rows if pd.notna(row["length"]))
    return " at T = " + listed([f"{length:,}" for length in lengths]) if lengths else ""


def _by(quantity: str, rows: Sequence[Row]) -> str:
    """Return by how much, in the median seed: the least and the most where there are several."""
    if quantity == "span":
        steps = sorted((1 if row["better"] == "first" else -1) * float(row["effect"]) for row in rows)
        if steps[0] < 0.5:  # most seeds can be alike, and the others all on one side
            return ""
        least = "" if round(steps[0]) == round(steps[-1]) else f"{steps[0]:,.0f} to "
        return f", by {least}{measured(steps[-1], 'step')} in the median seed"
    ratios = sorted(_times(row) for row in rows)
    if ratios[0] < NO_LESS or not math.isfinite(ratios[-1]):  # a median against the mean of all, or without a bound
        return ""
    return f", by a factor of {_range([factor_words(ratio) for ratio in ratios])} in the median seed"


def _range(texts: Sequence[str]) -> str:
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"


def _times(row: Row) -> float:
    """Return how many times the better one's value the other's is."""
    effect = float(row["effect"])
    return effect if row["better"] == "second" else 1 / effect if effect else math.inf


def factor_words(ratio: float) -> str:
    """Return a ratio as a sentence says it."""
    if ratio >= MILLION:
        return "more than a million"
    return f"{float(f'{ratio:.2g}'):,.0f}" if ratio >= 10 else number(ratio, 2 if ratio >= 1.1 else 3)


def _evidence(quantity: str, rows: Sequence[Row]) -> str:
    pairs, p = listed(sorted({row["n"] for row in rows}), "or"), number(max(row["p_family"] for row in rows), 2)
    never = NEVER if quantity == "updates" else ""
    return f"paired over {pairs} seeds, p at most {p}, corrected for all comparisons of the study{never}"


def _setting(row: Row, factors: Sequence[str]) -> str:
    """Return a setting as the beginning of a sentence, "" where none varies."""
    settings = under(factors, row)
    return f"with {settings}, " if settings else ""
