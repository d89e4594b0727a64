"""Markdown: the table of conditions, with its caption under it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unroll.exporters.table import NONE, Column, caption, columns
from unroll.inert import inert
from unroll.wording import number

if TYPE_CHECKING:
    import pandas as pd

    from unroll.quantity import Quantity

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
ITEM = re.compile(r"^(\d*)([-+.)])(?=\s|$)")
"""What would begin a list, at the beginning of a line."""


def to_markdown(table: pd.DataFrame, factors: Sequence[str], title: str, counted: Mapping[str, Quantity] = NONE) -> str:
    """Return a pipe table of the conditions, padded so that it reads as plain text too, and its caption."""
    found = columns(table, factors, escaped, number, counted)
    widths = [max(3, *map(len, (column.name, *column.cells))) for column in found]
    rules = [
        "-" * (width - 1) + ":" if column.numeric else "-" * width for column, width in zip(found, widths, strict=True)
    ]
    lines = [_line(found, widths, [column.name for column in found]), f"| {' | '.join(rules)} |"]
    lines += [_line(found, widths, [column.cells[row] for column in found]) for row in range(len(table))]
    return "\n".join([*lines, "", escaped(caption(table, title)), ""])


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    line = SPECIAL.sub(r"\\\1", " ".join(inert(text).split()))
    return ITEM.sub(r"\1\\\2", line)


def _line(found: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    padded = [
        cell.rjust(width) if column.numeric else cell.ljust(width)
        for column, width, cell in zip(found, widths, cells, strict=True)
    ]
    return f"| {' | '.join(padded)} |"
