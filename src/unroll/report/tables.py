"""The tables of a page: texts as a page spells them, and the trials that are missing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from unroll.analysis.sheets import MOST_ROWS, by_condition, count
from unroll.layout import LISTED, PLAIN, Column, Layout, figures, prose
from unroll.report.source import ReportSource
from unroll.wording import labels, powers

END = Column("")
OPEN_ROWS = 30
"""A table of more rows is folded on a screen."""
NEGATIVE = re.compile(r"(?<![\w.)])-(?=\d)")
APART = "   "
"""Between the values of the seeds in one cell: blanks between them are wide, those within a number are not."""


@dataclass(frozen=True)
class Heading:
    """A column: its heading, and the class of its cells."""

    heading: str
    kind: str


@dataclass(frozen=True)
class Table:
    """A table ready to be written: ``groups`` are runs of rows with the same first cells, given once."""

    name: str
    title: str
    note: str
    head: tuple[str, ...]
    columns: tuple[Heading, ...]
    groups: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    left_out: int = 0

    @property
    def size(self) -> int:
        """Return the number of its rows."""
        return sum(len(rows) for _, rows in self.groups)

    @property
    def folded(self) -> bool:
        """Say whether it is closed until a reader opens it."""
        return self.size > OPEN_ROWS


def on_a_page(layout: Layout) -> Table:
    """Return a table as a page writes it."""
    grouping = next(place for place, column in enumerate((*layout.columns, END)) if not _groups(column))
    columns = layout.columns[grouping:]
    listing = [any(LISTED in str(row.cells[grouping + place]) for row in layout.rows) for place in range(len(columns))]
    labelled = [labels([str(row.cells[place]) for row in layout.rows]) for place in range(grouping)]
    groups: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
    for row in layout.rows[:MOST_ROWS]:
        texts = tuple(map(str, row.cells))
        texts = (*(shown.get(text, text) for shown, text in zip(labelled, texts, strict=False)), *texts[grouping:])
        if not groups or groups[-1][0] != texts[:grouping]:
            groups.append((texts[:grouping], []))
        groups[-1][1].append(tuple(map(_typeset, texts[grouping:], columns)))
    return Table(
        name=layout.name,
        title=layout.title,
        note=layout.caption,
        head=tuple(column.name for column in layout.columns[:grouping]),
        columns=tuple(
            Heading(column.name, _kind(column, lists)) for column, lists in zip(columns, listing, strict=True)
        ),
        groups=tuple((head, tuple(rows)) for head, rows in groups),
        left_out=max(0, len(layout.rows) - MOST_ROWS),
    )


def _groups(column: Column) -> bool:
    return column.group or (column.head and column.name in PLAIN)


def missing(source: ReportSource) -> Layout | None:
    """Return the trials that failed, are damaged or were not trained, or None where there are none."""
    frame = source.missing()
    if frame.empty:
        return None
    cells = {
        figures("seed"): lambda row: str(row["seed"]),
        prose("state"): lambda row: str(row["state"]),
        figures("times begun"): lambda row: count(row["attempts"]),
        prose("trial"): lambda row: str(row["key"])[:12],
        Column("what went wrong", long=True): lambda row: str(row["message"]),
    }
    return by_condition("missing", "Failed and missing trials", "", frame, source.factors, cells)


def _kind(column: Column, lists: bool) -> str:
    return "list" if lists else "n" if column.right else "long" if column.long else "t"


def _typeset(text: str, column: Column) -> str:
    """Return a cell in which numbers are written as people write them; a text of several lines is nobody's number."""
    if column.long:
        return text
    if LISTED in text:
        return APART.join(one.replace(" ", "\N{NARROW NO-BREAK SPACE}") for one in map(_number, text.split(LISTED)))
    return _number(text)


def _number(text: str) -> str:
    return NEGATIVE.sub("\N{MINUS SIGN}", powers(text))
