"""The columns of the table of conditions, as papers and pages show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unroll.wording import counted, label, listed, number

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column as text; ``numeric`` ones are flush right."""

    name: str
    cells: list[str]
    numeric: bool


def columns(
    table: pd.DataFrame, factors: Sequence[str], text: Callable[[str], str], amount: Callable[[float | None, int], str]
) -> list[Column]:
    """Return the columns of the conditions table; ``text`` escapes words, ``amount`` writes a number with its digits.

    There is a column of tasks where there are several, and a column of states where a trial failed or is missing.
    """
    rows = table.to_dict("records")
    found = [
        *([Column("task", [text(label(row["task"])) for row in rows], False)] if table["task"].nunique() > 1 else []),
        Column("model", [text(label(row["model"])) for row in rows], False),
        Column("T", [str(row["length"]) for row in rows], True),
        *(Column(factor, [text(str(row[factor])) for row in rows], False) for factor in factors),
        Column("n", [str(row["n"]) for row in rows], True),
        Column("test MSE", [amount(row["test_mse_mean"], 3) for row in rows], True),
        Column("95 % interval", [_interval(row, amount) for row in rows], True),
        Column("sd", [amount(row["test_mse_std"], 3) for row in rows], True),
        Column("median", [amount(row["test_mse_median"], 3) for row in rows], True),
        Column("solved", [f"{row['solved']}/{row['n']}" for row in rows], True),
        Column("s/epoch", [amount(row["seconds_per_epoch"], 3) for row in rows], True),
        Column("parameters", [f"{row['parameters']:,}" for row in rows], True),
        Column("baseline", [amount(row["baseline"], 4) for row in rows], True),
    ]
    if table["failed"].any() or table["waiting"].any():
        found.append(Column("state", [_state(row) for row in rows], False))
    return [Column(text(column.name), column.cells, column.numeric) for column in found]


def caption(table: pd.DataFrame, title: str, deviation: bool = True) -> str:
    """Return what must be known of the numbers: n, the interval, the criterion, the variant, what is missing."""
    counts = sorted(set(table["n"]))
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    baselines = {number(value, 4) for value in table["baseline"]}
    baseline = f"baseline {baselines.pop()}" if len(baselines) == 1 else "baseline"
    facts = [
        f"{title}: test MSE, mean over n complete seeds (n = {n}), with Student's t-interval for 95 %",
        *(["sd: standard deviation over seeds (n − 1)"] if deviation else []),
        f"{baseline}: the loss of the best answer that remembers nothing",
    ]
    for task, rows in table.groupby("task", sort=False):
        criteria = {f"{row.solved_metric} < {row.solved_below:g}" for row in rows.itertuples()}
        notes = [note for note in dict.fromkeys(rows["notes"]) if note]
        facts.append(f"{', '.join([str(task), *notes])}, solved: {listed(sorted(criteria), 'or')}")
    missing = int(table["failed"].sum() + table["waiting"].sum())
    if missing:
        facts.append(f"{counted(missing, 'trial')} failed or not trained yet")
    return "; ".join(facts) + "."


def _interval(row: dict[Any, Any], amount: Callable[[float | None, int], str]) -> str:
    low, high = row["test_mse_low"], row["test_mse_high"]
    return amount(None, 3) if low is None or low != low else f"[{amount(low, 3)}, {amount(high, 3)}]"


def _state(row: dict[Any, Any]) -> str:
    counts = [(row["complete"], "complete"), (row["failed"], "failed"), (row["waiting"], "missing")]
    return ", ".join(f"{count} {name}" for count, name in counts if count)
