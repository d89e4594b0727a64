"""A user's series: numbers in columns, of which some are to be foretold."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from unroll.axes import Float32, Float64
from unroll.declarations import Line
from unroll.errors import DataError, did_you_mean
from unroll.inert import clipped
from unroll.numeral import value_of
from unroll.streams.base import Generator, Streams
from unroll.study.settings import LATER
from unroll.study.user_file import FileSetting, UserFile
from unroll.tasks.base import Criterion, Dataset, Split
from unroll.tasks.own import Own
from unroll.wording import listed

SEPARATORS = (",", ";", "\t")
ROUNDED = 1e-6
"""The share by which the loss of a network that says just the last value may be below that of the line, by rounding."""
STILL = 1e-9
"""A column whose training part spans no more than this share of its largest value does not change."""
LARGEST, FARTHEST = 1e100, 1e15
"""Of a value as it stands, so that its square is a number, and of it in units of training, as float32 squares it."""
LEAST = 1e-150
"""A column whose training part spans less has no unit: the squares of it are none that a number holds."""
FIRST = 100
"""So many rows give the first unit, where units are those of the rows so far."""
MOST_SHOWN = 12
"""Columns that a message lists."""


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_names)]


class Series(Own):
    r"""A table of numbers, a row a step: what columns will hold ``ahead`` rows later, at every step.

    ``file``: a CSV file in UTF-8, from the folder of the study file on, with the names of its columns in the first
    line; a comma, a semicolon or a tab separates them. ``columns``: the names of those that are shown; none given, all
    of them. ``target``: the names of those, among the shown, that are to be foretold; none given, all that are shown.
    Those to be foretold are shown first, in the order of ``target``.

    Each column has its mean taken off and is divided by its standard deviation. ``scale``: "train", both of the
    training part; "prefix", both of all rows so far, the one of the step included, for a series whose level or swing
    changes for good: what is foretold at a step is in the units of that step. The first 100 rows have the units of all
    of them, which training sees. Neither knows the test. The parts follow each other in time; T + ``ahead`` rows
    between them are left out.

    The baseline always gives that mean, 0; its loss, the MSE in those units, is that on the test part.
    The last value again (``persistence``, for one column) is often much better: a trial counts as solved when it is
    better than both. The best linear rule is the model ``linear``.
    """

    name = "series"
    title = "series"
    in_a_sentence = "the series"
    summary = "a table of numbers of your own (CSV): values to come, at every step"
    version = "1"
    tags = ("regression", "forecasting")
    pitfalls = ("Windows that are shuffled before they are parted show training what the test asks for.",)

    file: FileSetting = Field(examples=["my-series.csv"])
    columns: Names = ()
    target: Names = ()
    ahead: Annotated[int, Field(ge=1, le=100_000)] = 1
    scale: Annotated[Literal["train", "prefix"], LATER] = "train"

    @model_validator(mode="after")
    def _among(self) -> Self:
        for setting, names in (("columns", self.columns), ("target", self.target)):
            if len(set(names)) < len(names):
                raise ValueError(f"task.{setting} names a column twice. Remove one")
        unseen = [name for name in self.target if self.columns and name not in self.columns]
        if unseen:
            raise ValueError(f'"{clipped(unseen[0])}" of task.target is not in task.columns. Add it there')
        return self

    @property
    def inputs(self) -> int:
        """The columns that are shown."""
        return len(self._table().shown)

    @property
    def outputs(self) -> int:
        """Those that are to be foretold."""
        return len(self.target) or self.inputs

    @property
    def readout(self) -> Literal["every"]:
        """Every step."""
        return "every"

    def criterion(self, length: int) -> Criterion:
        """Better than the mean of training and than the last value again, by more than a float32 rounds."""
        return Criterion("test_mse", below=min(self.baseline(length), self.second(length).loss) * (1 - ROUNDED))

    @property
    def notes(self) -> str:
        """The file, what is foretold, how far ahead, and in which units, where they change."""
        what = f", {listed(self.target)}" if self.target else ""
        units = ", scaled by the rows so far" if self.scale == "prefix" else ""
        return f"{super().notes}{what}, {self.ahead} ahead{units}"

    def size(self) -> int:
        """See Own: rows."""
        return len(self._table().values)

    def reach(self) -> int:
        """See Own."""
        return self.ahead

    def gap(self, length: int) -> int:
        """A window and its last target: no row that training sees has a part in the test."""
        return length + self.ahead

    @property
    def memoryless(self) -> bool:
        """Values now are near to values to come."""
        return False

    def baseline(self, length: int) -> float:
        """The MSE, on the test targets, of the mean by which they are scaled."""
        return float(np.square(self._cut(length)[2].y.astype(np.float64)).mean())

    def second(self, length: int) -> Line:
        """The last value again."""
        test = self._cut(length)[2]
        again = np.square(test.y.astype(np.float64) - test.x[:, :, : self.outputs]).mean()
        return Line("last value", "who says the last value again", float(again))

    def check_length(self, length: int) -> None:
        """Each part must have a window, and each column a unit in the rows that give it one."""
        super().check_length(length)
        self._scaled(length)

    def dataset(self, streams: Streams, length: int) -> Dataset:
        """Cut the parts into windows; see Own. The seed changes nothing."""
        super().check_length(length)
        train, validation, test = self._cut(length)
        return Dataset(train, validation, test)

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Cut windows of the test part to look at a network with, n of them, from anywhere in it."""
        part = self.parts(length)[2]
        first = generator.integers(part.start, part.stop - length - self.ahead + 1, (n,))
        shown, later = self._scaled(length)
        steps = first[:, None] + np.arange(length)
        return Split(shown[steps], later[steps])

    def _cut(self, length: int) -> tuple[Split, Split, Split]:
        shown, later = self._scaled(length)

        def cut(part: range, n: int) -> Split:
            shape, rows = (n, length, -1), slice(part.start, part.start + n * length)
            return Split(shown[rows].reshape(shape), later[rows].reshape(shape))

        train, validation, test = map(cut, self.parts(length), self.examples(length))
        return train, validation, test

    def _scaled(self, length: int) -> tuple[Float32, Float32]:
        """Return what is shown at each row, those to be foretold first, and what is foretold there, in its units.

        Raises DataError for a column that has no unit, and for a value that is too far from the others.
        """
        table, ahead = self._table(), self.ahead
        training = len(self.parts(length)[0])
        least = min(FIRST, training) if self.scale == "prefix" else training
        train = table.values[:least]
        for place in np.flatnonzero(np.ptp(train, axis=0) <= STILL * np.abs(train).max(axis=0))[:1]:
            what = "give it its first unit" if self.scale == "prefix" else "train: nothing to learn from"
            raise _fault(
                self.file,
                f'column "{clipped(table.shown[place])}"',
                f"it is always {train[0, place]:g} in the first {least:,} rows, which {what}. Name the other columns: "
                "task.columns",
            )
        for place in np.flatnonzero(np.ptp(train, axis=0) < LEAST)[:1]:
            raise _fault(
                self.file,
                f'column "{clipped(table.shown[place])}"',
                f"it spans {np.ptp(train[:, place]):.2g} in the first {least:,} rows; at least {LEAST:g}. Write it in "
                "another unit, or name the other columns: task.columns",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            mean, spread = _so_far(table.values, least) if self.scale == "prefix" else (train.mean(0), train.std(0))
            shown, later = (
                np.asarray((values - mean) / spread) for values in (table.values, _after(table.values, ahead))
            )
        for scaled, behind in ((shown, 0), (later[:-ahead], ahead)):
            for row, place in np.argwhere(~(np.abs(scaled) <= FARTHEST))[:1]:
                raise _fault(
                    self.file,
                    f'line {table.lines[row + behind]:,}, column "{clipped(table.shown[place])}"',
                    f"{table.values[row + behind, place]:g} is {abs(scaled[row, place]):.2g} standard deviations of "
                    f"the {'rows so far' if self.scale == 'prefix' else 'training part'} from their mean; at most "
                    f"{FARTHEST:g}. Mend it",
                )
        return shown.astype(np.float32), np.ascontiguousarray(later[:, : self.outputs].astype(np.float32))

    def _table(self) -> Table:
        return _table(self.file, self.columns, self.target)


def _so_far(values: Float64, least: int) -> tuple[Float64, Float64]:
    """Return mean and standard deviation of the rows up to each one, (rows, columns); of the first, of ``least``."""
    first = values[:least]
    middle, unit = first.mean(axis=0), first.std(axis=0)  # so that little is lost in squares
    units = (values - middle) / unit
    counts = np.arange(1, len(values) + 1)[:, None]
    mean, squares = units.cumsum(axis=0) / counts, np.square(units).cumsum(axis=0) / counts
    spread = np.sqrt(squares - np.square(mean))
    mean[:least], spread[:least] = 0.0, 1.0
    return middle + unit * mean, unit * spread


def _after(values: Float64, ahead: int) -> Float64:
    """Return the rows ``ahead`` rows later; the last of them, which nobody asks for, hold zeros."""
    later = np.zeros_like(values)
    later[:-ahead] = values[ahead:]
    return later


@dataclass(frozen=True, eq=False)
class Table:
    """The shown columns of a file, by their names: (rows, columns); and the line of the file that each row ends in."""

    shown: tuple[str, ...]
    values: Float64
    lines: Sequence[int]


@lru_cache(maxsize=2)
def _table(file: UserFile, columns: tuple[str, ...], target: tuple[str, ...]) -> Table:
    """Read the columns of a CSV file. Raises DataError, with line and column, for what is not a table of numbers."""
    data = file.read("task.file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _fault(
            file, f"line {line:,}", f"not UTF-8 text (byte 0x{data[error.start]:02x}). Save it as UTF-8"
        ) from None
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        shown = _chosen(file, names, columns, target)
        places = [names.index(name) for name in shown]
        found, lines = array("d"), array("q")
        empty = 0  # the first of the empty lines just read: nothing at the end of the file, else a missing value
        for row in reader:
            if not row:
                empty = empty or reader.line_num
                continue
            if empty:
                raise _no_number(file, empty, shown[0], "")
            if len(row) != len(names):
                raise _fault(
                    file,
                    f"line {reader.line_num:,}",
                    f"{len(row)} values, and the first line names {len(names)} columns. Mend the line",
                )
            for place in places:
                found.append(_number(file, reader.line_num, names[place], row[place]))
            lines.append(reader.line_num)
    except csv.Error as error:
        raise _fault(file, f"line {reader.line_num:,}", f"not CSV ({error}). Mend the line") from None
    return Table(shown, np.frombuffer(found, dtype=np.float64).reshape(-1, len(shown)), lines)


def _chosen(file: UserFile, names: list[str], columns: tuple[str, ...], target: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the shown columns, those to be foretold first."""
    if not any(names):
        raise _fault(file, "line 1", "no names of columns. Give the file a first line such as time,temperature")
    if all(math.isfinite(_parsed(name)) for name in names):
        raise _fault(
            file,
            "line 1",
            f'only numbers ("{clipped(names[0])}") where the names of the columns should be. Add a first line with '
            "their names, such as time,temperature",
        )
    for name in (*columns, *target):
        if name not in names:
            known = ", ".join(clipped(one) for one in names[:MOST_SHOWN])
            more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
            raise DataError(
                f'{file.path} has no column "{clipped(name)}".{did_you_mean(name, names)} Its first line names: '
                f"{known}{more}",
                "task.columns" if name in columns else "task.target",
            )
    asked = columns or tuple(names)
    for name in asked:
        if names.count(name) > 1 or not name:
            said = f'names "{clipped(name)}" twice' if name else "leaves a column without a name"
            raise _fault(file, "line 1", f"{said}. Give each column a name of its own")
    return (*target, *(name for name in asked if name not in target))


def _number(file: UserFile, line: int, column: str, text: str) -> float:
    value = _parsed(text)
    if abs(value) <= LARGEST:
        return value
    raise _no_number(file, line, column, text)


def _parsed(text: str) -> float:
    """Return the number that a text says, NaN where it says none."""
    try:
        return value_of(text)
    except ValueError:
        return math.nan


def _no_number(file: UserFile, line: int, column: str, text: str) -> DataError:
    if math.isfinite(_parsed(text)):
        said = f'"{clipped(text)}" is too large; at most {LARGEST:g}'
    else:
        said = f'"{clipped(text)}" is no finite number' if text.strip() else "a value is missing"
    return _fault(
        file,
        f'line {line:,}, column "{clipped(column)}"',
        f"{said}. Mend it, or name the columns that are to be read: task.columns",
    )


def _fault(file: UserFile, place: str, what: str) -> DataError:
    return DataError(f"{file.path}, {place}: {what}", "task.file")
