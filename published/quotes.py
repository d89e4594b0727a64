"""What a mark asks for, as the text that must stand in it.

    STUDY[/TABLE] VALUE [of VALUE] [where CONDITION...] [as FORM]       a number or a word
    STUDY[/TABLE] table COLUMN; COLUMN; ... [where ...]                 a table
    STUDY[/TABLE] pivot VALUE by COLUMN; ... across COLUMN [where ...]  a table, one column per value
    STUDY show | findings | picture NAME | output                       what unroll said or drew

VALUE is a column's name, ``count``, or ``sum``, ``min``, ``max``, ``median``, ``range`` of one: ``max(test_mse)``.
"""

from __future__ import annotations

import shlex

from published.blocks import BLOCKS, TABLES
from published.marks import Mark, MarkError
from published.quantities import clauses_of, matching, one
from published.tables import Condition, Source, Stored


def value(mark: Mark, stored: Stored) -> str:
    """Return the text that must stand in an ``=`` mark; MarkError where the stored results do not say it."""
    source, table, words = _asked(mark, stored)
    what = words[0] if words else ""
    if stored.awaits(source.name) and what != "output":
        again = f"make published ONLY={source.name}"
        return f"*Not yet published: `{again}`.*" if mark.block else "(not yet published)"
    if what in BLOCKS:
        return BLOCKS[what](mark, source, words[1:])
    rows = source.table(table)
    if what in TABLES:
        return TABLES[what](rows, words[1:])
    clauses = clauses_of(words)
    return one(matching(rows, clauses), clauses)


def claim(mark: Mark, stored: Stored) -> str | None:
    """Return why a claim does not hold, or None: ``STUDY all|some|none CONDITION... [where CONDITION...]``."""
    for part in mark.said.split(";"):
        source, table, words = _asked(mark, stored, part)
        clauses = clauses_of(words)
        quantifier, *conditions = clauses["what"] or [""]
        if quantifier not in ("all", "some", "none") or not conditions:
            raise MarkError('A claim reads "? STUDY all CONDITION... where CONDITION..."; also some, none.')
        rows = matching(source.table(table), clauses)
        if not rows:
            raise MarkError(f'No row of {source.name}/{table} is as "{part.strip()}" says.')
        held = [all(Condition.parse(word).holds(row) for word in conditions) for row in rows]
        count = sum(held)
        if not {"all": count == len(held), "some": count > 0, "none": count == 0}[quantifier]:
            return f"{count} of {len(held)} rows of {source.name}/{table} are {' '.join(conditions)}"
    return None


def verb(mark: Mark) -> str:
    """Return the second word of an ``=`` mark, which says what kind of block it is; "" for the other marks."""
    return "".join(mark.said.split()[1:2]) if mark.kind == "=" else ""


def sources(mark: Mark) -> set[str]:
    """Return the names of the studies that a mark asks."""
    if mark.kind == "given:":
        return set()
    parts = mark.said.split(";") if mark.kind == "?" else [mark.said]
    return {part.split()[0].partition("/")[0] for part in parts if part.split()}


def _asked(mark: Mark, stored: Stored, said: str | None = None) -> tuple[Source, str, list[str]]:
    try:
        first, *words = shlex.split((mark.said if said is None else said).replace(";", " ; "))
    except ValueError as error:
        raise MarkError(f'"{mark.said}" cannot be read: {error}.') from None
    name, _, table = first.partition("/")
    return stored.source(name), table or "conditions", words
