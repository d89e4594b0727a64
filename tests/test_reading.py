"""What was found, read from a store."""

from __future__ import annotations

import csv
import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import unroll
from tests.stored import stored
from unroll import reading, registry
from unroll.errors import StoreError, StoreMissingError, UnknownNameError
from unroll.exporters import to_csv, to_json
from unroll.running import execute
from unroll.store import Store
from unroll.study.trial import digest
from unroll.testing.stores import planned_study, planned_trial
from unroll.versions import Version

STUDY = """
name = "small"
[factors]
task = ["adding"]
model = ["gru"]
length = [3, 5]
seed = [2, 1]
"model.hidden" = [2, 3]
[task]
train = 32
test = 16
[train]
epochs = 2
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> unroll.Study:
    path = tmp_path_factory.mktemp("study") / "small.toml"
    path.write_text(STUDY)
    return unroll.read_study(path)


@pytest.fixture(scope="module")
def store(study: unroll.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "results.db"
    execute(study, path, executor="inline")
    return path


def test_the_table_has_a_row_a_condition(study: unroll.Study, store: Path):
    table = unroll.results(study, store).table()
    assert list(zip(table["length"], table["model.hidden"], strict=True)) == [(3, 2), (3, 3), (5, 2), (5, 3)]
    row = table.iloc[0]
    trials = unroll.results(study, store).trials()
    mine = trials[(trials["length"] == 3) & (trials["model.hidden"] == 2)]
    assert row["seeds"] == list(mine["seed"]) == [2, 1]
    assert row["scores"] == list(mine["test_mse"])
    assert row["score_mean"] == pytest.approx(sum(mine["test_mse"]) / 2)
    assert row["score_std"] == pytest.approx(abs(mine["test_mse"].diff().iloc[1]) / math.sqrt(2))
    assert row["parameters"] == 3 * 2 * (2 + 2 + 2) + 3  # three gates; a readout of two weights and a bias
    assert row["baseline"] == pytest.approx(1 / 6)
    assert row["notes"] == "markers anywhere"
    assert (row["complete"], row["failed"], row["waiting"]) == (2, 0, 0)


def test_histories_and_single_trials(study: unroll.Study, store: Path):
    found = unroll.results(study, store)
    key = found.trials()["key"].iloc[0]
    assert len(found.history(key[:12], "loss")) == 2
    assert found.trial(key[:8]).seed == 2
    curves = found.histories("train_loss")
    assert len(curves) == 8 * 2
    assert set(curves["step"]) == {1, 2}


def test_every_table_is_there(study: unroll.Study, store: Path):
    found = unroll.results(study, store)
    assert found.parameters()["parameters"].tolist() == [39, 67]
    assert found.timing()["n"].tolist() == [2, 2, 2, 2]
    assert found.growth()["exponent"].isna().all(), "two lengths"
    assert found.span()["lengths"].tolist() == [[3, 5], [3, 5]]
    assert found.memory()["n"].tolist() == [2, 2, 2, 2]
    assert found.missing().empty


def test_curves_of_conditions(study: unroll.Study, store: Path):
    found = unroll.results(study, store)
    curves = found.curves("train_loss")
    assert curves.groupby("condition", sort=False)["n"].apply(list).tolist() == [[2, 2]] * 4
    assert sorted(curves["model.hidden"].unique()) == [2, 3]
    each = found.histories("train_loss")
    first = each[(each["step"] == 1) & (each["condition"] == curves["condition"].iloc[0])]["value"]
    assert curves["low"].iloc[0] == first.min()
    assert curves["high"].iloc[0] == first.max()
    assert len(found.thinned("loss", 1)) == 8


def test_findings_of_a_real_store(study: unroll.Study, store: Path):
    sentences = [finding.sentence for finding in unroll.results(study, store).findings()]
    assert sentences[0].startswith("With model.hidden = 2, the GRU ")
    assert sentences[-1] == "Each model was trained with one recipe of training: nothing here is about others."


def test_a_model_that_the_study_does_not_have(study: unroll.Study, store: Path):
    with pytest.raises(UnknownNameError, match=r'no model "grue"\. Did you mean "gru"\? It has gru\.'):
        unroll.results(study, store).comparison("gru", "grue")


def test_a_failed_trial_is_listed_with_what_went_wrong(study: unroll.Study, tmp_path: Path):
    from unroll.running.planning import plan
    from unroll.store import Store

    planned = plan(study, unroll.expand(study))
    with Store.open(tmp_path / "results.db", write=True) as store:
        store.plan(planned)
        store.claim(planned.trials[3].key)
        error = {"type": "DivergedError", "message": "The loss became nan.\nLower it.", "traceback": "..."}
        store.fail(planned.trials[3].key, error=error, fingerprint=None, histories={}, axes={})
    found = unroll.results(study, tmp_path / "results.db")
    missing = found.missing()
    assert missing["state"].tolist() == ["failed", *["waiting"] * 7]
    assert missing["key"].iloc[0] == planned.trials[3].key
    assert missing["message"].iloc[0] == "The loss became nan."
    assert found.memory().empty
    assert found.curves("loss").empty
    assert [finding.sentence for finding in found.findings()] == [
        "Nothing is shown yet: of eight trials, 1 failed and 7 not trained yet."
    ]


def test_exports_read_back_as_the_same_bits(study: unroll.Study, store: Path):
    trials = unroll.results(study, store).trials()
    again = list(csv.DictReader(to_csv(trials).splitlines()))
    assert [float(row["test_mse"]) for row in again] == list(trials["test_mse"])
    objects = json.loads(to_json(trials))
    assert [one["test_mse"] for one in objects] == list(trials["test_mse"])
    assert objects[0]["model.hidden"] == 2


def test_a_spreadsheet_finds_no_formula():
    text = to_csv(pd.DataFrame({"name": ["=1+1", "@x", "-y", "fine"], "value": [-1.5, 2.0, 3.0, 4.0]}))
    assert text.splitlines()[1:] == ["'=1+1,-1.5", "'@x,2.0", "'-y,3.0", "fine,4.0"]


def test_json_has_null_for_what_is_missing():
    frame = pd.DataFrame({"a": [1.0, math.nan], "b": [[1.0, None], [math.inf]]})
    assert json.loads(to_json(frame)) == [{"a": 1.0, "b": [1.0, None]}, {"a": None, "b": [None]}]


def test_a_study_that_was_never_run_is_refused_with_the_next_step(study: unroll.Study, store: Path, tmp_path: Path):
    with pytest.raises(StoreMissingError):
        unroll.results(study, tmp_path / "nothing.db")
    with pytest.raises(StoreError, match=r"Run it: unroll\.run\(study, "):
        unroll.results(unroll.read_study("adding-sanity"), store)
    other = unroll.Study(**{**study.model_dump(exclude={"overrides"}), "train": {"epochs": 3}})
    with pytest.raises(StoreError, match="of that name with other settings"):
        unroll.results(other, store)


def test_results_survive_a_plug_in_that_is_gone(study: unroll.Study, store: Path, monkeypatch: pytest.MonkeyPatch):
    from unroll import registry

    monkeypatch.setattr(registry.models, "_builtin", {})
    found = unroll.results(study, store)
    assert len(found.table()) == 4
    assert "not installed here" in found.notice


def test_a_changed_plug_in_is_said(study: unroll.Study, store: Path, monkeypatch: pytest.MonkeyPatch):
    from unroll.models.gru import GRU

    assert unroll.results(study, store).notice is None
    monkeypatch.setitem(registry.models._versions, GRU, Version("2"))  # as a later release of unroll has it
    assert "would train eight trials anew" in unroll.results(study, store).notice


def test_results_and_studies_appear_as_tables_in_notebooks(study: unroll.Study, store: Path):
    assert "<table" in unroll.results(study, store)._repr_html_()
    hostile = unroll.Study(**{**study.model_dump(exclude={"overrides"}), "name": "<script>alert(1)</script>"})
    assert "<script>" not in hostile._repr_html_()
    assert "8 trials" in study._repr_html_()


def test_the_read_side_imports_no_torch(store: Path, tmp_path: Path):
    import subprocess
    import sys

    path = tmp_path / "small.toml"
    path.write_text(STUDY)
    program = (
        f"import sys, unroll; r = unroll.results(unroll.read_study({str(path)!r}), {str(store)!r}); r.table(); "
        "print(r.notice, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "False"]


def test_damage_that_is_mended_is_told_no_more(tmp_path: Path):
    """Planted and found: whatever was damaged once told as damaged by the same results for ever."""
    path = tmp_path / "results.db"
    found = stored(path, lengths=(10,), seeds=(1,))
    loss, curve = (trial.key for trial in found.planned[:2])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE metrics SET value = 7 WHERE trial = 1 AND name = 'test_mse'")
        db.execute("UPDATE histories SET data = zeroblob(length(data)) WHERE trial = 2 AND name = 'train_loss'")
    found.table()
    assert found.damage.startswith(f"Two trials of this study are damaged and left out ({loss[:8]} and {curve[:8]})")
    with Store.open(path, write=True) as store:
        store.forget_damaged()
    stored(path, lengths=(10,), seeds=(1,), state=lambda model, *_: "waiting" if model == "gru" else "complete")
    assert found.table()["complete"].tolist() == [1, 1, 1]
    assert found.damage is None


def test_trials_that_other_studies_have_run_are_a_study_s_results_too(study: unroll.Study, store: Path):
    renamed = unroll.Study(**{**study.model_dump(exclude={"overrides"}), "name": "renamed"})
    assert unroll.results(renamed, store).table().equals(unroll.results(study, store).table())


def test_two_grids_that_differ_by_a_setting_of_one_of_them_are_not_mixed(tmp_path: Path):
    """Planted and found: a factor that a grid leaves out counted as not varying."""
    grid = {"task": ["adding"], "model": ["gru", "lstm"], "length": [3, 5], "seed": [1, 2, 3]}
    study = unroll.Study(
        name="two",
        factors=[grid, {**grid, "train.learning_rate": [0.01]}],
        task={"train": 16, "test": 8},
        model={"hidden": 2},
        train={"epochs": 1},
    )
    execute(study, tmp_path / "results.db", executor="inline")
    found = unroll.results(study, tmp_path / "results.db")
    table = found.table()
    assert table["n"].tolist() == [3] * 8
    assert not table.duplicated(["model", "length", "train.learning_rate"]).any()
    assert sorted(set(table["train.learning_rate"])) == [0.001, 0.01]
    compared = found.comparison("gru", "lstm")
    assert compared["n"].tolist() == [3] * 4
    trials = found.trials().set_index(["model", "length", "train.learning_rate", "seed"])["test_mse"]
    for _, row in compared.iterrows():
        place = (row["length"], row["train.learning_rate"])
        paired = [trials["gru", *place, seed] / trials["lstm", *place, seed] for seed in (1, 2, 3)]
        assert row["effects"] == pytest.approx(paired)
    assert [sorted(lengths) for lengths in found.span()["lengths"]] == [[3, 5]] * 4


def test_however_many_are_read_together_all_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Planted and found: the trials after the last whole part left out."""
    results = stored(tmp_path / "results.db", result=lambda *_: 0.05, epochs=40)
    ends = [trial.key for trial in results.planned]
    tables = results.table(), results.thinned("train_loss"), results.curves("grad_norm")
    assert tables[0]["improving"].tolist() == [3] * 9
    for number in ("AT_ONCE", "TOGETHER"):
        monkeypatch.setattr(reading, number, 13)  # 27 trials: the last one is a part of its own
    assert list(dict.fromkeys(results.thinned("train_loss")["key"])) == ends
    again = results.table(), results.thinned("train_loss"), results.curves("grad_norm")
    for one, other in zip(tables, again, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_trials_that_differ_in_what_they_declare_alone_keep_it(tmp_path: Path):
    """As where a plug-in tells more of itself, or a file lies elsewhere, by the time that further seeds are planned.

    Planted and found: what is declared taken in another order than the trials; one declaration looked at a condition.
    """
    trials = []
    for seed in range(5):
        first = planned_trial(seed)
        spec = {**first.spec, "settings": {**first.spec["settings"], "task": {"file": {"sha256": "0" * 64}}}}
        declared = {**first.declared, "chance": 0.1 * (1 + seed % 2), "files": {"task.file": f"{seed % 2}.csv"}}
        condition = digest({name: value for name, value in spec.items() if name != "seed"})
        trials.append(replace(first, key=digest(spec), spec=spec, condition=condition, declared=declared))
    path = tmp_path / "results.db"
    factors = {"task": ["adding"], "model": ["lstm"], "length": [50], "seed": [*range(5)]}
    study = unroll.Study(name="two", factors=factors)
    with Store.open(path, write=True) as store:
        store.plan(replace(planned_study("two", tuple(trials)), digest=study.digest, spec=study.model_dump()))
    for lost in ((), (1,)):
        with closing(sqlite3.connect(path)) as db, db:
            db.executemany("UPDATE trials SET length = 7 WHERE seed = ?", [(seed,) for seed in lost])
        left = [trial for trial in trials if trial.seed not in lost]
        results = unroll.results(study, path)
        assert [trial.declared for trial in results.planned] == [trial.declared for trial in left]
        for frame in (results.trials(), results.frozen().trials()):
            assert frame["chance"].tolist() == [trial.declared["chance"] for trial in left]
            files = results.with_settings(frame, ["task.file"])["task.file"]
            assert [file.split(".csv")[0] for file in files] == [str(trial.seed % 2) for trial in left]
