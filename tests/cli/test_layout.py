"""Tables on terminals of any width: nothing is cut, what is left out is named, rows are told apart.

Planted and found: a column's least width without its longest cell; a cell that is broken within a number; a column that
is left out and not named; a paragraph of a row without its last cell; a heading told once that differs in one row;
conditions of two lengths without a column for the length; two widths of a map of capacities as one row.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.builders import trials
from tests.filled import filled
from tests.report.page import Page
from tests.templates import filled_in
from unroll import Study, read_study, shipped_studies
from unroll.analysis import conditions
from unroll.analysis.sheets import of_second, second
from unroll.cli.output import conditions_table, facts_table
from unroll.layout import LISTED, Column, Layout, broken, wide
from unroll.measures.asking import layouts
from unroll.reading import Results
from unroll.report import report
from unroll.terminal import Terminal
from unroll.wording import MISSING

WIDTHS = (60, 80, 120)
SEEDS = "seed=[1, 2, 3, 4, 5, 6]"


def lines_of(table: Layout, width: int) -> list[str]:
    file = io.StringIO()
    Terminal(file=file, width=width).print(*table.parts(width), sep="\n")
    return [line.rstrip() for line in file.getvalue().splitlines()]


def left_out(table: Layout, lines: list[str], width: int) -> set[str]:
    said = " ".join(lines)
    found = re.search(rf"Left out at {width} columns: (.*?)\. A wider terminal or --json shows them\.", said)
    names = {column.name for column in table.columns}
    out = set(found[1].split(", ")) if found else set()
    while not out <= names:  # names with commas in them
        first = next(name for name in names if found and name not in out and name in found[1])
        out = {name for name in out if name not in first.split(", ")} | {first}
    return out


def assert_whole(table: Layout, width: int) -> None:
    """Every value of a cell stands in the output, uncut, or its column is named as left out; no line is too long."""
    lines = lines_of(table, width)
    assert not [line for line in lines if wide(line) > width]
    out = left_out(table, lines, width)
    shown = " ".join(" ".join(lines).split())
    for place, column in enumerate(table.columns):
        for row in table.rows if column.name not in out else ():
            cell = str(row.cells[place])
            for value in re.split(r"\s*\n\s*|  +", cell) if cell not in ("", MISSING) else ():
                words = value.split() if column.words else [value]
                for word in words:
                    assert re.search(rf"(?<![\w.+-]){re.escape(word)}(?![\w.+-])", shown), (word, column.name)


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.3g}"),
    st.integers(-(10**9), 10**9).map(lambda value: f"{value:,}"),
    st.sampled_from(["12 %", "0.0065 %", "10/10", MISSING, ""]),
)
LISTS = st.lists(NUMBERS.filter(lambda text: text not in ("", MISSING)), max_size=12).map(LISTED.join)


@st.composite
def tables(draw: st.DrawFn) -> Layout:
    kinds = draw(st.lists(st.sampled_from(["head", "figure", "list"]), min_size=1, max_size=14))
    columns = [Column("model", head=True)]
    for place, kind in enumerate(kinds):
        name = f"{draw(st.sampled_from(['error', 'test MSE, median', 's/epoch', '1 % up to']))} {place}"
        columns.append(
            Column(
                name, right=kind == "figure", head=kind == "head", words=kind == "list", spare=draw(st.integers(0, 4))
            )
        )
    table = Layout(columns, title=draw(st.sampled_from(["", "numbers-models"])), caption="1 % up to: steps")
    for row in range(draw(st.integers(1, 5))):
        cells = [f"model_{row if draw(st.booleans()) else 0}"]
        cells += [draw(LISTS if kind == "list" else NUMBERS) for kind in kinds]
        table.add(*cells, apart=draw(st.booleans()))
    return table


@given(tables(), st.integers(30, 160))
@settings(max_examples=60, deadline=None)
def test_no_number_is_cut_in_any_table_at_any_width(table: Layout, width: int):
    assert_whole(table, width)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    """Every shipped study with results, six seeds of the short ones and one of the long ones."""
    store = tmp_path_factory.mktemp("store") / "results.db"
    found = {}
    for name in shipped_studies():
        study = read_study(name, check=False)
        seeds = SEEDS if study.count() < 60 else "seed=[1]"
        given = [seeds, *filled_in(name, store.parent)]
        found[name] = filled(store, read_study(name, given), complete=name != "adding").frozen()
    return found


@pytest.mark.parametrize("name", shipped_studies())
def test_the_shipped_studies_at_60_80_and_120_columns(results: dict[str, Results], name: str):
    tables = [conditions_table(results[name]), *(table for _, table in layouts(results[name], "terminal"))]
    for table in tables:
        for width in WIDTHS:
            assert_whole(table, width)
        heads = [place for place, column in enumerate(table.columns) if column.head]
        rows = [tuple(str(row.cells[place]) for place in heads) for row in table.rows]
        assert len(set(rows)) == len(rows), "two rows with the same text"


def test_what_all_rows_share_is_told_once_in_the_title(results: dict[str, Results]):
    lines = lines_of(conditions_table(results["adding-quick"]), 120)
    assert lines[0] == "adding-quick · task adding"
    assert not [line for line in lines[1:-4] if "adding" in line]


def test_on_80_columns_the_first_study_is_a_table_with_each_condition(results: dict[str, Results]):
    lines = lines_of(conditions_table(results["adding-quick"]), 80)
    conditions = results["adding-quick"].table()
    assert sum(line.startswith(("tanh_rnn", "lstm", "gru")) for line in lines) == len(conditions) == 9


def test_widths_and_windows_that_both_vary_have_rows_of_their_own(tmp_path: Path):
    common = {"task": ["announce"], "length": [2, 4], "seed": [1], "model.hidden": [8, 16]}
    grids = [{**common, "model": ["feedforward"], "model.window": [4, 8]}, {**common, "model": ["gru"]}]
    results = filled(tmp_path / "r.db", Study(name="both", factors=grids))
    (table,) = [t for _, t in layouts(results, "terminal") if "unexplained" in t.title]
    assert len(table.rows) == 6
    assert len({tuple(map(str, row.cells[:3])) for row in table.rows}) == 6


VALUES = {
    "model.hidden": [4, 8],
    "train.learning_rate": [0.001, 0.0010000001],
    "task.representation": ["raw", "difference"],
    "task.scale": ["prefix", "whole"],
    "train.clip_norm": ["none", 1.0],
    "train.optimizer": ["adam", "sgd"],
    "generate.prime": ["once", "twice"],
}


@given(
    st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=3),
    st.sets(st.sampled_from(["gru", "tanh_rnn", "feedforward"]), min_size=1),
    st.sets(st.integers(5, 8), min_size=1, max_size=2),
)
@settings(max_examples=8, deadline=None)
def test_in_random_studies_no_two_rows_have_the_same_text(
    tmp_path_factory: pytest.TempPathFactory, factors: list[str], models: set[str], lengths: set[int]
):
    study = Study(
        name="drawn",
        factors={
            "task": ["odd_numbers"],
            "model": sorted(models),
            "length": sorted(lengths),
            "seed": [1],
            **{factor: VALUES[factor] for factor in factors},
        },
        task={"representation": "raw"},
    )
    results = filled(tmp_path_factory.mktemp("drawn") / "r.db", study).frozen()
    for table in (conditions_table(results), *(table for _, table in layouts(results, "terminal"))):
        heads = [place for place, column in enumerate(table.columns) if column.head]
        rows = [tuple(str(row.cells[place]) for place in heads) for row in table.rows]
        rows = [row for row in rows if "truth" not in row]
        assert len(set(rows)) == len(rows)
        assert_whole(table, 60)


def test_facts_are_whole_on_sixty_columns():
    facts = {"key": "0123456789abcdef" * 3, "curve": "▁▂▃  0.1 → 0.2 (40 values)", "[train]": "epochs = 5, batch = 64"}
    shown = " ".join(lines_of(facts_table("a trial", facts.items()), 60))
    assert all(word in shown for value in facts.values() for word in value.split())


def test_a_percentage_stays_together():
    assert broken("passes 1 % of it", 9) == ["passes", "1 % of it"]


def test_a_grid_of_two_settings_is_told_apart_on_a_screen_and_a_page(tmp_path: Path):
    grid = {"train.backend": ["torch", "native"], "model.hidden": [4, 8]}
    study = Study(
        name="grid", factors={"task": ["adding"], "model": ["gru", "lstm"], "length": [10], "seed": [1, 2], **grid}
    )
    results = filled(tmp_path / "r.db", study).frozen()
    table = conditions_table(results)
    names = [column.name for column in table.columns]
    cells = {tuple(str(row.cells[names.index(name)]) for name in ("model", "backend", "hidden")) for row in table.rows}
    assert cells == {(model, word, str(h)) for model in ("gru", "lstm") for word in ("torch", "native") for h in (4, 8)}
    for width in (60, 80, 120):
        assert_whole(table, width)
    page = Page(report(results))
    assert "reference" not in page.words
    assert {"train.backend", "model.hidden"} <= set(page.words.split())
    assert page.words.count("torch") > 4


def test_a_task_of_a_study_of_many_has_no_columns_that_are_for_others():
    columns = [
        Column("task", head=True),
        Column("model", head=True),
        Column("loss"),
        Column("accuracy"),
        Column("time"),
    ]
    table = Layout(columns, title="both")
    for task, accuracy in (("adding", MISSING), ("copy", "0.835")):
        for model, time in (("gru", MISSING), ("lstm", "0.5" if task == "copy" else MISSING)):
            table.add(task, model, "0.4 of all that there is", accuracy, time)
    assert " ".join(lines_of(table, 80)[1].split()) == "task model loss accuracy time"
    lines = lines_of(table, 50)
    assert [line.split() for line in lines if line.startswith("model")] == [
        ["model", "loss"],
        ["model", "loss", "accuracy", "time"],
    ]
    assert not left_out(table, lines, 50)


def test_second_lines_are_named_where_they_differ_within_a_task_and_told_below_where_they_do_not():
    one = {"second_name": "bag", "second_words": "who knows the values", "second_loss": 0.9625, "second_accuracy": 0.43}
    other = {"second_name": "bit", "second_words": "who sees the bit", "second_loss": 0.67, "second_accuracy": 0.516}
    recall, parity = (
        trials({("gru", 5): [0.1]}, task=task, **line) for task, line in (("recall", one), ("parity", other))
    )

    def told(*parts: pd.DataFrame) -> tuple[str, list[str], str]:
        frame = conditions(pd.concat(parts))
        ((column, write),) = second(frame).items()
        return column.name, [write(row) for row in frame.to_dict("records")], of_second(frame)

    accuracy = "; its loss and, in brackets, its accuracy"
    assert told(recall) == ("bag", ["0.963 (0.430)"], f"bag: who knows the values{accuracy}")
    assert told(recall, parity) == (
        "second line",
        ["0.963 (0.430)", "0.670 (0.516)"],
        f"second line of recall, the bag: who knows the values; of parity, the bit: who sees the bit{accuracy}",
    )
    longer = trials({("gru", 9): [0.1]}, task="recall", **other)
    name, cells, below = told(recall, longer)
    assert (name, cells) == ("second line", ["bag 0.963 (0.430)", "bit 0.670 (0.516)"])
    assert below == f"bag: who knows the values; bit: who sees the bit{accuracy}"


@pytest.mark.parametrize("width", [*WIDTHS, 30])
def test_what_an_answer_is_worth_that_remembers_nothing_is_never_left_out(results: dict[str, Results], width: int):
    for name in ("adding-quick", "first-memory"):
        table = conditions_table(results[name])
        assert not {"baseline", "chance", "second line"} & left_out(table, lines_of(table, width), width)
