"""JSON: a list of objects, one a row; what is missing is null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unroll.inert import UNSAFE

if TYPE_CHECKING:
    import pandas as pd


def to_json(rows: pd.DataFrame) -> str:
    """Return a list with an object for each row; numbers are written so that reading them gives the same bits."""
    return dumps(records(rows)) + "\n"


def dumps(value: Any, *, ascii_only: bool = False) -> str:
    """Return data as JSON text; characters that are not safe to show are JSON's own escapes, which read as the same."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=ascii_only, allow_nan=False)
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain data: None for what is missing, and for infinities, which JSON does not know."""
    found: list[dict[str, Any]] = plain(rows.to_dict("records"))
    return found


def plain(value: Any) -> Any:
    """Return mappings, lists, arrays and numbers as JSON knows them: None for a number that is none, or infinite."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if (isinstance(value, float) and not math.isfinite(value)) or type(value).__name__ == "NAType":
        return None  # NAType: what pandas puts where a column of whole numbers has none
    return value
