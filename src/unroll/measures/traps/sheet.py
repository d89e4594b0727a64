"""What each trap was worth, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.analysis.nearness import STEP
from unroll.analysis.sheets import INPUTS, count, in_order, in_sections, inputs, several
from unroll.layout import Column, Layout, figures, heading, prose
from unroll.measures.horizons.sheet import with_constants
from unroll.measures.traps.table import TRAPS
from unroll.wording import level, number, percent, short_names

if TYPE_CHECKING:
    from unroll.measures.source import Source


def layout(source: Source) -> Layout | None:
    """Return what each trap was worth; None where all conditions have the same."""
    frame = source.measure("traps")
    frame = in_order(frame.sort_values("off", key=lambda names: names.map(len), kind="stable"))
    if frame.empty or frame["off"].map(tuple).nunique() < 2:
        return None
    further = [factor for factor in source.factors if factor in frame]
    further = [factor for factor in further if factor not in TRAPS or frame[factor].nunique() > 2]
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(further))),
            Column("traps turned off", head=True, words=True),
            *(figures("n"), figures(f"error at {STEP}"), prose("each seed", 3), figures("one step", 1)),
            *(figures("after the prompt", 2), figures("worth"), figures("of", 5)),
            *(figures("trained on", 6), figures("tested on", 7), figures("seen", 4)),
        ),
        title="The notebook's traps, and what each was worth",
        name="traps",
        caption=with_constants(
            source,
            "error: free-running, relative, median over so many test sequences (of); worth: the error with every trap "
            f"on / this\n{INPUTS}",
        ),
    )
    rows = []
    for _, row in frame.iterrows():
        cells = [
            *(row["task"], row["model"], f"{row['length']:,}", *(level(factor, row[factor]) for factor in further)),
            *(", ".join(row["off"]) or "none", str(row["n"]), percent(row["relative_error"])),
            several(map(percent, row["relative_error_8"])),
            *(percent(row["one_step_error"]), percent(row["prompt_error"])),
            "–" if row["worth"] != row["worth"] else f"× {number(row['worth'], 2)}",
            *(count(row["sequences"]), *inputs(row)),
        ]
        rows.append(cells)
    return in_sections(table, rows)
