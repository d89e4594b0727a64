"""The test loss of each condition, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from unroll.analysis.sheets import baseline, by_condition, count, in_title, interval, of_second, second, seen, several
from unroll.layout import Column, Layout, each, figures
from unroll.wording import MISSING, capital, listed, loss_words, number, without

if TYPE_CHECKING:
    from unroll.measures.source import Source


def loss(source: Source) -> Layout:
    """Return the test loss of each condition, with n, every seed, interval and baseline."""
    frame = source.table()
    cells: dict[Column, Callable[[Any], str]] = {
        figures("n"): lambda row: count(row["n"]),
        figures("median"): lambda row: number(row["score_median"]),
        figures("range"): lambda row: interval(row["score_min"], row["score_max"], 2),
        **(
            {figures("95 % interval"): lambda row: interval(row["score_median_low"], row["score_median_high"], 2)}
            if frame["score_median_low"].notna().any()
            else {}
        ),
        each("each seed"): lambda row: several(map(number, row["scores"])),
        **{figures(counted.words): _median(name) for name, counted in source.told.counted.items()},
        **({figures("chance"): lambda row: number(row["chance"])} if frame["chance"].notna().any() else {}),
        **second(frame),
        figures("÷\N{NO-BREAK SPACE}baseline"): lambda row: number(row["ratio"], 2),
        figures("better than it"): _left,
        **seen(frame),
        **baseline(frame),
    }
    note = (
        "Over the n complete seeds. Interval: exact, for the median, whatever the losses' distribution; fewer than six "
        f"seeds have none. Baseline: the loss of {without(frame['memoryless'])}; a seed is better than it by a paired "
        "test over its test sequences, against the best constant for these, corrected for the seeds."
    )
    if source.told.counted:
        words = capital(listed([counted.words for counted in source.told.counted.values()]))
        note += f" {words}: medians over the seeds."
    if frame["chance"].notna().any():
        note += " Chance: the accuracy of the best answer that sees no input."
    second_line = of_second(frame)
    note += f" {capital(second_line)}." if second_line else ""
    if frame["better"].isna()[frame["complete"] > 0].any():
        note += " Not recorded: trials that are older than this measure; forgotten and run again they record it."
    return by_condition(
        "loss", f"{capital(loss_words(frame['score_words']))}{in_title(frame)}", note, frame, source.factors, cells
    )


def _median(name: str) -> Callable[[Any], str]:
    return lambda row: number(row[f"{name}_median"])


def _left(row: Any) -> str:
    if not row["complete"]:
        return MISSING
    return "not recorded" if pd.isna(row["better"]) else f"{row['better']:.0f} of {row['complete']}"
