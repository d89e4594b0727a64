"""Every command, as a person or a program would call it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.filled import filled
from unroll.cli.main import COMMANDS
from unroll.study import Study

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_is_documented(command: str, unroll):
    done = unroll(command, "--help")
    assert done.code == 0
    assert f"Usage: unroll {command}" in done.out
    listed = unroll("--help").out
    assert re.search(rf"^  {command} +[A-Z].*\.$", listed, re.MULTILINE), "a short sentence that is not cut"
    texts = (ROOT / "README.md").read_text() + (ROOT / "docs" / "studies.md").read_text()
    assert f"unroll {command}" in texts


def test_version_and_no_arguments(unroll):
    assert re.fullmatch(r"unroll \d+\.\d+\.\d+\n", unroll("--version").out)
    assert "Commands:" in unroll().err


def test_studies(unroll):
    listed = json.loads(unroll("studies", "--json").out)
    assert {one["study"]: one["trials"] for one in listed} == {
        "adding": 150, "adding-clipped": 20, "adding-notebook": 54, "adding-quick": 27, "adding-sanity": 1,
        "numbers-models": 690, "numbers-notebook": 6, "numbers-traps": 320, "window-and-lag": 780,
        "copy": 36, "first-memory": 48, "longer-than-trained": 36, "memory-capacity": 27, "old-classics": 40,
        "recall-and-width": 36, "what-to-keep": 27,
        "digits": 60, "forecast": 42, "your-series": 6, "your-text": 6,
    }  # fmt: skip
    assert "At which length does each cell stop solving" in unroll("studies").out


@pytest.mark.parametrize(("command", "name", "setting"), [("tasks", "adding", "markers"), ("models", "gru", "hidden")])
def test_tasks_and_models(command: str, name: str, setting: str, unroll):
    listed = json.loads(unroll(command, "--json").out)
    assert setting in next(one for one in listed if one["name"] == name)["settings"]
    assert f"settings of [{command[:-1]}]" in unroll(command).out


def test_check_a_good_and_a_bad_study(study: str, unroll):
    assert "4 trials in 2 conditions" in unroll("check", study).out
    assert json.loads(unroll("check", study, "--json").out)["trials"] == 4
    Path(study).write_text(Path(study).read_text().replace("gru", "grue").replace("epochs = 2", "epochs = 0"))
    done = unroll("check", study)
    assert done.code == 2
    assert 'small.toml, line 5: factors.model: Unknown model "grue". Did you mean "gru"?' in done.err
    assert "small.toml, line 14: train.epochs: 0 is not allowed" in done.err
    assert done.out == ""


def test_a_misspelt_value_of_a_match_is_not_passed_over(study: str, unroll):
    where = '[[where]]\nmatch = { model = [\n"tanh_rnn",\n"gruu"] }\ntrain = { epochs = 3 }\n'
    Path(study).write_text(Path(study).read_text() + where)
    for options in ([], ["--set", "train.batch=4"]):
        done = unroll("check", study, *options)
        assert done.code == 2
        assert "small.toml, line 18: where.match.model: 'gruu' meets no condition. Did you mean \"gru\"?" in done.err
    assert unroll("check", study, "--set", 'model=["tanh_rnn"]').code == 0, "a list cut short is no mistake"


def test_a_name_that_is_no_study(unroll):
    done = unroll("check", "adding-quik")
    assert done.code == 2
    assert 'Did you mean "adding-quick"?' in done.err


def test_copy_leaves_files_alone(study: str, unroll):
    assert unroll("copy", "adding-quick", "mine.toml").code == 0
    assert unroll("check", "mine.toml").code == 0
    Path("mine.toml").write_text("precious")
    done = unroll("copy", "adding-quick", "mine.toml")
    assert done.code == 1
    assert "exists" in done.err
    assert Path("mine.toml").read_text() == "precious"
    assert "cannot be written" in unroll("copy", "adding-quick", "no/such/folder.toml").err


def test_run_prints_its_table_and_where_everything_lies(study: str, unroll):
    done = unroll("run", study, "--executor", "inline")
    assert done.code == 0
    for part in ("gru", "tanh_rnn", "baseline", "0.1667", "markers anywhere", "solved: test MSE < 0.01", "seeds 1, 2"):
        assert part in done.out
    assert "Everything lies in results.db" in done.err
    assert f"unroll show {study}" in done.err
    again = unroll("run", study, "--executor", "inline", "--json")
    assert "nothing to train" in again.err
    assert [row["complete"] for row in json.loads(again.out)] == [2, 2]


def test_each_variant_is_named_below_the_table(tmp_path: Path, unroll):
    """A setting of the task varies: what the caption says of one variant is not said of all."""
    factors = {"task": ["copy"], "model": ["gru"], "length": [3], "seed": [1], "task.variant": ["bai", "exprnn"]}
    filled(tmp_path / "results.db", Study(name="copies", factors=factors))
    shown = unroll("show", "copies", "--store", tmp_path / "results.db").out
    assert "copy, 10 of 8 symbols; variant bai or variant exprnn; solved: test MSE < 0.01" in shown


def test_run_refuses_what_it_does_not_know(study: str, unroll):
    assert unroll("run", study, "--executor", "proceses").code == 2
    assert unroll("run", study, "--workers", "0").code == 2
    assert unroll("run", study, "--no-such-option").code == 2
    assert unroll("run").code == 2
    assert unroll("run", study, "--max-trials", 3).code == 2
    assert unroll("run", study, "--store", "no/such/folder/results.db").code == 1


def test_show_json_is_what_was_promised(finished: str, unroll):
    rows = json.loads(unroll("show", finished, "--json").out)["conditions"]
    assert [row["model"] for row in rows] == ["gru", "tanh_rnn"]
    for row in rows:
        assert row["seeds"] == [2, 1]
        assert len(row["test_mse"]) == 2
        assert row["test_mse_mean"] == pytest.approx(sum(row["test_mse"]) / 2)
        assert (row["solved"], row["complete"], row["failed"]) == (0, 2, 0)
        assert row["baseline"] == pytest.approx(1 / 6)
        assert row["seconds_per_epoch"] > 0
    assert rows[0]["parameters"] == 3 * 2 * (2 + 2 + 2) + 3


def test_show_a_trial(finished: str, unroll):
    key = next(csv.DictReader(unroll("export", finished).out.splitlines()))["key"]
    text = unroll("show", key[:10]).out
    for part in (
        "gru on adding, T = 3, seed 2",
        key,
        "complete",
        "learning_rate = 0.001",
        "grad_norm",
        "backend ",
    ):
        assert part in text
    shown = json.loads(unroll("show", key[:10], "--json").out)
    assert shown["key"] == key
    assert len(shown["histories"]["loss"]) == 2
    done = unroll("show", "0123456789ab")
    assert done.code == 2


def test_show_before_run_says_what_to_do(study: str, unroll):
    done = unroll("show", study)
    assert done.code == 1
    assert "unroll run" in done.err


def test_show_an_unfinished_study(study: str, unroll, tmp_path: Path):
    from unroll import expand, read_study
    from unroll.running.planning import plan
    from unroll.store import Store

    asked = read_study(study)
    with Store.open("results.db", write=True) as store:
        store.plan(plan(asked, expand(asked)))
    rows = json.loads(unroll("show", study, "--json").out)["conditions"]
    assert rows[0]["test_mse"] == [None, None]
    assert rows[0]["test_mse_mean"] is None
    assert "2 waiting" in unroll("show", study).out


def test_export(finished: str, unroll):
    rows = list(csv.DictReader(unroll("export", finished, "--format", "csv").out.splitlines()))
    objects = json.loads(unroll("export", finished, "--format", "json").out)
    assert [float(row["test_mse"]) for row in rows] == [one["test_mse"] for one in objects]
    assert unroll("export", finished, "--out", "trials.csv").code == 0
    assert len(Path("trials.csv").read_text().splitlines()) == 5
    markdown = unroll("export", finished, "--format", "markdown").out
    assert markdown.splitlines()[0].startswith("| model    |")
    assert "small: test MSE, median and range over n complete seeds (n = 2)" in markdown
    assert r"\toprule" in unroll("export", finished, "--format", "latex").out
    assert 'Did you mean "latex"' in unroll("export", finished, "--format", "latx").err
    assert unroll("export", finished, "--format", "xml").code == 2


def test_forget_asks_first(finished: str, unroll, monkeypatch: pytest.MonkeyPatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert unroll("forget", finished).code == 1
    assert unroll("show", finished).code == 0
    assert unroll("forget", finished, "--yes").code == 0
    assert unroll("show", finished).code == 1


def test_doctor(finished: str, unroll):
    found = json.loads(unroll("doctor", "--json").out)
    assert found["store"]["integrity"] == "ok"
    assert found["store"]["trials"]["complete"] == 4
    assert found["versions"]["torch"]
    assert "lstm" in found["backends"]
    assert "not there yet" in unroll("doctor", "--store", "other.db").out
    Path("broken.db").write_text("this is no store")
    broken = unroll("doctor", "--store", "broken.db")
    assert broken.code == 0
    assert "unusable" in broken.out


def test_cite(unroll):
    everything = unroll("cite").out
    for key in ("@software{unroll", "hochreiter1997long", "arjovsky2016unitary", "bai2018empirical", "cho2014learning"):
        assert key in everything
    assert everything.count("{") == everything.count("}")
    one = unroll("cite", "adding-sanity").out
    assert "elman1990finding" in one
    assert "cho2014learning" not in one


def test_names_with_markup_are_shown_as_they_are(study: str, unroll):
    Path(study).write_text(Path(study).read_text().replace('"small"', '"[red]x[/red] <b> $(id) {0}"'))
    done = unroll("run", study, "--executor", "inline")
    assert done.code == 0
    assert "[red]x[/red] <b> $(id) {0}" in done.out
    assert "[red]x[/red] <b> $(id) {0}: 4 trials" in done.err


def test_output_has_no_colour_where_there_is_no_terminal_and_a_closed_pipe_is_no_crash(finished: str):
    program = [sys.executable, "-c", "from unroll.cli.main import main; main()", "show", finished]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    piped = subprocess.run(
        f"{sys.executable} -c 'from unroll.cli.main import main; main()' export {finished} | head -c 1",
        shell=True, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert "Traceback" not in piped.stderr


def test_a_trial_s_metrics_and_curves_of_one_name_are_both_shown(finished: str, unroll):
    key = next(csv.DictReader(unroll("export", finished).out.splitlines()))["key"]
    shown = unroll("show", key[:10]).out
    lines = [line for line in shown.splitlines() if line.startswith("train_loss ")]
    assert len(lines) == 2
    assert key in shown
    assert sum("→" in line for line in lines) == 1
