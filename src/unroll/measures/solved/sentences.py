"""Which tasks and lengths each model solves, in a sentence per model: counted, not compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from unroll.analysis.finding import Finding, Words
from unroll.analysis.settings import grouped
from unroll.wording import capital, level, listed, reached, short_names


def sentences(words: Words, frame: pd.DataFrame, factors: Sequence[str]) -> Iterator[Finding]:
    """Yield a sentence for each model that has a complete trial; ``frame``: the table of conditions."""
    varying = [name for name in factors if frame[name].map(repr).nunique() > 1]
    for model, rows in frame.groupby("model", sort=False):
        if not rows["complete"].any():
            continue
        good: list[str] = []
        bad: list[str] = []
        for task, mine in rows.groupby("task", sort=False):
            seeds = mine["seeds"].map(len)
            solved = mine[2 * mine["solved"] > seeds]
            if len(solved):
                good.append(f"{words.problem(task)}{_where(mine, solved, varying)}")
            elif (2 * (mine["solved"] + mine["waiting"]) <= seeds).all():  # else it may still be solved
                bad.append(words.problem(task))
        if not good and not bad:
            continue
        unsolved = listed(bad, "or")
        told = f"does not solve {unsolved}" if not good else f"solves {listed(good)}"
        told += f", and not {unsolved}" if good and bad else ""
        counts = [f"{row['solved']} of {row['complete']}" for row in rows.to_dict("records")]
        sentence = f"in most seeds {words.named(model)} {told}."
        yield Finding("found", capital(sentence), f"solved, in the order of the table: {', '.join(counts)}")


def _where(rows: pd.DataFrame, solved: pd.DataFrame, varying: Sequence[str]) -> str:
    """Return up to which length, or under which settings, where there are several."""
    names = [name for name in varying if rows[name].map(repr).nunique() > 1]
    if names:
        return f" with {_settings(solved, names)}"
    return f" {reached(rows['length'].tolist(), solved['length'].tolist())}" if rows["length"].nunique() > 1 else ""


def _settings(solved: pd.DataFrame, names: Sequence[str]) -> str:
    """Return settings, those that agree in all but the last together: "pairs = 2 and hidden = 32 or 64"."""
    short = dict(zip(names, short_names(names), strict=True))
    parts = []
    for head, rows in grouped(solved, names[:-1]) if len(names) > 1 else [({}, solved)]:
        before = "".join(f"{short[name]} = {level(name, value)} and " for name, value in head.items())
        last = dict.fromkeys(level(names[-1], value) for value in rows[names[-1]])
        parts.append(f"{before}{short[names[-1]]} = {listed(list(last), 'or')}")
    return "; ".join(parts)
