"""What measures find when a training has ended: beside the trial, and whatever becomes of it, never instead of it.

Planted and found: a measure that looks before the test loss is computed and moves the weights; one that fails and takes
its trial along; a stream that is the trial's own; a reason that is lost.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.report.page import Page
from tests.store.half_done import change
from unroll import registry
from unroll.cli.main import main
from unroll.errors import UnknownNameError
from unroll.exporters.json import dumps
from unroll.exporters.nested import nested
from unroll.measures import DoesNotApplyError, Found, Measure, NamedArray
from unroll.measures.asking import layouts
from unroll.quantity import Quantity
from unroll.reading import Results
from unroll.report import report
from unroll.running import examining, execute
from unroll.running.recomputation import recompute
from unroll.store import State, Store
from unroll.study import Study
from unroll.training import Training

NAME = "gradient_through_time"
STUDY = Study(
    name="sums",
    factors={"task": ["adding"], "model": ["tanh_rnn", "lstm"], "length": [5], "seed": [1, 2]},
    task={"train": 48, "validation": 16, "test": 16},
    model={"hidden": 3},
    train={"epochs": 2, "batch": 8},
)


class Spoiler(Measure):
    """Changes whatever it can reach."""

    name = "spoiler"
    summary = "a measure that spoils"
    version = "1"
    when = "end"
    place = 1

    def compute(self, trial: Any, task: Any, network: Any, generator: Any) -> Found:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        for parameter in network.parameters():
            parameter.zero_()
        return Found({"drawn": float(generator.uniform(0.0, 1.0, (1,))[0])})


class Failing(Spoiler):
    """Raises."""

    name = "failing"

    def compute(self, trial: Any, task: Any, network: Any, generator: Any) -> Found:
        raise RuntimeError("no number of mine")


class Nothing(Spoiler):
    """Has no number."""

    name = "nothing"

    def compute(self, trial: Any, task: Any, network: Any, generator: Any) -> Found:
        return Found({"x": float("nan")})


class Leaving(Failing):
    """Ends the process, it thinks."""

    name = "leaving"

    def compute(self, trial: Any, task: Any, network: Any, generator: Any) -> Found:
        raise SystemExit(3)


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry.measures, "_registered", {})
    monkeypatch.setattr(registry.measures, "_versions", {})
    return lambda *measures: [registry.measures.register(one.name, one) for one in measures]


def rows(path: Path) -> list[tuple[object, ...]]:
    """Everything of the trials that is no time."""
    with Store.open(path) as store:
        found = []
        for trial in store.trials():
            numbers = {name: value for name, value in trial.metrics.items() if name != "seconds_per_epoch"}
            curves = {n: v.tobytes() for n, v in store.histories(trial.key).items() if n != "seconds"}
            found.append((trial.key, trial.state, trial.digest, numbers, curves, store.parameters(trial.key),
                          store.measures(trial.key), trial.fingerprint["numerics"]))  # fmt: skip
        return found


def test_a_trial_is_the_same_to_the_bit_with_measures_and_without(tmp_path: Path, register, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(examining, "known", dict)
        execute(STUDY, tmp_path / "without.db", executor="inline")
    register(Spoiler, Failing)
    execute(STUDY, tmp_path / "with.db", executor="inline")
    with Store.open(tmp_path / "without.db") as without, Store.open(tmp_path / "with.db") as store:
        assert without.examined_measures(None) == ()
        assert store.examined_measures(None) == ("failing", NAME, "spoiler")
    assert rows(tmp_path / "with.db") == rows(tmp_path / "without.db")


def test_what_is_stored_is_what_the_final_weights_give(tmp_path: Path, register):
    register(Spoiler)
    execute(STUDY, tmp_path / "r.db", executor="inline")
    with Store.open(tmp_path / "r.db") as store:
        for trial in store.trials():
            spoiler, found = store.examinations(trial.key).records
            assert (found.measure, found.version, found.settings, found.snapshot) == (
                NAME,
                "1",
                {"sequences": 64},
                "final",
            )
            assert found.fingerprint["numerics"] == trial.fingerprint["numerics"]
            assert list(found.arrays["log10_gradient"].axes["step"]) == [1, 2, 3, 4]
            assert ("log10_gradient_h" in found.arrays) == (trial.model == "lstm")
            assert np.isfinite(found.arrays["log10_gradient"].values).all(), "it saw what another had spoilt"
            assert spoiler.metrics["drawn"] == store.examinations(trial.key).records[0].metrics["drawn"]
        draws = {store.examinations(t.key).records[0].metrics["drawn"] for t in store.trials() if t.model == "lstm"}
        assert len(draws) == 2, "a seed each"
        assert (store.verify().verified, store.verify().faults) == (4, ())


def test_a_measure_that_fails_or_yields_no_number_loses_no_trial(tmp_path: Path, register):
    register(Failing, Nothing, Leaving)
    execute(STUDY, tmp_path / "r.db", executor="inline")
    with Store.open(tmp_path / "r.db") as store:
        for trial in store.trials():
            assert trial.state is State.complete
            reasons = {one.measure: one.error and one.error["message"] for one in store.examinations(trial.key).records}
            assert reasons["failing"] == "no number of mine"
            assert "is NaN" in reasons["nothing"]
            assert reasons["leaving"] == "3"
            assert reasons[NAME] is None


def test_trained_again_an_examination_has_the_same_bits_or_is_named(tmp_path: Path):
    execute(STUDY, tmp_path / "r.db", executor="inline")
    with Store.open(tmp_path / "r.db", write=True) as store:
        assert all(found.different == () and not found.reason for found in recompute(store, 4))
        from unroll.store.examinations import add, clear

        for row_id, key in store._db.execute("SELECT id, key FROM trials").fetchall():
            (record,) = store.examinations(key).records
            clear(store._db, row_id)
            changed = {**record.metrics, "gradient_reach": record.metrics["gradient_reach"] + 1}
            add(store._db, row_id, [type(record)(**{**vars(record), "metrics": changed})])
        assert {found.different for found in recompute(store, 4)} == {(NAME,)}


def test_the_global_generators_are_left_alone():
    from unroll.study import expand
    from unroll.testing.untouched import global_generators_untouched

    training = Training(expand(STUDY)[0])
    with global_generators_untouched():
        examining.examine(training.trial, training.network)


def test_workers_know_a_measure_that_was_registered_here(register):
    from unroll.running.work import adopt_plugins, registered_plugins

    register(Spoiler)
    handed = registered_plugins()
    registry.measures._registered.clear()
    adopt_plugins(handed)
    assert "spoiler" in registry.measures.names()


def test_show_tells_what_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch, register):
    register(Failing)
    store = tmp_path / "r.db"
    execute(STUDY, store, executor="inline")
    with Store.open(store) as opened:
        key = opened.trials()[0].key
    monkeypatch.setattr("sys.argv", ["unroll", "show", key[:12], "--store", str(store)])
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr().out
    assert "gradient_reach" in out
    assert "no number of mine" in out


def test_its_table_has_a_row_per_condition(tmp_path: Path):
    execute(STUDY, tmp_path / "r.db", executor="inline")
    results = Results(STUDY, tmp_path / "r.db")
    table = results.measure(NAME)
    assert table[["model", "n", "steps", "without"]].to_numpy().tolist() == [["tanh_rnn", 2, 4, 0], ["lstm", 2, 4, 0]]
    found = results.examination(NAME)
    for row in table.itertuples():
        mine = found[(found["model"] == row.model) & (found["quantity"] == "gradient_reach")]["value"]
        assert (row.reach, row.reach_low, row.reach_high) == (mine.median(), mine.min(), mine.max())
    columns = results.with_examinations(results.trials())
    assert columns[f"{NAME}.gradient_reach"].notna().all()
    with pytest.raises(UnknownNameError, match="gradient_through_time"):
        results.examination("gradient_trough_time")


def test_a_trial_without_one_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study = Study(
        name="numbers",
        factors={"task": ["odd_numbers"], "model": ["linear", "gru"], "length": [4], "seed": [1]},
        where=[{"match": {"model": ["gru"]}, "model": {"hidden": 3}}],
        train={"epochs": 1},
    )
    monkeypatch.setattr(examining, "known", dict)
    execute(study, tmp_path / "r.db", executor="inline")
    notes = Results(study, tmp_path / "r.db").examination(NAME).set_index("model")["note"]
    assert "keeps no state" in notes["linear"]
    assert notes["gru"] == "not recorded"


class Odd(Spoiler):
    """Names its axes as columns are named, leaves out places, and counts in words."""

    name = "odd"
    title = "Odd"

    def quantities(self, task: Any, length: int) -> tuple[Quantity, ...]:
        return (Quantity("flat", "what is flat", axes=("value", "model")),)

    def compute(self, trial: Any, task: Any, network: Any, generator: Any) -> Found:
        axes = {"value": [1, 2], "model": ["z", "a"], "n": [0.5], "key": [10], "note": [1], "train.epochs": [3]}
        half = np.array([[1.0, 2.0], [3.0, np.nan]]).reshape(2, 2, 1, 1, 1, 1)
        two = {"value": [1, 2], "model": ["z", "a"]}
        steps = NamedArray({"step": [1, 2, 1000]}, np.array([1.0, np.nan, 5.0]))
        return Found(
            {"single": 7.0},
            {"table": NamedArray(axes, half), "curve": steps, "flat": NamedArray(two, half.reshape(2, 2))},
        )


class Short(Spoiler):
    """Does not apply to a trial of one step."""

    name = "short"
    title = "Short"

    def compute(self, trial: Any, task: Any, network: Any, generator: Any) -> Found:
        if trial.length == 1:
            raise DoesNotApplyError("One step is none to look back on.")
        raise RuntimeError("no number of mine")


def test_axes_of_any_name_places_without_a_number_and_whole_coordinates(tmp_path: Path, register):
    register(Odd)
    execute(STUDY, tmp_path / "r.db", executor="inline")
    results = Results(STUDY, tmp_path / "r.db").frozen()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = results.examination("odd")
        table = results.odd()
    axes = ["value_axis", "model_axis", "n_axis", "key_axis", "note_axis", "train.epochs_axis"]
    assert set(axes) <= set(found.columns)
    assert set(found["model"]) == {"tanh_rnn", "lstm"}
    assert found["step"].dtype == found["value_axis"].dtype == "Int64"
    assert found["n_axis"].dtype == "float64"
    assert set(found.loc[found["value"].isna(), "note"]) == {"NaN"}
    assert set(found.loc[found["value"].notna(), "note"]) == {""}
    mine = table[(table["model"] == "lstm") & (table["quantity"] == "table")]
    assert mine[["value_axis", "model_axis", "median"]].to_numpy().tolist() == [
        [1, "z", 1.0],
        [1, "a", 2.0],
        [2, "z", 3.0],
    ]
    rows = json.loads(dumps(nested(results)))
    curve = [row for row in rows[0]["odd"] if row["quantity"] == "curve"]
    assert [(row["step"], row["value_axis"]) for row in curve] == [(1, None), (1000, None)]
    assert '"step": 1000,' in dumps(rows)
    (layout,) = [layout for one, layout in layouts(results, "terminal") if one.name == "odd"]
    cells = [[str(cell) for cell in row.cells] for row in layout.rows]
    place = [column.name for column in layout.columns].index("step")
    assert {row[place] for row in cells} == {"", "1", "1,000"}
    assert "No number (NaN) of curve at step 2 in four trials." in layout.caption
    assert "No number (NaN) of table at value axis 2" in layout.caption
    points = results.plot.table("odd")
    assert list(dict.fromkeys(points["y"])) == ["z", "a"]
    figure = results.plot.odd()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["z", "a"], "texts keep their order"
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["1", "2"]
    assert "No number (NaN) of curve at step 2 in four trials." in Page(report(results)).words


def test_a_measure_that_does_not_apply_is_no_failure_and_one_that_failed_is_told(
    tmp_path: Path, register, monkeypatch, capsys
):
    register(Short)
    study = STUDY.model_copy(update={"factors": [{**STUDY.factors[0].plain(), "length": [2, 3]}]})
    short = {"task": ["announce"], "length": [1], "model": ["gru"], "seed": [1]}
    study = Study(
        name="short", factors=[short, {**short, "length": [4]}], task=study.task, model=study.model, train=study.train
    )
    execute(study, tmp_path / "r.db", executor="inline")
    notes = Results(study, tmp_path / "r.db").examination("short").set_index("length")["note"]
    assert notes.to_dict() == {1: "One step is none to look back on.", 4: "failed: no number of mine"}
    with Store.open(tmp_path / "r.db") as store:
        assert store.verify().faults == ()
    text = Page(report(Results(study, tmp_path / "r.db"))).words
    assert "Short. No number for one trial: failed: no number of mine." in text
    for arguments in (["show", "short"], ["plot", "short", "short"]):
        monkeypatch.setattr("sys.argv", ["unroll", *arguments, "--store", str(tmp_path / "r.db")])
        with pytest.raises(SystemExit):
            main()
        captured = capsys.readouterr()
        assert "No number for one trial: failed: no number of mine." in " ".join((captured.out + captured.err).split())


def test_damage_is_said_and_the_trials_stay(tmp_path: Path):
    execute(STUDY, tmp_path / "r.db", executor="inline")
    change(tmp_path / "r.db", "UPDATE examined_metrics SET value = 99 WHERE trial = 1 AND name = 'gradient_reach'")
    results = Results(STUDY, tmp_path / "r.db")
    assert results.damage is None
    shown = results.with_examinations(results.trials())
    assert shown[f"{NAME}.gradient_reach"].isna().sum() == 1
    assert (shown["state"] == "complete").all()
    assert "What measures found in one trained network is damaged" in str(results.damage)
