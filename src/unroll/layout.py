"""A table of texts, for a page or a terminal; on a terminal of any width nothing of it is cut.

Where a table does not fit, each task gets one of its own; cells are broken at spaces, then columns are left out and
named. Where that is not enough, each model gets a table of its own, and at last each row a paragraph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from unroll.wording import MISSING

if TYPE_CHECKING:
    from unroll.terminal import RenderableType, Text

LINES = 4
"""Lines over which a cell may be broken before its column counts as too narrow; of one that can be left out, half."""
FOLDED = 32
"""Letters of a word, such as a key, that may go on in the next line in a table of facts; no number has as many."""
GAP = 2
INDENT = 2
BETWEEN = " · "
LISTED = "  "
"""Between the values of a list: a cell that has it is broken nowhere else, so that "12 %" stays together."""


@dataclass(frozen=True)
class Column:
    """A column: its name and what may be done to it where there is no room.

    ``right``  flush right
    ``head``   tells rows apart; where all of them agree, it is told once, in the title
    ``words``  its cells may be broken at spaces
    ``spare``  the column with the highest is left out first, one with 0 never
    ``group``  on a page, told once for all rows that follow each other and agree in it
    ``long``   its cells are texts of several lines on a page
    """

    name: str
    right: bool = False
    head: bool = False
    words: bool = False
    spare: int = 0
    group: bool = False
    long: bool = False


def heading(name: str, *, right: bool = False) -> Column:
    """Return a column that tells rows apart."""
    return Column(name, right=right, head=True)


def figures(name: str, spare: int = 0) -> Column:
    """Return a column of numbers."""
    return Column(name, right=True, spare=spare)


def each(name: str, spare: int = 0) -> Column:
    """Return a column of several numbers a cell, one a seed, joined by ``LISTED``."""
    return Column(name, words=True, spare=spare)


def prose(name: str, spare: int = 0) -> Column:
    """Return a column of texts, or of several numbers, which may be broken at spaces."""
    return Column(name, words=True, spare=spare)


Cell: TypeAlias = "str | Text"
PLAIN = ("task", "model", "study")
"""Columns whose values say what they are."""


@dataclass(frozen=True)
class Row:
    """A row's cells; ``apart`` from the row before by a space, ``bold`` where it is another kind of row."""

    cells: tuple[Cell, ...]
    apart: bool = False
    bold: bool = False


@dataclass
class Layout:
    """A table that knows how it may be narrowed. Its texts are no markup.

    One without columns is its title and caption alone: what is told where a table would stand.
    """

    columns: Sequence[Column]
    title: str = ""
    caption: str = ""
    header: bool = True
    name: str = ""
    rows: list[Row] = field(default_factory=list)
    aside: frozenset[int] = frozenset()  # columns that are for other parts of the table alone
    _ranges: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def add(self, *cells: Cell, apart: bool = False, bold: bool = False) -> None:
        """Add a row, a cell a column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(Row(cells, apart and bool(self.rows), bold))

    def without(self, name: str) -> Layout:
        """Return the table without a column."""
        places = [place for place, column in enumerate(self.columns) if column.name != name]
        rows = [replace(row, cells=tuple(row.cells[place] for place in places)) for row in self.rows]
        return replace(self, columns=[self.columns[place] for place in places], rows=rows)

    @property
    def least(self) -> int:
        """The columns of a terminal at which nothing is left out."""
        return self._least(self._shown())

    def parts(self, width: int) -> list[RenderableType]:
        """Return what is printed, one thing below the other, on a terminal of so many columns."""
        from unroll.terminal import Text

        if not self.columns:
            texts = [self.title, *self.caption.splitlines()]
            return [Text(line) for text in texts for line in broken(text, width) if line]
        tables = self._tables(width)
        fits = [table._fitting(width) for table in tables]
        stacked = any(left_out is None for left_out in fits)
        left_out = sorted({place for found in fits for place in found or ()} if not stacked else ())
        body: list[RenderableType] = [Text(self.title)] if len(tables) > 1 and self.title else []
        for place, table in enumerate(tables):
            body += [Text("")] if place else []
            body += [Text(line) for line in broken(table._heading(), width) if line]
            body += table._stacked(width) if stacked else table._table(left_out, width)
        notes = self.caption.splitlines()
        if left_out:
            names = ", ".join(self.columns[place].name for place in left_out)
            notes.append(f"Left out at {width} columns: {names}. A wider terminal or --json shows them.")
        said: list[RenderableType] = [Text(line, style="dim") for note in notes for line in broken(note, width)]
        return body + ([Text(""), *said] if said else [])

    def _tables(self, width: int) -> list[Layout]:
        """Return the table, or several: tasks are not compared with each other; all else stays together if it can."""
        first = next((place for place in self._shown() if self.columns[place].head), None)
        apart = first is not None and self.columns[first].name == "task"
        if first is None or self.least <= width or (not apart and self._fitting(width) is not None):
            return [self]
        return self._groups(first)

    def _groups(self, first: int) -> list[Layout]:
        """Return a table for each value of a column."""
        groups: dict[str, Layout] = {}
        for row in self.rows:
            group = Layout(self.columns, header=self.header)
            groups.setdefault(str(row.cells[first]), group).rows.append(row)
        if not len(self.rows) > len(groups) > 1:
            return [self]
        told = [group._filled() for group in groups.values()]
        some = frozenset().union(*told)
        return [replace(group, aside=some - own) for group, own in zip(groups.values(), told, strict=True)]

    def _filled(self) -> frozenset[int]:
        """Return the columns in which a row has something other than a dash."""
        return frozenset(place for row in self.rows for place, cell in enumerate(row.cells) if str(cell) != MISSING)

    def _told(self) -> dict[int, str]:
        """Return the text of each column that tells no row apart, unless none would be left."""
        heads = [place for place, column in enumerate(self.columns) if column.head]
        same = {place: {str(row.cells[place]) for row in self.rows} - {""} for place in heads}
        told = {place: texts.pop() for place, texts in same.items() if len(texts) == 1 and len(self.rows) > 1}
        return told if len(told) < len(heads) else {}

    def _shown(self) -> list[int]:
        """Return the columns whose cells are not told once, and in which there is anything."""
        told = self._told()
        filled = {place for row in self.rows for place, cell in enumerate(row.cells) if str(cell)}
        return [place for place in range(len(self.columns)) if place in filled - self.aside and place not in told]

    def _heading(self) -> str:
        """Return the title, and what all rows have in common."""
        shared = [_with_name(self.columns[place].name, text) for place, text in self._told().items()]
        return BETWEEN.join([*([self.title] if self.title else []), *shared])

    def _fitting(self, width: int) -> set[int] | None:
        """Return the columns that are left out so that the others fit; None where that is not enough."""
        kept = self._shown()
        left_out: set[int] = set()
        while self._least(kept) > width:
            spare = max(kept, key=lambda place: self.columns[place].spare)
            if not self.columns[spare].spare:
                return None
            kept.remove(spare)
            left_out.add(spare)
        return left_out

    def _least(self, places: Sequence[int]) -> int:
        return sum(self._range(place)[0] for place in places) + GAP * (len(places) - 1)

    def _range(self, place: int) -> tuple[int, int]:
        """Return the least width of a column and the one at which nothing is broken; measured once for so many rows."""
        asked = place, len(self.rows)
        if asked not in self._ranges:
            self._ranges[asked] = self._measured(place)
        return self._ranges[asked]

    def _measured(self, place: int) -> tuple[int, int]:
        column = self.columns[place]
        lines = [line for row in self.rows for line in str(row.cells[place]).splitlines()]
        longest = max(map(wide, lines), default=0)
        least = longest
        if column.words:
            word = max((wide(word) for line in lines for word in _words(line)), default=0)
            least = max(word, -(-longest // (LINES // 2 if column.spare else LINES)))
        if not self.header:
            return min(least, FOLDED) if column.words else least, longest
        return max(least, _in_two(column.name)), max(longest, wide(column.name))

    def _widths(self, places: Sequence[int], room: int) -> list[int]:
        """Share the room: each column has its least width, what is left goes where most is missing."""
        ranges = [self._range(place) for place in places]
        widths = [least for least, _ in ranges]
        spare = room - GAP * (len(places) - 1) - sum(widths)
        while spare > 0:
            missing = [most - width for width, (_, most) in zip(widths, ranges, strict=True)]
            if max(missing, default=0) <= 0:
                break
            widths[missing.index(max(missing))] += 1
            spare -= 1
        return widths

    def _table(self, left_out: Sequence[int], width: int) -> list[RenderableType]:
        """Return the table: its head, then all rows as one."""
        from unroll.terminal import Rows, Table, box

        places = [place for place in self._shown() if place not in left_out]
        widths = self._widths(places, width)
        head = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
        for place, room in zip(places, widths, strict=True):
            column = self.columns[place]
            head.add_column(column.name, justify="right" if column.right else "left", width=room, overflow="fold")
        rows = Rows(widths, [self.columns[place].right for place in places], GAP)
        for row in self.rows:
            cells = [self._broken(place, row, room) for place, room in zip(places, widths, strict=True)]
            rows.add(cells, apart=row.apart, bold=row.bold)
        return [head, rows] if self.header else [rows]

    def _broken(self, place: int, row: Row, width: int) -> Cell:
        cell = row.cells[place]
        if not self.columns[place].words or not isinstance(cell, str):
            return cell
        return "\n".join(line for given in cell.splitlines() for line in broken(given, width))

    def _stacked(self, width: int) -> list[RenderableType]:
        """Return a paragraph a row: what tells it apart, then its other cells, each with its column's name."""
        from unroll.terminal import Text

        places = self._shown()
        heads = [place for place in places if self.columns[place].head] or places[:1]
        lines: list[RenderableType] = []
        for row in self.rows:
            said = [place for place in places if str(row.cells[place]).strip() not in ("", MISSING)]
            lines += map(Text, flowed([self._named(place, row) for place in heads if place in said], width))
            facts = [self._named(place, row) for place in said if place not in heads]
            lines += [Text(" " * INDENT + line) for line in flowed(facts, width - INDENT)]
        return lines

    def _named(self, place: int, row: Row) -> str:
        column, cell = self.columns[place], BETWEEN.join(str(row.cells[place]).splitlines())
        if column.head:
            return cell if column.name in PLAIN or not self.header else _with_name(column.name, cell)
        return f"{column.name}: {cell}" if self.header and column.name else cell


def _with_name(name: str, value: str) -> str:
    return f"{name} {value}" if name in PLAIN else f"{name} = {value}"


def flowed(texts: Iterable[str], width: int) -> list[str]:
    """Return texts as lines of at most so many columns; a text is broken only where it is longer."""
    lines: list[str] = []
    for text in texts:
        if lines and wide(lines[-1]) + wide(BETWEEN) + wide(text) <= width:
            lines[-1] += BETWEEN + text
            continue
        lines += broken(text, width)
    return lines


def broken(text: str, width: int) -> list[str]:
    """Return a text as lines, broken between the values of a list, else at spaces.

    What is longer than a line without one stays whole.
    """
    between = LISTED if LISTED in text else " "
    lines: list[str] = []
    gap, filled = wide(between), 0
    for word in _words(text):
        size = wide(word)
        if lines and filled + gap + size <= width:
            lines[-1] += between + word
            filled += gap + size
        elif between == LISTED and size > width:
            lines += broken(word, width)
            filled = wide(lines[-1])
        else:
            lines.append(word)
            filled = size
    return lines


def _words(text: str) -> list[str]:
    """Return the parts of a text that stay whole; a number and its "%" are one."""
    if LISTED in text:
        return [word for word in text.split(LISTED) if word]
    words: list[str] = []
    for word in text.split(" "):
        if words and word.startswith("%"):
            words[-1] += " " + word
        else:
            words.append(word)
    return words


def _in_two(name: str) -> int:
    """Return the least width at which a column's name takes two lines, its words whole."""
    lines = [broken(name, width) for width in range(wide(name) + 1)]
    return min((max(map(wide, two), default=0) for two in lines if len(two) <= 2), default=0)


def wide(text: str) -> int:
    """Return how many columns of a terminal a text takes, as it is shown."""
    return len(text) if text.isascii() and text.isprintable() else _wide(text)


@lru_cache(maxsize=4096)
def _wide(text: str) -> int:
    from unroll.inert import inert
    from unroll.terminal import Text

    return Text(inert(text)).cell_len
