"""The columns of the table of conditions, as papers and pages show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from unroll.analysis.sheets import NOTABLE
from unroll.quantity import Quantity
from unroll.wording import counted, labels, level, lines, listed, loss_words, number, percent, without

if TYPE_CHECKING:
    import pandas as pd


NONE: Mapping[str, Quantity] = MappingProxyType({})
"""Nothing that is counted beside the loss."""


@dataclass(frozen=True)
class Column:
    """A column as text; ``numeric`` ones are flush right."""

    name: str
    cells: list[str]
    numeric: bool


def columns(
    table: pd.DataFrame,
    factors: Sequence[str],
    text: Callable[[str], str],
    amount: Callable[[float | None, int], str],
    counted: Mapping[str, Quantity],
) -> list[Column]:
    """Return the columns of the conditions table; ``text`` escapes words, ``amount`` writes a number with its digits.

    ``counted`` is what is counted beside the loss, by the metrics' names: see ``Results.counted``.

    There is a column of tasks where there are several, and one of states where a trial failed, is damaged or missing.
    """
    rows = table.to_dict("records")
    tasks, models = labels(dict.fromkeys(table["task"])), labels(dict.fromkeys(table["model"]))
    found = [
        *([Column("task", [text(tasks[row["task"]]) for row in rows], False)] if table["task"].nunique() > 1 else []),
        Column("model", [text(models[row["model"]]) for row in rows], False),
        Column("T", [str(row["length"]) for row in rows], True),
        *(Column(factor, [text(level(factor, row[factor])) for row in rows], False) for factor in factors),
        Column("n", [str(row["n"]) for row in rows], True),
        Column(loss_words(table["score_words"]), [amount(row["score_median"], 3) for row in rows], True),
        Column("range", [_between(row, "min", "max", amount) for row in rows], True),
        *(
            [Column("95 % interval", [_between(row, "median_low", "median_high", amount) for row in rows], True)]
            if table["score_median_low"].notna().any()
            else []
        ),
        *_counted(table, amount, counted),
        Column("solved", [f"{row['solved']}/{row['n']}" for row in rows], True),
        Column("s/epoch", [amount(row["seconds_per_epoch"], 3) for row in rows], True),
        Column("parameters", [f"{row['parameters']:,}" for row in rows], True),
        Column("baseline", [amount(row["baseline"], 4) for row in rows], True),
        *_second(table, amount),
        *_seen(table, text),
    ]
    if table[["failed", "damaged", "waiting"]].to_numpy().any():
        found.append(Column("state", [_state(row) for row in rows], False))
    return [Column(text(column.name), column.cells, column.numeric) for column in found]


def _counted(
    table: pd.DataFrame, amount: Callable[[float | None, int], str], counted: Mapping[str, Quantity]
) -> list[Column]:
    """Return the columns of what is counted beside the loss, and of the accuracy that chance gives."""
    found = [
        Column(quantity.words, [amount(x, 3) for x in table[f"{name}_median"]], True)
        for name, quantity in counted.items()
    ]
    chance = [Column("chance", [amount(x, 3) for x in table["chance"]], True)]
    return [*found, *(chance if table["chance"].notna().any() else [])]


def _second(table: pd.DataFrame, amount: Callable[[float | None, int], str]) -> list[Column]:
    """Return the columns of each second line, by its name: its loss, and its accuracy where there is one."""
    found = []
    for name in dict.fromkeys(table["second_name"].dropna()):
        mine = table["second_name"] == name
        for what, heading in (("second_loss", name), ("second_accuracy", f"{name}, accuracy")):
            values = table[what].where(mine)
            if values.notna().any():
                found.append(Column(heading, [amount(x, 3) for x in values], True))
    return found


def _seen(table: pd.DataFrame, text: Callable[[str], str]) -> list[Column]:
    """Return the column of the share of test inputs that training has seen, where that is notable."""
    if not (table["test_seen"] > NOTABLE).any():
        return []
    return [Column("tests seen", [text(percent(share)) for share in table["test_seen"]], True)]


def caption(table: pd.DataFrame, title: str) -> str:
    """Return what must be known of the numbers: n, the interval, the criterion, the variant, what is missing."""
    counts = sorted(set(table["n"]))
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    baselines = {number(value, 4) for value in table["baseline"]}
    baseline = f"baseline {baselines.pop()}" if len(baselines) == 1 else "baseline"
    facts = [
        f"{title}: {loss_words(table['score_words'])}, median and range over n complete seeds (n = {n})",
        *(["interval: exact, for the median"] if table["score_median_low"].notna().any() else []),
        f"{baseline}: the loss of {without(table['memoryless'])}",
        *([said] if (said := lines(zip(table["second_name"], table["second_words"], strict=True))) else []),
    ]
    for task, rows in table.groupby("task", sort=False):
        criteria = set(rows["criterion"])
        notes = [note for note in dict.fromkeys(rows["notes"]) if note]
        facts.append(f"{', '.join([str(task), *notes])}, solved: {listed(sorted(criteria), 'or')}")
    missing = int(table[["failed", "damaged", "waiting"]].to_numpy().sum())
    if missing:
        facts.append(f"{counted(missing, 'trial')} failed, damaged or not trained yet")
    return "; ".join(facts) + "."


def _between(row: dict[Any, Any], least: str, most: str, amount: Callable[[float | None, int], str]) -> str:
    low, high = row[f"score_{least}"], row[f"score_{most}"]
    return amount(None, 3) if low is None or low != low else f"[{amount(low, 3)}, {amount(high, 3)}]"


def _state(row: dict[Any, Any]) -> str:
    counts = [
        *((row["complete"], "complete"), (row["failed"], "failed")),
        *((row["damaged"], "damaged"), (row["waiting"], "missing")),
    ]
    return ", ".join(f"{count} {name}" for count, name in counts if count)
