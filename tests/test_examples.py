"""The example of a third party's package: installed, tested by the conformance suites, and run.

Faults that were planted and seen here: weights from torch.nn.init; a step that forgets its state; an
ignored bit that is kept; a misspelt entry point; torch imported with the facts.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "unroll-flip-flop"

TINY = """
name = "tiny"
[factors]
task = ["flip_flop", "adding"]
model = ["mgu", "gru"]
length = [6]
seed = [1, 2]
[task]
train = 128
test = 64
[model]
hidden = 4
[train]
epochs = 2
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed into a folder of its own by pip, without the network."""
    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    pip = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder / "site"), str(source)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def python(site: Path, *arguments: str, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONWARNINGS": "error", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unroll(site: Path, *arguments: str, cwd: Path) -> str:
    return python(site, "-c", "from unroll.cli.main import main; main()", *arguments, cwd=cwd)


def test_its_plug_ins_pass_the_conformance_suites(site: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    report = python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path)
    assert " passed" in report
    assert "skipped" not in report


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_study_runs_with_both(site: Path, tmp_path: Path, executor: str) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    options = ["--executor", executor, *(["--workers", "1"] if executor == "processes" else [])]
    rows = json.loads(unroll(site, "run", "tiny.toml", "--json", *options, cwd=tmp_path))
    assert [(row["task"], row["model"], row["complete"], row["failed"]) for row in rows] == [
        (task, model, 2, 0) for task in ("flip_flop", "adding") for model in ("mgu", "gru")
    ]
    score = {"flip_flop": "test_nats", "adding": "test_mse"}
    assert all(value > 0 for row in rows for value in row[score[row["task"]]])
    shown = json.loads(unroll(site, "show", "tiny.toml", "--json", cwd=tmp_path))
    assert shown["failed"] == []
    for row in shown["conditions"]:
        assert [one["quantity"] for one in row["state_norm"]].count("state_norm") == 6
        assert all(one["median"] > 0 and one["n"] == 2 for one in row["state_norm"])
    assert {row["task"]: row["baseline"] for row in rows} == {"flip_flop": math.log(2), "adding": 1 / 6}


def test_the_commands_know_them(site: Path, tmp_path: Path) -> None:
    assert "the bit that was written last" in unroll(site, "tasks", cwd=tmp_path)
    assert "minimal gated unit" in unroll(site, "models", cwd=tmp_path)
    assert "how large the state" in unroll(site, "measures", cwd=tmp_path)
    assert "8 trials in 4 conditions" in unroll(site, "check", str(EXAMPLE / "study.toml"), cwd=tmp_path)
    program = "from unroll.registry import tasks, models; print(tasks.version('flip_flop'), models.version('mgu'))"
    task, model = python(site, "-c", program, cwd=tmp_path).split()
    assert task == model
    assert re.fullmatch("unroll-flip-flop==0.1.0@source:[0-9a-f]{16}", task), "installed from a folder"


def test_its_facts_need_no_torch(site: Path, tmp_path: Path) -> None:
    program = "import sys; from unroll.registry import models; models.load('mgu')(); print('torch' in sys.modules)"
    assert python(site, "-c", program, cwd=tmp_path).split() == ["False"]
