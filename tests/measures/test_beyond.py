"""What is told of lengths beyond the trained one, by hand and of a small run.

Planted and found: shorter lengths in the mean; the loss of a task that is judged by its accuracy; the chance of the
trained length; "lengths" for what is drawn, trained at or tested at.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import unroll
from tests.analysis.builders import trials
from unroll.cli.output import conditions_table
from unroll.exporters.nested import nested
from unroll.measures.asking import layouts
from unroll.measures.base import About
from unroll.measures.beyond import figure, sheet
from unroll.measures.beyond.table import beyond, means
from unroll.measures.installed import measure
from unroll.plots.files import to_svg
from unroll.report.facts import settings
from unroll.tasks.brackets import Brackets
from unroll.wording import percent

LENGTHS = (4, 8, 16)


def tables(**changes) -> pd.DataFrame:
    """Two GRUs that were trained at 6 steps, by hand."""
    frame = trials({("gru", 6): [0.1, 0.2]})
    frame = frame.assign(solved_metric="test_accuracy", solved_below=float("nan"), solved_above=0.9, **changes)
    rows = [(key, place, length) for key in frame["key"] for place, length in enumerate(LENGTHS, 1)]
    tested = pd.DataFrame(rows, columns=["key", "place", "tested"]).assign(baseline=0.7, chance=[0.6, 0.5, 0.4] * 2)
    values = {"accuracy": [1.0, 0.95, 0.5, 0.99, 0.85, 0.7], "loss": [0.1, 0.2, 0.6, 0.1, 0.4, 0.5]}
    steps = pd.DataFrame({"key": tested["key"], "step": tested["place"]})
    return beyond(frame, tested, {name: steps.assign(value=each) for name, each in values.items()})


def test_the_table_by_hand():
    table = tables()
    assert table["tested"].tolist() == [4, 8, 16]
    assert table["longer"].tolist() == [False, True, True]
    assert table["value"].tolist() == pytest.approx([0.995, 0.9, 0.6])
    assert table["reference"].tolist() == table["chance"].tolist() == [0.6, 0.5, 0.4]
    assert table["solved"].tolist() == [2, 1, 0]
    assert table["loss"].tolist() == pytest.approx([0.1, 0.3, 0.55])
    (mean,) = means(table).to_dict("records")
    assert mean["lengths"] == [8, 16]
    assert mean["each_seed"] == pytest.approx([0.725, 0.775])
    assert (mean["value"], mean["reference"], mean["furthest"]) == pytest.approx((0.75, 0.45, 4))


def test_lengths_that_are_all_shorter_have_a_table_of_their_own():
    class Told:
        factors = ()

        def __init__(self, frame: pd.DataFrame):
            self.measure = lambda name: frame

    table = tables()
    whole = list(measure("beyond").layouts(Told(table), "terminal"))
    shorter = list(measure("beyond").layouts(Told(table[~table["longer"]]), "terminal"))
    assert [layout.name for layout in whole] == ["beyond"]
    assert [layout.name for layout in shorter] == ["beyond_by_length"]
    assert [layout.rows for layout in shorter] != [[]]


def test_a_task_that_is_judged_by_its_loss_is_told_by_it():
    frame = tables().drop(columns=["accuracy"])
    assert frame["quantity"].unique().tolist() == ["accuracy"]
    one = trials({("gru", 6): [0.1]})
    tested = pd.DataFrame({"key": one["key"].repeat(2), "place": [1, 2], "tested": [12, 24], "baseline": 1 / 6})
    loss = pd.DataFrame({"key": one["key"].repeat(2), "step": [1, 2], "value": [0.004, 0.1]})
    table = beyond(one, tested.assign(chance=float("nan")), {"loss": loss})
    assert table["quantity"].tolist() == ["loss", "loss"]
    assert table["solved"].tolist() == [1, 0]
    assert table["reference"].tolist() == pytest.approx([1 / 6, 1 / 6])
    assert table["accuracy"].isna().all()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> unroll.Results:
    study = unroll.Study(
        name="beyond",
        factors={"task": ["brackets", "adding"], "model": ["gru", "tanh_rnn"], "length": [4], "seed": [1]},
        task={"train": 40, "validation": 0, "test": 20},
        model={"hidden": 3},
        train={"epochs": 1, "batch": 20},
        test={"lengths": [2, 8, 12]},
    )
    return unroll.run(study, tmp_path_factory.mktemp("beyond") / "results.db", executor="inline")


def test_it_is_shown_wherever_results_are(results: unroll.Results, tmp_path: Path):
    table = results.beyond()
    assert len(table) == 4 * 3
    mine = table[(table["task"] == "brackets") & (table["model"] == "gru")]
    trial = results.trials().set_index(["task", "model"]).loc[("brackets", "gru")]
    assert mine.loc[mine["longer"], "value"].mean() == pytest.approx(trial["accuracy_beyond"], rel=1e-6)
    assert mine["chance"].tolist() == [Brackets().chance(length) for length in (2, 8, 12)]
    said = [finding.sentence for finding in measure("beyond").findings(results, About())]
    assert len(said) == 2
    assert all(text.startswith("Trained on the ") and "at T = 4, at T = 8 and 12" in text for text in said)
    assert f"chance is {percent(mine.loc[mine['longer'], 'chance'].mean())}." in said[0]
    assert "where the baseline is 0.167" in said[1]
    names = [layout.name for one, layout in layouts(results, "page") if one.name == "beyond"]
    assert names == ["beyond", "beyond_by_length"]
    points = figure.points(results)
    assert "chance" in figure.describe(points)
    assert "trained up to here" in to_svg(figure.draw(points))
    rows = nested(results)
    assert len(rows[0]["beyond"]) == 3
    assert [row["chance"] for row in rows[0]["beyond"]] == mine["chance"].tolist()


def test_a_table_with_an_accuracy_has_its_chance(results: unroll.Results):
    """At each length its own; of a mixture of tasks each row what belongs to it."""
    frame = results.beyond()
    heads = [column.name for column in sheet.by_length(frame, ()).columns]
    assert heads.index("chance") == heads.index("accuracy") + 1
    only = frame[frame["task"] == "brackets"]
    assert "chance" in [column.name for column in sheet.mean(only, ()).columns]
    assert "baseline" in [column.name for column in sheet.mean(frame[frame["task"] == "adding"], ()).columns]


def test_lengths_that_are_drawn_trained_at_and_tested_at_have_names_of_their_own(tmp_path: Path):
    """A task's setting ``lengths`` says how they are drawn, that of ``[test]`` which are tested; T is trained at."""
    study = unroll.Study(
        name="names",
        factors={
            "task": ["parity"],
            "model": ["gru"],
            "length": [4, 6],
            "task.lengths": ["fixed", "uniform"],
            "seed": [1],
        },
        task={"train": 40, "validation": 10, "test": 20},
        model={"hidden": 3},
        train={"epochs": 1, "batch": 20},
        test={"lengths": [8, 12]},
    )
    results = unroll.run(study, tmp_path / "results.db", executor="inline")
    page = {layout.name: layout for _, layout in layouts(results, "page")}
    heads = {name: [column.name for column in layout.columns] for name, layout in page.items()}
    assert all("task.lengths" in names for name, names in heads.items() if name in ("solved", "beyond", "span"))
    assert "trained at T =" in heads["span"]
    assert "tested at T =" in heads["beyond"]
    assert not any("lengths" in names for names in heads.values())
    assert [column.name for column in conditions_table(results).columns][3] == "task.lengths"
    named = [fact.name for facts in settings(results.planned).values() for fact in facts]
    assert {"task.lengths", "test.lengths"} < set(named)
    assert "lengths" not in named
    assert results.trials()["notes"].unique().tolist() == [
        "the end scored",
        "the end scored, lengths drawn from 1 to T",
    ]
