"""How far models can run freely, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.analysis.nearness import CLOSE, STEP
from unroll.analysis.overlap import constants
from unroll.analysis.settings import grouped
from unroll.analysis.sheets import INPUTS, count, in_order, in_sections, inputs, several
from unroll.layout import Layout, each, figures, heading
from unroll.measures.horizons.table import REGIMES, ahead
from unroll.wording import level, listed, percent, short_names

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source


AHEAD = {1: 0, 2: 8, 4: 8, STEP: 0, 16: 7, 32: 0, 64: 7}
"""Horizons that are shown, and how soon each is left out where there is no room for all."""
WITHIN = "within"


def with_constants(source: Source, text: str) -> str:
    """Return a table's caption, and in which conditions the code has made a constant of the task."""
    found = constants(source.measure("horizons"), source.factors)
    said = f"{listed(found)}: the code leaves fewer than three different inputs, so the task has become a constant"
    return "\n".join(filter(None, [text, said if found else ""]))


def layout(source: Source) -> Layout | None:
    """Return how far each condition runs freely: median relative errors on test sequences, by regime."""
    factors = source.factors
    frame = in_order(source.measure("horizons"))
    frame = ahead(frame, factors)  # a task that asks for one value has no horizon: its errors are in the other tables
    if frame.empty:
        return None
    beyond = [regime for regime in frame["regime"].unique() if regime != WITHIN]
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))),
            *(figures("n"), figures("of", 2)),
            *(
                figures("truth fed", 1),
                *(figures(f"{step} ahead", spare) for step, spare in AHEAD.items()),
                figures("1 % up to"),
            ),
            *(figures(REGIMES.get(regime, regime)) for regime in beyond),
            *(
                each(f"each trial {STEP} ahead", 6),
                figures("trained on", 4),
                figures("tested on", 5),
                figures("seen", 3),
            ),
        ),
        title="Free-running: median relative error on test sequences, of the trained range of parameters and others",
        name="horizons",
        caption=with_constants(
            source,
            "n: trials; of: the test sequences of each of them that its median is over\n"
            f"truth fed: the error of one step at place {STEP}, the true values before it known; 1 % up to: steps "
            f"before the error passes 1 %\n{', '.join(REGIMES.get(regime, regime) for regime in beyond)}: the error "
            f"{STEP} steps ahead; a dash where the code gives no other inputs than those of the trained range\n"
            f"{INPUTS}",
        ),
    )
    rows = []
    for _, group in grouped(frame, ["task", "model", "length", *factors]):
        first = group.iloc[0]
        errors = {(row["regime"], row["horizon"]): row["relative_error"] for _, row in group.iterrows()}
        within = group[group["regime"] == WITHIN].set_index("horizon").sort_index()
        cells = [
            *(first["task"], first["model"], f"{first['length']:,}"),
            *(*(level(factor, first[factor]) for factor in factors), str(first["n"])),
            count(within["sequences"].min()),
            *(percent(within["one_step_error"].get(STEP)), *(percent(errors.get((WITHIN, h))) for h in AHEAD)),
            *(_reach(within["relative_error"]), *(percent(errors.get((regime, STEP))) for regime in beyond)),
            several(map(percent, within["each_seed"].get(STEP, ()))),
            *inputs(first),
        ]
        rows.append(cells)
    return in_sections(table, rows)


def _reach(errors: pd.Series[float]) -> str:
    """Return the last horizon before an error passes 1 %, and a sign where none does."""
    passed = [place for place, error in enumerate(errors) if not error <= CLOSE]
    return str(passed[0]) if passed else f"≥ {len(errors)}"
