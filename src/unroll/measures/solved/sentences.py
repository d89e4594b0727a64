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
        told: dict[str, list[str]] = {}  # by how many seeds: the problems
        none: list[str] = []
        for task, mine in rows.groupby("task", sort=False):
            seeds, problem = mine["seeds"].map(len), words.problem(task)
            solved = mine[2 * mine["solved"] > seeds]
            if len(solved):
                told.setdefault(_most(mine, solved), []).append(f"{problem}{_where(mine, solved, varying)}")
            elif (2 * (mine["solved"] + mine["waiting"]) > seeds).any():
                continue  # it may still be solved
            elif mine["solved"].any() or mine["waiting"].any():
                told.setdefault(_few(mine), []).append(problem)
            else:
                none.append(problem)
        if not told and not none:
            continue
        counts = [f"{row['solved']} of {row['complete']}" for row in rows.to_dict("records")]
        sentence = f"{words.named(model)} {_told(told, none)}."
        yield Finding("found", capital(sentence), f"solved, in the order of the table: {', '.join(counts)}")


def _most(rows: pd.DataFrame, solved: pd.DataFrame) -> str:
    """Return in how many seeds a task is solved that most solve."""
    if (solved["solved"] == solved["seeds"].map(len)).all():
        return "in every seed"
    return _counted(rows) if len(rows) == 1 else "in most seeds"


def _few(rows: pd.DataFrame) -> str:
    """Return in how many seeds a task is solved that most do not solve, and that may still be solved in some."""
    far = " so far" if rows["waiting"].any() else ""
    if not rows["solved"].any():
        return f"in none{far}"
    return f"{_counted(rows) if len(rows) == 1 else 'in at most half'}{far}"


def _counted(rows: pd.DataFrame) -> str:
    return f"in {rows['solved'].iloc[0]:,} of {len(rows['seeds'].iloc[0]):,} seeds"


def _told(told: dict[str, list[str]], none: list[str]) -> str:
    """Return "solves A in every seed, B in 1 of 2 seeds, and C in none"."""
    if not told:
        return f"does not solve {listed(none, 'or')} in any seed"
    parts = [f"{listed(problems)} {count}" for count, problems in told.items()]
    parts += [f"{listed(none, 'or')} in none"] if none else []
    return f"solves {parts[0]}" if len(parts) == 1 else f"solves {', '.join(parts[:-1])}, and {parts[-1]}"


def _where(rows: pd.DataFrame, solved: pd.DataFrame, varying: Sequence[str]) -> str:
    """Return up to which length, or under which settings, where there are several."""
    names = [name for name in varying if rows[name].map(repr).nunique() > 1]
    if names:
        return f" with {_settings(solved, names)}"
    return f" {reached(rows['length'].tolist(), solved['length'].tolist())}" if rows["length"].nunique() > 1 else ""


def _settings(solved: pd.DataFrame, names: Sequence[str]) -> str:
    """Return settings, those alike in all but one together, in the fewest parts: "pairs = 2 and hidden = 32 or 64"."""
    ways = ([*(name for name in names if name != last), last] for last in reversed(names))
    fewest: list[str] = min((_parts(solved, way) for way in ways), key=len)
    return "; ".join(fewest)


def _parts(solved: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return settings by all but the last of some names."""
    short = dict(zip(names, short_names(names), strict=True))
    parts = []
    for head, rows in grouped(solved, names[:-1]) if len(names) > 1 else [({}, solved)]:
        before = "".join(f"{short[name]} = {level(name, value)} and " for name, value in head.items())
        last = dict.fromkeys(level(names[-1], value) for value in rows[names[-1]])
        parts.append(f"{before}{short[names[-1]]} = {listed(list(last), 'or')}")
    return parts
