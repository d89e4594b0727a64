"""What commands print: tables for people, JSON for programs; always on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from unroll.wording import number

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from unroll.reading import Results

WIDE = 200
"""Columns for output that is not a terminal, where nothing should be cut."""


def print_json(value: Any) -> None:
    """Print plain data as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(table: Table) -> None:
    """Print a table, as wide as the terminal, or uncut where there is none."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def table_of(columns: Sequence[str], *, title: str | None = None, caption: str | None = None) -> Table:
    """Return an empty table; columns whose name begins with ">" are flush right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD,
        title=Text(title) if title else None,
        caption=Text(caption) if caption else None,
        title_justify="left",
        caption_justify="left",
    )
    for name in columns:
        table.add_column(Text(name.removeprefix(">")), justify="right" if name.startswith(">") else "left")
    return table


def conditions_table(results: Results) -> Table:
    """Return the table of a study's conditions, with the facts without which its numbers mean nothing."""
    from rich.text import Text

    frame = results.table()
    factors = results.factors
    unfinished = bool(frame["waiting"].sum() or frame["failed"].sum())
    table = table_of(
        [
            *(
                "task",
                "model",
                ">T",
                *factors,
                ">n",
                ">test MSE, mean",
                ">sd",
                "each seed",
                ">solved",
                ">s/epoch",
            ),
            *(">parameters", ">baseline", *(("state",) if unfinished else ())),
        ],
        title=results.study.name,
        caption=_caption(results),
    )
    for position, (_, row) in enumerate(frame.iterrows()):
        following = position + 1 < len(frame) and frame["model"].iloc[position + 1] != row["model"]
        state = [_state(row)] if unfinished else []
        solved = f"{row['solved']}/{row['complete']}"
        cells = [
            *(
                row["task"],
                row["model"],
                str(row["length"]),
                *("–" if row[factor] != row[factor] or row[factor] is None else str(row[factor]) for factor in factors),
            ),
            *(str(row["n"]), number(row["test_mse_mean"]), number(row["test_mse_std"])),
            "  ".join(number(loss) for loss in row["test_mse"]),
            *(
                solved,
                number(row["seconds_per_epoch"], 2),
                f"{row['parameters']:,}",
                f"{row['baseline']:.4f}",
                *state,
            ),
        ]
        table.add_row(*map(Text, cells), end_section=bool(following))
    return table


def _state(row: pd.Series[Any]) -> str:
    counts = [(row["complete"], "complete"), (row["failed"], "failed"), (row["waiting"], "waiting")]
    return ", ".join(f"{count} {name}" for count, name in counts if count)


def _caption(results: Results) -> str:
    facts: dict[str, str] = {}
    for trial in results.planned:
        variant = f", {trial.notes}" if trial.notes else ""
        facts[trial.task] = f"{trial.task}{variant}; solved: {trial.solved_metric} < {trial.solved_below:g}"
    seeds = sorted({trial.seed for trial in results.planned})
    listed = ", ".join(map(str, seeds[:8])) + (", …" if len(seeds) > 8 else "")
    protocol = f"protocol {results.study.protocol}; seeds {listed}; sd over seeds (n − 1)"
    return "\n".join([*facts.values(), protocol])
