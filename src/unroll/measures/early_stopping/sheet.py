"""Where early stopping ended trainings, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.analysis.sheets import count, several
from unroll.layout import Layout, each, figures, heading
from unroll.wording import level, short_names

if TYPE_CHECKING:
    from unroll.measures.source import Source

TITLE = "Early stopping: the weights of the best epoch are tested and stored"
CAPTION = "The best epoch has the lowest validation loss."


def early_stopping(source: Source) -> Layout | None:
    """Return where trainings ended and which epoch was best; None where no complete trial was trained with it."""
    frame = source.measure("early_stopping")
    if frame.empty:
        return None
    factors = source.factors
    columns = [heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))]
    columns += [figures("ended early"), each("epochs trained, each seed", 2), each("best epoch, each seed", 1)]
    columns += [figures("epochs asked for", 3)]
    layout = Layout(columns, TITLE, CAPTION, name="early_stopping")
    for _, row in frame.iterrows():
        layout.add(
            *(row["task"], row["model"], f"{row['length']:,}", *(level(factor, row[factor]) for factor in factors)),
            f"{row['stopped']} of {row['n']}",
            *(several(map(str, row[name])) for name in ("epochs_trained", "best_epoch")),
            count(row["epochs"]),
        )
    return layout
