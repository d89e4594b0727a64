"""The map of lag and capacity, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unroll.analysis.settings import grouped
from unroll.analysis.sheets import INPUTS, in_sections, inputs
from unroll.layout import Cell, Layout, figures, heading
from unroll.measures.window_lag.table import further as beside
from unroll.wording import level, short_names

if TYPE_CHECKING:
    from unroll.measures.source import Source
    from unroll.terminal import Text


SOLVED_COLOUR, LOST_COLOUR = "green", "dim"


def layout(source: Source) -> Layout | None:
    """Return how much of the announced value stays unexplained; None where there is only one lag."""
    frame = source.measure("window_lag")
    lags = sorted(frame["length"].unique())
    if len(lags) < 2:
        return None
    further = beside(frame, source.factors)
    table = Layout(
        (
            *(
                heading("model"),
                *map(heading, short_names(further)),
                heading("memory"),
                *(figures(f"lag {lag}") for lag in lags),
            ),
            *(figures("parameters", 1), figures("trained on", 3), figures("tested on", 4), figures("seen", 2)),
        ),
        title="How much of the announced value stays unexplained: test MSE / its variance, median over seeds",
        name="window_lag",
        caption=f"0 %: always known; 100 %: nothing remembered\n{INPUTS}",
    )
    rows: list[list[Cell]] = []
    for head, group in grouped(frame, ["model", "capacity", *further]):
        shares = dict(zip(group["length"], group["unexplained"], strict=True))
        low, high = group["parameters"].min(), group["parameters"].max()
        rows.append(
            [
                *(str(head["model"]), *(level(factor, head[factor]) for factor in further)),
                f"{group['capacity_name'].iloc[0]} {head['capacity']}",
                *(_share(shares.get(lag)) for lag in lags),
                f"{low:,}" if low == high else f"{low:,} to {high:,}",
                *inputs(group[["train_inputs", "test_inputs", "test_seen"]].median()),
            ]
        )
    return in_sections(table, rows)


def _share(share: Any) -> Text:
    from unroll.terminal import Text

    if share is None or share != share:
        return Text("–")
    text = f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
    return Text(text, style=SOLVED_COLOUR if share < 0.03 else LOST_COLOUR if share > 0.9 else "")
