"""What factors do, and models compared, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.effects import DESIGN
from unroll.analysis.sheets import by_condition, count
from unroll.layout import Column, Layout, figures, heading, prose
from unroll.wording import MISSING, capital, counted, labels, level, listed, number

if TYPE_CHECKING:
    from unroll.measures.source import Source
MOST_PAIRS = 10
CAPTION = (
    "score: divided by the first level's, the median of the seeds; same way: in how many combinations of the other "
    "factors; p: corrected for all settings"
)


def comparison(source: Source) -> Layout | None:
    """Return the models compared pair by pair, seed by seed, or None where no two have a seed in common."""
    frame = source.comparisons()
    frame = frame[frame["n"] > 0]
    if frame.empty:
        return None
    pairs = frame[["first", "second"]].drop_duplicates()
    frame = frame.merge(pairs.head(MOST_PAIRS), on=["first", "second"])
    shown = labels([*frame["first"], *frame["second"]])
    frame = frame.assign(
        model=[f"{shown[a]}, {shown[b]}" for a, b in zip(frame["first"], frame["second"], strict=True)]
    )
    cells: dict[Column, Callable[[Any], str]] = {
        prose("compared by"): lambda row: row["quantity"],
        figures("n"): lambda row: count(row["n"]),
        figures("effect"): lambda row: _effect(row, row["effect"]),
        figures("95 % interval"): lambda row: (
            MISSING if pd.isna(row["low"]) else f"{_effect(row, row['low'])} to {_effect(row, row['high'])}"
        ),
        prose("better in"): _better,
        figures("p"): lambda row: number(row["p"], 2),
        figures("p, corrected"): lambda row: number(row["p_family"], 2),
        figures("smallest"): lambda row: number(row["smallest_p"], 2),
    }
    note = (
        "Of each seed the first model's test loss, error or updates until solved divided by the second's, or the steps "
        "by which its span is longer; median, and an exact interval from six seeds on. p: sign-flip test over the "
        "seeds, then corrected for all comparisons here; the smallest corrected p is what n seeds can give at best. A "
        "trial that never solves the task is later than any."
    )
    few = sorted({n for n, p in zip(frame["n"], frame["smallest_p"], strict=True) if p > SIGNIFICANT})
    if few:
        note += f" {capital(listed([counted(n, 'seed') for n in few], 'or'))} cannot separate two models here."
    if len(pairs) > MOST_PAIRS:
        note += f" The first {MOST_PAIRS} of {len(pairs)} pairs."
    return by_condition(
        "comparison", "Models compared, seed by seed", note, frame, source.factors, cells, first="models"
    )


def effects(source: Source) -> Layout | None:
    """Return what each level of each factor does to the score, or None where no setting has two levels to compare."""
    frame = source.effects()
    frame = frame[frame["n"] > 0]
    if frame["factor"].isin(DESIGN).all():
        return None
    note = (
        "Ratio: the level's score divided by the first level's, within a seed over all combinations of the other "
        "factors that both have; median of the n seeds, and an exact interval from six seeds on. Same way: in how many "
        "of these combinations the median seed agrees. p: sign-flip test over the seeds, then corrected for all "
        "settings; task, model and length are corrected for themselves. Models are tested place by place in the "
        "comparisons, a family of their own: with one for all, six seeds could not separate two models here."
    )
    columns = [replace(heading(name), group=True) for name in ("factor", "first level")] + [prose("level")]
    columns += [
        figures(name)
        for name in (
            *("n", "ratio", "95 % interval", "same way in", "solved", "first level's", "updates"),
            *("first level's updates", "p", "p, corrected", "smallest"),
        )
    ]
    layout = Layout(columns, "Effects of factors", note, name="effects")
    for row in frame.to_dict("records"):
        layout.add(
            *(row["factor"], level_of(row["factor"], row["first"]), level_of(row["factor"], row["level"])),
            *(count(row["n"]), _ratio(row["effect"])),
            MISSING if pd.isna(row["low"]) else f"{_ratio(row['low'])} to {_ratio(row['high'])}",
            f"{row['same_way']} of {row['settings']}",
            *(f"{row[f'{side}solved']} of {row[f'{side}complete']}" for side in ("", "first_")),
            *(count(row[f"{side}updates"]) for side in ("", "first_")),
            *(number(row[p], 2) for p in ("p", "p_family", "smallest_p")),
        )
    return layout


def settings(source: Source) -> Layout | None:
    """Return a terminal's table of the levels of each setting against its first; None where no two can be compared."""
    frame = source.effects()
    frame = frame[~frame["factor"].isin(DESIGN) & (frame["n"] > 0)]
    if frame.empty:
        return None
    table = Layout(
        (
            *(heading("setting"), heading("against", right=True), heading("level", right=True), figures("seeds")),
            *(figures("score"), prose("95 % interval"), figures("same way"), figures("solved"), figures("p")),
        ),
        title="Effects of settings",
        caption=CAPTION,
    )
    for row in frame.to_dict("records"):
        low, high = row["low"], row["high"]
        table.add(
            *(
                row["factor"],
                level(row["factor"], row["first"]),
                level(row["factor"], row["level"]),
                str(row["n"]),
                _ratio(row["effect"]),
            ),
            f"{_ratio(low)} to {_ratio(high)}" if low == low else MISSING,
            f"{row['same_way']}/{row['settings']}",
            f"{row['first_solved']}/{row['first_complete']} → {row['solved']}/{row['complete']}",
            number(row["p_family"], 2),
        )
    return table


def level_of(factor: str, value: Any) -> str:
    """Return a level of a factor as a table shows it."""
    if factor in ("task", "model"):
        return labels([str(value)])[str(value)]
    return count(value) if factor == "length" else level(factor, value)


def _ratio(value: float) -> str:
    return "unbounded" if value in (0, float("inf")) else f"× {number(value, 2)}"


def _effect(row: Any, value: float) -> str:
    if row["quantity"] == "span":
        return f"{signed(value)} steps"
    return f"× {number(value, 2)}" if value != float("inf") else "× ∞"


def _better(row: Any) -> str:
    first, ties = row["first_better"], row["ties"]
    second = row["n"] - first - ties
    if first == second:
        return f"each {first} of {row['n']}" if first else "none: the same"
    winner, wins = (row["first"], first) if first > second else (row["second"], second)
    return f"{labels([row['first'], row['second']])[winner]}, {wins} of {row['n']}"


def signed(value: Any) -> str:
    """Return a difference with its sign."""
    text = number(value, 2)
    return text if text == MISSING else f"+{text}" if value > 0 else text
