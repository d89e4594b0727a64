"""What is quoted is run, its tables stored, and the texts written: once, and again without running anything.

Planted and found: seconds of an epoch among the published columns; times lost by a run without
them; a second run that trains; the last digits of a loss lost on the way.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

import unroll
from published import export
from published.__main__ import STORE, main
from published.tables import TABLES, Stored
from published.texts import ROOT
from unroll.store import Store
from unroll.tasks.adding import Adding

SMALLER = ["task.train=48", "task.test=32", "train.epochs=2", "seed=[1,2]"]
TEXT = """\
Its loss is <!-- = adding-sanity test_mse_median -->?<!-- / --> after
training on <!-- = adding-sanity/facts processor -->?<!-- / -->.

<!-- = adding-sanity show -->
<!-- / -->

<!-- = adding-sanity picture learning figures/learning.svg -->
<!-- / -->

<!-- = adding-sanity output -->
```text
$ unroll show adding-sanity --json --set task.train=48 --set task.test=32 --set train.epochs=2 --set seed=[1,2]
```
<!-- / -->
"""


@pytest.fixture
def smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    read = unroll.read_study
    monkeypatch.setattr(unroll, "read_study", lambda name: read(name, SMALLER))
    monkeypatch.setattr(unroll, "run", functools.partial(unroll.run, executor="inline", progress=False))


def test_a_study_is_run_stored_and_quoted(
    tmp_path: Path, smaller: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "docs").mkdir()
    text = tmp_path / "docs" / "page.md"
    text.write_text(TEXT)
    assert main([], tmp_path) == 0, capsys.readouterr().err
    folder = tmp_path / TABLES / "adding-sanity"
    (row,) = Stored(tmp_path / TABLES).source("adding-sanity").table("conditions")
    with Store.open(tmp_path / STORE) as store:
        losses = store.frame()["test_mse"].tolist()
        started = [event["kind"] for event in store.events()].count("started")
    assert row["test_mse"] == losses, "to the bit"
    written = text.read_text()
    assert f"{row['test_mse_median']:#.3g}" in written
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["processor"] in written
    assert {"date", "instructions", "torch", "numpy", "python", "unroll"} <= {
        name for name, fact in facts.items() if fact
    }
    assert "Learning curves" in written or "![Loss" in written
    assert (tmp_path / "docs" / "figures" / "learning.svg").read_text().startswith("<?xml")
    assert '"test_mse"' in written.split("$ unroll show")[1]
    for table in folder.glob("*.csv"):
        assert not {"seconds", "seconds_per_epoch", "started_at"} & set(table.read_text().partition("\n")[0].split(","))
    assert "s/epoch" not in facts["show"]

    assert main(["--times"], tmp_path) == 0
    with Store.open(tmp_path / STORE) as store:
        assert [event["kind"] for event in store.events()].count("started") == started, "nothing is trained again"
    assert text.read_text() == written
    (timed,) = Stored(tmp_path / TABLES).source("adding-sanity").table("times")
    assert timed["seconds_per_epoch"] > 0
    assert timed["date"] == facts["date"]


def test_tables_that_are_no_more_go_and_times_stay(tmp_path: Path):
    export.store_tables(tmp_path / "one", {name: [{"a": 1}] for name in ("conditions", "traps", "times")}, {})
    export.store_tables(tmp_path / "one", {"conditions": [{"a": 2}]}, {})
    assert {path.name for path in (tmp_path / "one").glob("*.csv")} == {"conditions.csv", "times.csv"}
    assert Stored(tmp_path).source("one").changed() == []


def test_only_what_is_quoted_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "README.md").write_text("It <!-- ? adding-sanity all solved=n -->is solved<!-- / -->.")
    assert main(["--only", "adding-santy"], tmp_path) == 2
    assert 'No text quotes "adding-santy". Those that are quoted: adding-sanity.' in capsys.readouterr().err
    (tmp_path / "README.md").write_text("It takes <!-- = bench/bare max(ms) -->3<!-- / --> ms.")
    assert main(["--only", "bench"], tmp_path) == 2
    assert "make bench" in capsys.readouterr().err


def test_a_study_that_lacks_trials_is_not_published(
    tmp_path: Path, smaller: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "README.md").write_text("It <!-- ? adding-sanity all solved=n -->is solved<!-- / -->.")

    def fail(*args: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(Adding, "dataset", fail)
    assert main([], tmp_path) == 2
    assert "adding-sanity: 2 trials are missing. Why: unroll show adding-sanity" in capsys.readouterr().err
    assert not (tmp_path / TABLES).exists()


def test_a_check_imports_nothing_that_is_slow(tmp_path: Path):
    code = "import sys; from published.__main__ import main; main(['--check']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pandas", "matplotlib", "unroll.store"} & set(done.stdout.split())


def test_numbers_are_stored_to_the_bit(tmp_path: Path):
    rows = [{"a": 0.1 + 0.2, "b": None, "c": float("nan"), "d": [1e-300, None], "e": "x, y", "f": 3}]
    export.store_tables(tmp_path / "one", {"conditions": rows}, {})
    (row,) = Stored(tmp_path).source("one").table("conditions")
    assert row == {"a": 0.1 + 0.2, "b": None, "c": None, "d": [1e-300, None], "e": "x, y", "f": 3}
