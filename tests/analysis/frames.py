"""Hand-made frames, as Results gives them."""

from __future__ import annotations

import pandas as pd


def trials(rows: list[dict]) -> pd.DataFrame:
    """One row a trial; key and condition from letters, so that a test can be read: "a1" is seed 1 of condition a."""
    common = {
        "task": "odd_numbers",
        "model": "gru",
        "length": 5,
        "state": "complete",
        "parameters": 10,
        "baseline": 0.5,
    }
    made = [{**common, "condition": row["key"][0], "seed": int(row["key"][1:]), **row} for row in rows]
    return pd.DataFrame(made)


def curve(**values: list[float]) -> pd.DataFrame:
    """A history in long form: the values of each key."""
    rows = [(key, step, value) for key, listed in values.items() for step, value in enumerate(listed, start=1)]
    return pd.DataFrame(rows, columns=["key", "step", "value"]).astype({"value": "float32"})
