"""What became of a prompt, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unroll.analysis.sheets import in_order
from unroll.layout import Layout, figures, heading, prose
from unroll.measures.horizons.sheet import with_constants
from unroll.wording import level, number, percent, short_names

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source


SHOWN = 8
"""Values of a continuation that fit on a screen."""


def on_a_terminal(source: Source) -> Layout | None:
    """Return what each condition made of the prompt: of its trials the one with the median error, and the truth."""
    frame = in_order(source.measure("continuation"))
    if frame.empty:
        return None
    factors = source.factors
    steps = min(SHOWN, int(frame["step"].max()))
    bounded = bool(frame["output_ceiling"].notna().any())
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))),
            figures("seed", 3),
            *(figures(str(step)) for step in range(1, steps + 1)),
            *((figures("cannot pass", 1),) if bounded else ()),
            *(figures("error at the end"), prose("over seeds", 2)),
        ),
        title="After the prompt: the continuation with the median error of each condition",
        name="continuation",
        caption=with_constants(
            source,
            "cannot pass: the bound that a state within [-1, 1] puts on the output, |w|₁ + |b|" if bounded else "",
        ),
    )
    told: set[Any] = set()
    head = ["task", "model", "length", *factors]
    for _, group in frame.groupby(head, sort=False, dropna=False):
        reached = min(steps, int(group["step"].max()))
        last = group[group["step"] == reached].sort_values("relative_error", kind="stable")
        chosen = last.iloc[(len(last) - 1) // 2]
        values = group[(group["key"] == chosen["key"]) & (group["step"] <= steps)]
        truth = tuple(values["truth"])
        blank = [""] * (steps - reached)
        place = (chosen["task"], chosen["length"], str(truth))
        if place not in told and values["truth"].notna().all():
            told.add(place)
            empty = [""] * (len(table.columns) - 4 - len(factors) - len(truth))
            cells = [
                chosen["task"],
                "truth",
                f"{chosen['length']:,}",
                *[""] * len(factors),
                "",
                *(_short(value) for value in truth),
                *empty,
            ]
            table.add(*cells, apart=True, bold=True)
        errors = group[group["step"] == reached]["relative_error"]
        cells = [
            *(chosen["task"], chosen["model"], f"{chosen['length']:,}"),
            *(*(level(factor, chosen[factor]) for factor in factors), str(chosen["seed"])),
            *(*(_short(value) for value in values["value"]), *blank),
            *((number(chosen["output_ceiling"]),) if bounded else ()),
            *(percent(chosen["relative_error"]), _range(errors)),
        ]
        table.add(*cells)
    return table


def _range(errors: pd.Series[float]) -> str:
    low, high = percent(errors.min()), percent(errors.max())
    return low if low == high else f"{low} – {high}"


def _short(value: float) -> str:
    """Return a value of a sequence in four digits."""
    return "0" if abs(value) < 1e-9 else f"{value:.4g}"
