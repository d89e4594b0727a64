"""The longest sequences that a model can do."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from unroll.analysis.settings import grouped, table_of


def span(table: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per model: the longest length that most of its seeds solve.

    Most means more than half of the seeds that were planned, so that a failed or missing trial never counts for it.

    Parameters
    ----------
    table
        One row per condition, as ``conditions`` gives it.
    factors
        Names of further columns that tell models apart.

    Returns
    -------
    task, model, the ``factors``, span (steps; NA where no length is solved by most seeds), solved and seeds (counts at
    that length; NA with it), lengths (list: all that were planned, ascending), unsolved (list: those that most seeds do
    not solve), finished (False while a trial is waiting or running: the span can then still grow).

    """
    names = ["task", "model", *factors]
    rows = []
    for head, group in grouped(table, names):
        ordered = group.sort_values("length", kind="stable")
        most = [2 * solved > len(seeds) for solved, seeds in zip(ordered["solved"], ordered["seeds"], strict=True)]
        longest = ordered[most].iloc[-1] if any(most) else None
        rows.append(
            {
                **head,
                "span": None if longest is None else int(longest["length"]),
                "solved": None if longest is None else int(longest["solved"]),
                "seeds": None if longest is None else len(longest["seeds"]),
                "lengths": [int(length) for length in ordered["length"]],
                "unsolved": [int(length) for length, good in zip(ordered["length"], most, strict=True) if not good],
                "finished": not ordered["waiting"].any(),
            }
        )
    frame = table_of(rows, [*names, "span", "solved", "seeds", "lengths", "unsolved", "finished"], factors)
    return frame.astype({"span": "Int64", "solved": "Int64", "seeds": "Int64"})
