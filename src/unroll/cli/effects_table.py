"""What ``unroll show`` prints of the effects of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.analysis.effects import DESIGN
from unroll.cli.layout import Layout, figures, heading, prose
from unroll.wording import MISSING, number, setting

if TYPE_CHECKING:
    from unroll.reading import Results

CAPTION = (
    "score: divided by the first level's, the median of the seeds; same way: in how many combinations of the other "
    "factors; p: corrected for all settings"
)


def effects_tables(results: Results) -> list[Layout]:
    """Return the table of the levels of each setting, against its first, if any two were tried with all else equal."""
    frame = results.effects()
    frame = frame[~frame["factor"].isin(DESIGN) & (frame["n"] > 0)]
    if frame.empty:
        return []
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
            *(row["factor"], setting(row["first"]), setting(row["level"]), str(row["n"]), _ratio(row["effect"])),
            f"{_ratio(low)} to {_ratio(high)}" if low == low else MISSING,
            f"{row['same_way']}/{row['settings']}",
            f"{row['first_solved']}/{row['first_complete']} → {row['solved']}/{row['complete']}",
            number(row["p_family"], 2),
        )
    return [table]


def _ratio(value: float) -> str:
    return "unbounded" if value in (0, float("inf")) else f"× {number(value, 2)}"
