"""Who knows a value that was shown once, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from unroll.analysis.finding import Finding, Words
from unroll.analysis.nearness import UNTESTED
from unroll.wording import capital, listed, measured


def window_and_lag(words: Words, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield which models know the value, with a window that reaches back to it or not, and with how many units."""
    trained = table[table["n"] > 0]
    windows, states = (trained[trained["capacity_name"] == name] for name in ("window", "hidden"))
    for model, rows in windows.groupby("model", sort=False):
        reach = rows["capacity"] >= rows["length"]
        parts = [
            f"in {_rate(part)} {which}"
            for part, which in (
                (rows[reach], "whose window reaches back to it"),
                (rows[~reach], "whose window does not"),
            )
            if len(part)
        ]
        sentence = f"{words.named(model)} knows the value that was shown {listed(parts)}."
        yield Finding("found", capital(sentence), UNTESTED)
    for model, rows in states.groupby("model", sort=False):
        parts = []
        for capacity in sorted(set(rows["capacity"])):
            mine = rows[rows["capacity"] == capacity]
            parts.append(f"in {_rate(mine)} with {measured(capacity, 'hidden unit')}{_to(mine)}")
        known = listed(parts if len(parts) < 4 else _ends(parts))
        sentence = f"{words.named(model)} knows the value that was shown {known}."
        evidence = f"lags {listed(sorted(set(rows['length'])))}; {UNTESTED}"
        yield Finding("found", capital(sentence), evidence)


def _rate(rows: pd.DataFrame) -> str:
    return f"{int(rows['solved'].sum()):,} of {measured(int(rows['n'].sum()), 'trial')}"


def _to(rows: pd.DataFrame) -> str:
    """Return up to which lag every trial of each lag tried knew the value; "" where that is none."""
    each = rows.groupby("length")[["solved", "n"]].sum()  # whatever else varies; by length
    whole = each.index[(each["solved"] == each["n"]).cumprod().astype(bool)]
    return f" (in each up to lag {whole.max():,})" if len(whole) else ""


def _ends(parts: list[str]) -> list[str]:
    return [parts[0], parts[-1]]
