"""A number or a word out of a table's rows: which rows, which column, in which form."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from published.marks import MarkError
from published.tables import Condition, Row
from unroll.errors import did_you_mean
from unroll.wording import COUNTED, MISSING, number, percent

OVER: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "median": statistics.median,
    "range": lambda values: (min(values), max(values)),
}
CALL = re.compile(r"(\w+)\(([\w.]+)\)")
DIGITS = re.compile(r"(fixed )?(\d{1,2})")
BEGINNINGS = ("where", "as", "of", "by", "across")


def clauses_of(words: Sequence[str]) -> dict[str, list[str]]:
    """Return the words after each of ``BEGINNINGS``; those before the first stand under "what"."""
    clauses: dict[str, list[str]] = {"what": []}
    current = "what"
    for word in words:
        if word in BEGINNINGS:
            current = word
            clauses[current] = []
        else:
            clauses[current].append(word)
    return clauses


def matching(rows: list[Row], clauses: dict[str, list[str]]) -> list[Row]:
    """Return the rows that are as the conditions after "where" say."""
    conditions = [Condition.parse(word) for word in clauses.get("where", ())]
    return [row for row in rows if all(condition.holds(row) for condition in conditions)]


def one(rows: list[Row], clauses: dict[str, list[str]]) -> str:
    """Return ``VALUE [of VALUE] [as FORM]`` of these rows; MarkError where they do not say it."""
    if len(clauses["what"]) != 1:
        raise MarkError(f'"{" ".join(clauses["what"])}" is not one value. Conditions follow "where", a form "as".')
    form = " ".join(clauses.get("as", ()))
    said = formed(quantity(rows, clauses["what"][0]), form)
    return f"{said} of {formed(quantity(rows, clauses['of'][0]), form)}" if clauses.get("of") else said


def quantity(rows: Sequence[Row], what: str) -> Any:
    """Return a column's value in the one row that there is, or the same over all rows: ``count``, ``max(column)``."""
    if what == "count":
        return len(rows)
    call = CALL.fullmatch(what)
    over, column = (call[1], call[2]) if call else ("", what)
    if over and over not in OVER:
        raise MarkError(f'"{over}" is unknown.{did_you_mean(over, OVER)} There are {", ".join(OVER)}.')
    if not rows:
        raise MarkError("No row is as the conditions say.")
    if column not in rows[0]:
        raise MarkError(f'There is no column "{column}".{did_you_mean(column, rows[0])}')
    values = [row[column] for row in rows]
    if over:
        numbers = [value for value in values if isinstance(value, int | float)]
        if not numbers:
            raise MarkError(f"The column {column} holds no numbers.")
        return OVER[over](numbers)
    if len(values) > 1:
        raise MarkError(f"{len(values)} rows are as the conditions say: name one, or ask for max({column}), say.")
    return values[0]


def formed(value: Any, form: str = "") -> str:
    """Return a value as text: "percent", "word" (three), "exact", "each" (a list), a number of digits; or as it is."""
    if isinstance(value, tuple):
        return " to ".join(formed(end, form) for end in value)
    if isinstance(value, list):
        return "  ".join(formed(one, form) for one in value)
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value
    if form == "percent":
        return percent(value)
    if form == "whole percent":
        return f"{100 * value:.0f} %"
    if form == "word":
        return COUNTED[value] if 0 <= value < len(COUNTED) else f"{value:,}"
    if form == "exact":
        return repr(value)
    if form == "minutes":
        return f"{value / 60:.0f}"
    digits = DIGITS.fullmatch(form or "3")
    if digits is None:
        raise MarkError(f'A form is a number of digits, percent, word, exact, minutes or "fixed N", not "{form}".')
    if digits[1]:
        return f"{value:,.{int(digits[2])}f}"
    return f"{value:,}" if isinstance(value, int) else number(value, max(1, int(digits[2])))
