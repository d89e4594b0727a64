"""Stored tables: ``tables/NAME/TABLE.csv``, with the facts of their making in ``tables/NAME/facts.json``.

Read without pandas, so that a check takes a moment.
"""

from __future__ import annotations

import csv
import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from published.marks import MarkError
from unroll.errors import did_you_mean

TABLES = Path("published/tables")
"""Where tables lie in a repository."""
FIGURE = "figure-{}.json"
"""What a figure is drawn from, in its study's folder."""
Row = dict[str, Any]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "~": lambda mine, other: str(other) in str(mine),
}
ORDERED = ("<", "<=", ">", ">=")
CONDITION = re.compile(r"([\w.]+)(<=|>=|!=|[=<>~])(.+)", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """``column=value``, ``column=one,other``, ``column<other_column``, ``column~part``: what a row must be."""

    column: str
    sign: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Return the condition that a word says; MarkError for one that says none."""
        said = CONDITION.fullmatch(text)
        if said is None:
            raise MarkError(f'"{text}" is no condition. Write column=value, or <, <=, >, >=, !=, ~ in place of =.')
        return cls(said[1], said[2], tuple(said[3].split(",")))

    def holds(self, row: Row) -> bool:
        """Say whether a row is as it must be; MarkError where it lacks the column."""
        if self.column not in row:
            raise MarkError(f'There is no column "{self.column}".{did_you_mean(self.column, row)}')
        mine = row[self.column]
        if mine is None:
            return False
        others = [row[value] if value in row else read(value) for value in self.values]
        if any(isinstance(mine, str) != isinstance(other, str) for other in others) and self.sign in ORDERED:
            raise MarkError(f"{self.column} is {mine!r}, which cannot be compared with {', '.join(self.values)}.")
        compare = COMPARISONS[self.sign]
        return all(compare(mine, o) for o in others) if self.sign == "!=" else any(compare(mine, o) for o in others)


@dataclass(frozen=True)
class Source:
    """What one study, or the benchmarks, left behind."""

    name: str
    folder: Path
    read_tables: dict[str, list[Row]] = field(default_factory=dict)

    @cached_property
    def facts(self) -> Row:
        """Date, processor, versions; digests of the tables and pictures."""
        path = self.folder / "facts.json"
        if not path.exists():
            known = sorted(path.name for path in self.folder.parent.glob("*"))
            meant = did_you_mean(self.name, known)
            raise MarkError(f'Nothing is stored of "{self.name}".{meant} Run: make published ONLY={self.name}')
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def table(self, name: str) -> list[Row]:
        """Return the rows of a table; MarkError where there is none of that name."""
        facts = self.facts
        if name == "facts":
            return [facts]
        if name not in self.read_tables:
            path = self.folder / f"{name}.csv"
            if not path.exists():
                names = [*(path.stem for path in sorted(self.folder.glob("*.csv"))), "facts"]
                raise MarkError(f'{self.name} has no table "{name}". It has {", ".join(names)}.')
            with path.open(encoding="utf-8", newline="") as lines:
                self.read_tables[name] = [
                    {column: read(value) for column, value in row.items()} for row in csv.DictReader(lines)
                ]
        return self.read_tables[name]

    def changed(self) -> list[str]:
        """Return the stored files that are not as they were when they were written."""
        return [name for name, digest in self.facts["files"].items() if digest_of(self.folder / name) != digest]


class Stored:
    """All sources, each read once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._sources: dict[str, Source] = {}

    def source(self, name: str) -> Source:
        """Return a source by its name."""
        return self._sources.setdefault(name, Source(name, self.folder / name))

    def awaits(self, name: str) -> bool:
        """Say whether a study comes with unroll and has not been published yet."""
        studies = self.folder.parents[1] / "src" / "unroll" / "studies"
        return not (self.folder / name).exists() and (studies / f"{name}.toml").exists()

    def names(self) -> list[str]:
        """Return the names of all sources."""
        return sorted(path.parent.name for path in self.folder.glob("*/facts.json"))


def read(text: str) -> Any:
    """Return a cell's value: a number, a list (JSON), None for an empty one, or the text itself."""
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return json.loads(text) if text.startswith("[") else text


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write a table; numbers so that reading them gives the same bits."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([[_cell(value) for value in row.values()] for row in rows])


def digest_of(path: Path) -> str:
    """Return the first digits of the SHA-256 of a file; "" where it is gone."""
    return sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, list | tuple):
        return json.dumps(list(value))
    return value if isinstance(value, str) else repr(value)
