"""A user's series, against rows, means and windows in plain Python.

Planted and found: a mean over the whole file; windows that shift by one row for ``ahead``; parts without a gap;
the order of columns in the file for that of ``target``; a line that counts from the first row of numbers; the bound of
another length's parts; units of the rows so far that hold the next one, or that a target has of its own row.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from unroll.errors import DataError
from unroll.models.linear import Linear
from unroll.models.persistence import Persistence
from unroll.reading import results
from unroll.running import execute
from unroll.streams import KeyedStreams
from unroll.study import Study
from unroll.tasks.series import Series
from unroll.testing.given import GivenConformance

ROWS = 900


def number(row: int, column: int) -> float:
    return round(((row * 37 + column * 11) % 101) / 10 + row / 100, 3)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("series") / "house.csv"
    lines = [f"day {row},{number(row, 1)}, {number(row, 2)},{number(row, 3)}" for row in range(ROWS)]
    file.write_text("time,warm, cold ,wind\r\n" + "\r\n".join(lines) + "\r\n\r\n", encoding="utf-8", newline="")
    return file


class TestSeries(GivenConformance):
    lengths = (4, 11)

    @pytest.fixture(autouse=True)
    def _file(self, path: Path) -> None:
        self.path = path

    def task(self, **given: Any) -> Series:
        return Series(**{"file": str(self.path), "columns": ["warm", "cold", "wind"], "target": "cold", **given})


class TestScaledByThePrefix(TestSeries):
    def task(self, **given: Any) -> Series:
        return super().task(scale="prefix", ahead=2, **given)


class TestFurtherAhead(TestSeries):
    def task(self, **given: Any) -> Series:
        return super().task(target=["wind", "warm"], ahead=5, **given)


def columns(numbers: tuple[int, ...], train: int) -> list[list[float]]:
    """Rows of these columns, in units of the first ``train`` rows."""
    found = []
    for column in numbers:
        values = [number(row, column) for row in range(ROWS)]
        mean, spread = statistics.fmean(values[:train]), statistics.pstdev(values[:train])
        found.append([(value - mean) / spread for value in values])
    return [list(row) for row in zip(*found, strict=True)]


@pytest.mark.parametrize(("target", "ahead", "order"), [("cold", 1, (2, 1, 3)), (["wind", "warm"], 4, (3, 1, 2))])
def test_windows_and_targets_of_each_part(path: Path, target: Any, ahead: int, order: tuple[int, ...]) -> None:
    task = Series(file=str(path), columns=["warm", "cold", "wind"], target=target, ahead=ahead)
    length, outputs = 10, 1 if isinstance(target, str) else len(target)
    gap = length + ahead
    held = (ROWS - 2 * gap) // 20
    train = ROWS - 2 * (gap + held)
    rows = columns(order, train)
    data = task.dataset(KeyedStreams(1), length)
    parts = ((0, train), (train + gap, train + gap + held), (ROWS - held, ROWS))
    used: list[set[int]] = []
    for split, (begin, end) in zip((data.train, data.validation, data.test), parts, strict=True):
        starts = list(range(begin, end - length - ahead + 1, length))
        assert len(split) == len(starts) > 0
        for x, y, start in zip(split.x, split.y, starts, strict=True):
            np.testing.assert_allclose(x, rows[start : start + length], rtol=1e-5, atol=1e-6)
            later = rows[start + ahead : start + ahead + length]
            np.testing.assert_allclose(y, [row[:outputs] for row in later], rtol=1e-5, atol=1e-6)
        used.append({row for start in starts for row in range(start, start + length + ahead)})
    assert min(used[1]) - max(used[0]) > gap
    assert min(used[2]) - max(used[1]) > gap
    squares = np.square(data.test.y.astype(np.float64))
    assert task.baseline(length) == pytest.approx(squares.mean())
    assert (task.inputs, task.outputs) == (3, outputs)


def test_units_of_the_rows_so_far_never_look_ahead(tmp_path: Path) -> None:
    """Each row by mean and deviation of all rows up to it, in plain Python; a later row changes nothing before it."""
    length, ahead, rows = 8, 3, 400
    values = [[number(row, 1) + row // 90 * 50, number(row, 2) * 3 ** (row / 80)] for row in range(rows)]
    held = (rows - 2 * (length + ahead)) // 20
    starts = (0, rows - 2 * held - (length + ahead), rows - held)

    def splits(changed: int = rows) -> list[Any]:
        file = tmp_path / f"{changed}.csv"
        told = [[a + (row >= changed) * 7, b] for row, (a, b) in enumerate(values)]
        file.write_text("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in told))
        task = Series(file=str(file), target="b", ahead=ahead, scale="prefix")
        data = task.dataset(KeyedStreams(1), length)
        assert task.baseline(length) == pytest.approx(np.square(data.test.y.astype(np.float64)).mean())
        again = np.square(data.test.y.astype(np.float64) - data.test.x[:, :, :1]).mean()
        assert task.second(length).loss == pytest.approx(again)
        return [data.train, data.validation, data.test]

    for split, start in zip(splits(), starts, strict=True):
        for place in range(len(split.x) * length):
            row = start + place
            for column, shown in ((1, 0), (0, 1)):
                past = [one[column] for one in values[: max(row + 1, 100)]]
                mean, unit = statistics.fmean(past), statistics.pstdev(past)
                x = split.x.reshape(-1, 2)[place, shown]
                assert x == pytest.approx((values[row][column] - mean) / unit, rel=1e-4, abs=1e-5)
                if shown == 0:
                    y = split.y.ravel()[place]
                    assert y == pytest.approx((values[row + ahead][column] - mean) / unit, rel=1e-4, abs=1e-5)
    before, after = splits(), splits(starts[2] + 2)
    for one, other in zip(before[:2], after[:2], strict=True):
        np.testing.assert_array_equal(one.x, other.x)
    same = (before[2].x == after[2].x).reshape(-1, 2)[:, 1]
    assert same.tolist() == [step < 2 for step in range(len(same))]


def test_the_criterion_is_to_be_better_than_the_last_value_and_the_mean(path: Path) -> None:
    task = Series(file=str(path), columns=["warm"], ahead=3)
    for length in (1, 5, 30):
        gap = length + 3
        held = (ROWS - 2 * gap) // 20
        part = [row[0] for row in columns((1,), ROWS - 2 * (gap + held))][ROWS - held :]
        asked = (held - 3) // length * length
        again = statistics.fmean((part[step + 3] - part[step]) ** 2 for step in range(asked))
        mean = statistics.fmean(part[step + 3] ** 2 for step in range(asked))
        assert task.criterion(length).below == pytest.approx(min(again, mean), rel=5e-6)
        assert task.second(length).loss == pytest.approx(again)
    Persistence().check_task(task)
    Linear().check_task(Series(file=str(path), columns=["warm", "cold"]))


def test_the_last_value_again_does_not_solve_a_series_of_any_length(tmp_path: Path) -> None:
    steps = np.random.default_rng(3).normal(size=1200).cumsum() + np.linspace(0, 1, 1200) ** 4 * 60
    (tmp_path / "walk.csv").write_text("a\n" + "".join(f"{value}\n" for value in steps))
    study = Study(
        name="walk",
        factors={"task": ["series"], "model": ["persistence"], "length": [2, 10, 35], "seed": [1]},
        task={"file": str(tmp_path / "walk.csv")},
    )
    execute(study, tmp_path / "results.db", executor="inline")
    trials = results(study, tmp_path / "results.db").trials()
    assert trials["test_mse"].tolist() == pytest.approx(trials["second_loss"].tolist())
    assert trials["solved_below"].tolist() == pytest.approx(trials["second_loss"].tolist(), rel=2e-6)
    assert trials["solved"].tolist() == [0, 0, 0]


def test_all_columns_are_shown_where_none_are_named(tmp_path: Path) -> None:
    file = tmp_path / "semicolons.csv"
    file.write_text("a;b\n" + "".join(f"{row};{row * row}\n" for row in range(100)))
    task = Series(file=str(file))
    assert (task.inputs, task.outputs, task.size()) == (2, 2, 100)


@pytest.mark.parametrize(
    ("text", "given_settings", "told"),
    [
        ("a,b\n1,2\n1,x\n", {}, r'line 3, column "b": "x" is no finite number'),
        ("a,b\n1,2\n1,\n", {}, r'line 3, column "b": a value is missing'),
        ("a,b\n1,2\n\n1,2\n", {}, r'line 3, column "a": a value is missing'),
        ("a\n1\n\n\n2\n", {}, r'line 3, column "a": a value is missing'),
        ("a\n\n1\n", {}, r'line 2, column "a": a value is missing'),
        ("a,b\n1,2\n1,1_000\n", {}, r'line 3, column "b": "1_000" is no finite number'),
        ("a,b\n1,2\n1,٣\n", {}, r'line 3, column "b": "٣" is no finite number'),
        ("a,b\n1,2\n1,-1e200\n", {}, r'line 3, column "b": "-1e200" is too large; at most 1e\+100'),
        ("1.5,2\n1,2\n", {}, r'line 1: only numbers \("1.5"\) where the names .* Add a first line'),
        ("7\n8\n", {"columns": ["7"]}, "line 1: only numbers"),
        ("a,b\n1,2\n1,nan\n", {}, r'line 3, column "b": "nan" is no finite number'),
        ("a,b\n1,2\n1,inf\n", {}, r'line 3, column "b": "inf" is no finite number'),
        ("a,b\n1,2\n1,2,3\n", {}, "line 3: 3 values, and the first line names 2 columns"),
        ('a,b\n1,2\n"1\n2",2\n', {}, 'line 4, column "a"'),
        ("a,b\n1,2\n", {"columns": ["c"]}, 'no column "c".*names: a, b'),
        ("a,b\n1,2\n", {"target": "B"}, 'no column "B". Did you mean "b"'),
        ("a,a\n1,2\n", {}, 'line 1: names "a" twice'),
        ("a,\n1,2\n", {}, "line 1: leaves a column without a name"),
        ("", {}, "line 1: no names of columns"),
        ('a,b\n1,"2\n', {}, "not CSV"),
    ],
)
def test_what_is_no_table_of_numbers_has_its_place(tmp_path: Path, text: str, given_settings: Any, told: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told) as caught:
        Series(file=str(file), **given_settings).check_length(1)
    assert caught.value.setting.startswith("task.")


def test_not_utf_8_and_columns_that_do_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(b"a,b\n1,2\n\xff,2\n")
    with pytest.raises(DataError, match=r"line 3: not UTF-8 text \(byte 0xff\)"):
        Series(file=str(file)).check_length(1)
    with pytest.raises(ValidationError, match=r'"b" of task\.target is not in task\.columns'):
        Series(file=str(file), columns=["a"], target="b")
    with pytest.raises(ValidationError, match="twice"):
        Series(file=str(file), columns=["a", "a"])


def test_too_few_rows_say_how_many_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    for rows, good in ((241, False), (242, True)):
        file.write_text("a\n" + "".join(f"{row % 7}\n" for row in range(rows)))
        if good:
            assert Series(file=str(file)).examples(10) == (19, 1, 1)
            Series(file=str(file)).check_length(10)
        else:
            with pytest.raises(ValueError, match=r"10 is too long for few\.csv.*at least 242 steps"):
                Series(file=str(file)).check_length(10)
    file.write_text("a\n")
    with pytest.raises(ValueError, match="its 0 steps"):
        Series(file=str(file)).check_length(1)


@pytest.mark.parametrize("still", ["3", "0.1", "-1e-300", "0", "1e90"])
def test_a_column_that_training_never_sees_change_is_named(tmp_path: Path, still: str) -> None:
    file = tmp_path / "still.csv"
    file.write_text("a,b\n" + "".join(f"{row % 7},{still if row < 185 else row}\n" for row in range(200)))
    for ask in (Series.check_length, lambda task, length: task.dataset(KeyedStreams(1), length)):
        with pytest.raises(DataError, match=r'column "b": it is always .* task\.columns'):
            ask(Series(file=str(file), target="a"), 5)
    Series(file=str(file), columns="a").check_length(5)


@settings(max_examples=25, deadline=None)
@given(st.floats(-1e90, 1e90), st.floats(1e-6, 1.0))
def test_a_column_that_changes_has_units_wherever_it_lies(middle: float, share: float) -> None:
    spread = max(abs(middle) * share, 1e-90)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "far.csv"
        file.write_text("a\n" + "".join(f"{middle + spread * (row % 5)!r}\n" for row in range(200)))
        data = Series(file=str(file)).dataset(KeyedStreams(1), 5)
    units = np.array([(row % 5 - 2) / math.sqrt(2) for row in range(10)])
    np.testing.assert_allclose(data.train.x.ravel()[:10], units, atol=1e-4)


@pytest.mark.parametrize("scale", ["train", "prefix"])
def test_a_column_whose_squares_are_no_numbers_is_named(tmp_path: Path, scale: str) -> None:
    file = tmp_path / "small.csv"
    for swing, good in (("e-201", False), ("e-160", False), ("e-149", True)):
        file.write_text("a,b\n" + "".join(f"{row % 7},{row % 5 - 2}{swing}\n" for row in range(200)))
        task = Series(file=str(file), target="a", scale=scale)
        if good:
            units = task.dataset(KeyedStreams(1), 5).train.x[0, :, 1]
            np.testing.assert_allclose(units, [(row - 2) / math.sqrt(2) for row in range(5)], atol=0.05)
            continue
        with pytest.raises(DataError, match=r'column "b": it spans 4e-\d+ in the first .* at least 1e-150'):
            task.check_length(5)
        Series(file=str(file), columns="a", scale=scale).check_length(5)


def test_a_value_that_is_beyond_the_units_of_training_has_its_place(tmp_path: Path) -> None:
    file = tmp_path / "far.csv"
    rows = [f"{row % 7},{row % 5}" for row in range(200)]
    rows[195] = "1,1e60"
    file.write_text("a,b\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r'line 197, column "b": 1e\+60 is .* standard deviations'):
        Series(file=str(file)).check_length(5)
    Series(file=str(file), columns="a").check_length(5)
