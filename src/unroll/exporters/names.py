"""The test loss of rows under the name that it has in the store, as programs that read them know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AS_THEY_ARE = ("score_name", "score_words")


def named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the table of conditions in which the score has its name: ``test_mse_median``, ``test_mse``.

    ``scores``, one value per seed, have the name itself.
    """
    name = str(row["score_name"])
    return {_named(column, name): value for column, value in row.items()}


def _named(column: str, name: str) -> str:
    if column == "scores":
        return name
    return name + column.removeprefix("score") if column.startswith("score_") and column not in AS_THEY_ARE else column
