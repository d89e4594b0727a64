"""What ``unroll show`` prints of early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.cli.layout import LISTED, Layout, figures, heading, prose
from unroll.wording import setting, short_names

if TYPE_CHECKING:
    from unroll.reading import Results


def early_stopping_tables(results: Results) -> list[Layout]:
    """Return the table of where early stopping ended the trainings, if a complete trial was trained with it."""
    frame = results.early_stopping()
    if frame.empty:
        return []
    factors = results.factors
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))),
            *(figures("ended early"), prose("epochs trained, each seed", 2), prose("best epoch, each seed", 1)),
        ),
        title="Early stopping: the weights of the best epoch are tested and stored",
    )
    for _, row in frame.iterrows():
        table.add(
            *(row["task"], row["model"], f"{row['length']:,}", *(setting(row[factor]) for factor in factors)),
            f"{row['stopped']}/{row['n']}",
            *(LISTED.join(map(str, row[name])) for name in ("epochs_trained", "best_epoch")),
        )
    return [table]
