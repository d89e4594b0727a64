"""JSON: a list of objects, one a row; what is missing is null."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def to_json(rows: pd.DataFrame) -> str:
    """Return a list with an object for each row; numbers are written so that reading them gives the same bits."""
    return json.dumps(records(rows), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain data: None for what is missing, and for infinities, which JSON does not know."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
