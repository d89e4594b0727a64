"""The README's example runs, its tables name every column, and the views need no unroll."""

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from tests.store.old import planned_v1
from unroll.store import Store

ROOT = Path(__file__).parents[2]
README = (ROOT / "src/unroll/store/README.md").read_text()
VIEWS = (
    *("results", "study_results", "trial_metrics", "trial_histories", "failures", "timeline"),
    *("trial_examinations", "examination_metrics", "examination_arrays"),
)


@pytest.fixture
def old(path: Path) -> Path:
    shutil.copy(ROOT / "tests/assets/store_v1.db", path)
    return path


def read(path: Path, query: str) -> pd.DataFrame:
    with closing(sqlite3.connect(path)) as db:
        return pd.read_sql(query, db)


def test_the_example_runs_without_unroll(old: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert "unroll" not in example
    command = [sys.executable, "-W", "error", "-c", example]
    run = subprocess.run(command, cwd=old.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    expected = re.search(r"```text\n(.*?)```", README, re.DOTALL)[1]
    assert run.stdout.split() == expected.split()


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_documented(old: Path, view: str) -> None:
    Store.open(old, write=True).close()  # brought up to date: columns are added
    section = re.search(rf"^### `{view}`\n(.*?)(?=^##|\Z)", README, re.DOTALL | re.MULTILINE)[1]
    documented = [
        name for line in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]
    if view == "study_results":
        documented += list(read(old, "SELECT * FROM results").columns)
    assert documented == list(read(old, f"SELECT * FROM {view}").columns)


def test_results(old: Path) -> None:
    table = read(old, "SELECT * FROM results ORDER BY seed").set_index("seed")
    assert table["state"].tolist() == ["complete", "failed", "waiting", "waiting"]
    assert table.loc[0, ["test_mse", "seconds_per_epoch", "updates_to_solve"]].tolist() == [0.004, 0.1, 120]
    assert table.loc[0, "solved"] == 1
    assert table.loc[1:, "solved"].isna().all()


def test_study_results(old: Path) -> None:
    table = read(old, "SELECT study, position, key FROM study_results ORDER BY study, position")
    assert table["study"].tolist() == ["memory of the lstm"] * 4 + ["one seed"]
    assert table["position"].tolist() == [0, 1, 2, 3, 0]
    assert table["key"].iloc[-1] == planned_v1(0).key


def test_failures(old: Path) -> None:
    (row,) = read(old, "SELECT * FROM failures").to_dict("records")
    assert (row["error_type"], row["error_message"]) == ("DivergedError", "NaN")
    assert (row["at_epoch"], row["at_update"], row["traceback"]) == (2, 9, "...")


def test_timeline(old: Path) -> None:
    table = read(old, "SELECT kind, seed FROM timeline")
    assert table["kind"].tolist()[:4] == ["planned", "planned", "started", "finished"]
    assert table["seed"].tolist()[2:4] == [0, 0]
