"""How much each model keeps, in words: told, not ranked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.finding import Finding, Words, under
from unroll.analysis.settings import grouped
from unroll.measures.memory.table import is_none
from unroll.wording import at_most, capital, label, listed

MOST = 6
"""Sentences of one task; of more settings the table tells."""


def kept(row: Any) -> str:
    """Return what a condition keeps: "7.2 of 10 symbols over 100 steps", "24 of 100 steps", "at least 1.1 of 3.3 bits".

    Of bits it is a bound from below: a network may hold more than its answers show.
    """
    return f"{_amount(row)}{_of(row)}{_over(row)}"


def sentences(words: Words, frame: pd.DataFrame, factors: Sequence[str]) -> Iterator[Finding]:
    """Yield a sentence for each task and setting; ``frame``: the table of the measure."""
    for task, of_task in frame.groupby("task", sort=False):
        blocks = list(grouped(of_task, factors)) if factors else [({}, of_task)]
        if len(blocks) > MOST:
            continue
        for head, rows in blocks:
            setting = under(factors, head)
            where = f"On {words.problem(str(task))}{f' with {setting}' if setting else ''}"
            said = _said(words, rows)
            evidence = "; ".join(
                f"{label(row['model'])} at T = {row['length']:,} {', '.join(f'{one:.1f}' for one in row['each_seed'])}"
                for row in rows.to_dict("records")
            )
            told = listed(said) if rows["length"].nunique() == 1 else "; ".join(said)
            yield Finding("found", capital(f"{where}, {told}."), f"medians over seeds; each seed: {evidence}")


def _said(words: Words, rows: pd.DataFrame) -> list[str]:
    """Return what each model keeps; where all are asked for the same, what there is to be kept is said once."""
    models = rows.groupby("model", sort=False)
    same = all(rows[name].nunique() == 1 for name in ("unit", "most", "length"))
    told, found = False, []  # told: what there is to be kept
    for place, (model, mine) in enumerate(models):
        row, name = mine.iloc[0], words.named(model)
        if same and place and (told or is_none(row)):
            found.append(f"{name} {'nothing' if is_none(row) else _amount(row)}")
        elif same and place:
            found.append(f"{name} {kept(row)}")
        else:
            found.append(f"{name} keeps {_told(mine.sort_values('length').to_dict('records'))}")
        told = told or not is_none(row)
    return found


def _told(rows: Sequence[dict[Any, Any]]) -> str:
    """Return what one model keeps at each length, with what there is to be kept once."""
    first, same = rows[0], len({(row["unit"], row["most"]) for row in rows}) == 1
    if len(rows) == 1 or not same:
        return listed([f"nothing{_over(row)}" if is_none(row) else kept(row) for row in rows])
    each = [
        f"{'nothing' if is_none(row) else _amount(row)}{_of(row) if row is first else ''}{_over(row)}" for row in rows
    ]
    return listed(each)


def _amount(row: Any) -> str:
    if row["unit"] == "bits":
        return f"at least {row['amount']:.1f}"
    return f"{row['amount']:,.0f}" if row["unit"] == "steps" and row["most"] >= 10 else f"{row['amount']:.1f}"


def _of(row: Any) -> str:
    return f" of {at_most(row['most'], row['unit'])}"


def _over(row: Any) -> str:
    """Return over how many steps: of steps themselves nothing is said."""
    return "" if row["unit"] == "steps" else f" over {row['length']:,} steps"
