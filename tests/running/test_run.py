"""A study is run once, in any order, in any place, and its results do not depend on it.

Faults planted here, each seen to be found: the trial's order drawn from a generator that trials share; a worker's
messages taken for another trial's; denormals left flushed after an inline run.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.running.conftest import SMALL, bits, states, unroll
from unroll import read_study, results
from unroll.errors import StoreHeldError, StudyError
from unroll.kernels import pick
from unroll.running import Observer, execute
from unroll.store import Store

TINY = {
    "task.train": 64,
    "task.validation": 32,
    "task.test": 32,
    "train.epochs": 2,
    "train.batch": 16,
    "model.hidden": 4,
    "seed": [1],
}


def tiny(*more: str, study: str = "adding-quick"):
    """A shipped study, made small enough for a second."""
    return read_study(study, [*(f"{name}={value}" for name, value in TINY.items()), *more])


class Recorder(Observer):
    """Writes down what it is told."""

    def __init__(self):
        self.notes, self.done, self.failures, self.outlooks = [], [], [], []

    def begin(self, outlook):
        self.outlooks.append(outlook)

    def note(self, text):
        self.notes.append(text)

    def completed(self, slot, trial, metrics, seconds):
        self.done.append(trial)

    def failed(self, slot, trial, error):
        self.failures.append((trial, error))


BRIEF = SMALL.replace("epochs = 40", "epochs = 5")
"""Where nothing has to be stopped on its way."""


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("brief") / "brief.toml"
    path.write_text(BRIEF)
    return path


@pytest.fixture(scope="module")
def together(brief: Path) -> dict:
    """What the brief study comes to in this process, from its beginning to its end."""
    execute(read_study(brief), brief.with_name("results.db"), executor="inline")
    return bits(brief.with_name("results.db"))


@pytest.fixture
def reversed_study(tmp_path: Path) -> Path:
    path = tmp_path / "reversed.toml"
    text = BRIEF.replace('["gru", "lstm"]', '["lstm", "gru"]').replace("[40, 60]", "[60, 40]")
    path.write_text(text)
    return path


def test_the_bits_do_not_depend_on_workers_or_order(reversed_study: Path, together: dict, store: Path):
    done = unroll("run", reversed_study, "--store", store, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert bits(store) == together


def test_the_bits_do_not_depend_on_the_other_trials(brief: Path, together: dict, store: Path):
    for model in ("lstm", "gru"):
        for length in (60, 40):
            study = read_study(brief, [f'model="{model}"', f"length={length}"])
            execute(study, store, executor="inline")
    assert bits(store) == together


def test_a_finished_trial_is_not_run_again_whichever_study_asks(store: Path):
    first = Recorder()
    execute(tiny("length=10", "model=lstm"), store, executor="inline", observer=first)
    second = Recorder()
    execute(tiny("length=10", "name=another"), store, executor="inline", observer=second)
    assert [trial.model for trial in first.done] == ["lstm"]
    assert sorted(trial.model for trial in second.done) == ["gru", "tanh_rnn"]
    assert second.outlooks[0].complete == 1
    third = Recorder()
    assert execute(tiny("length=10"), store, executor="inline", observer=third).complete == 3
    assert third.done == []


def test_an_inline_run_leaves_threads_and_floating_point_mode(store: Path):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        execute(tiny("length=10"), store, executor="inline")
        assert torch.get_num_threads() == 2
        assert (torch.tensor(1e-30) * 1e-10).item() != 0.0, "denormals stayed flushed"
    finally:
        torch.set_num_threads(threads)


def test_a_trial_that_diverges_is_stored_and_the_study_goes_on(store: Path, tmp_path: Path):
    path = tmp_path / "wild.toml"
    path.write_text(
        """
        name = "wild"
        [factors]
        task = ["adding"]
        model = ["tanh_rnn"]
        length = [5]
        seed = [1]
        "train.learning_rate" = [1000.0, 0.01]
        [task]
        train = 200
        test = 10
        [model]
        hidden = 4
        [train]
        optimizer = "sgd"
        momentum = 0.9
        epochs = 40
        batch = 10
        """
    )
    study = read_study(path)
    recorder = Recorder()
    summary = execute(study, store, executor="inline", observer=recorder)
    assert (summary.complete, summary.failed) == (1, 1)
    with Store.open(store) as opened:
        failed = next(trial for trial in opened.trials() if trial.state == "failed")
        losses = opened.history(failed.key, "loss")
    assert failed.error["type"] == "DivergedError"
    assert "Traceback" in failed.error["traceback"]
    assert failed.error["update"] == len(losses)
    assert failed.error["epoch"] == (len(losses) - 1) // 20 + 1
    table = results(study, store).table()
    assert list(table["failed"]) == [1, 0]
    assert list(table["scores"].str[0].isna()) == [True, False]

    again = Recorder()
    execute(study, store, executor="inline", observer=again)
    assert again.failures == [], "a failed trial is left alone"
    execute(study, store, executor="inline", retry_failed=True, observer=again)
    assert len(again.failures) == 1


def test_the_command_says_what_failed(store: Path, called):
    options = ["--store", store, "--executor", "inline", *_sets(), "--set", "train.optimizer=sgd"]
    done = called("run", "adding-sanity", *options, "--set", "train.learning_rate=1000.0", "--set", "train.epochs=30")
    assert done.code == 1
    assert "DivergedError: The training loss became" in done.err
    assert "train.clip_norm" in done.err
    assert "unroll show adding-sanity" in done.err


def test_two_runs_on_one_store(store: Path):
    with Store.open(store, write=True, purpose="run the first") as _:
        with pytest.raises(StoreHeldError):
            execute(tiny(), store, executor="inline")
        done = unroll("run", "adding-sanity", "--store", store)
        assert done.returncode == 1
        assert "run the first" in done.stderr


def test_a_checkpoint_under_other_numerics_is_not_continued(
    brief: Path, together: dict, store: Path, at_each_update: None
):
    study, other = read_study(brief), "kernels" if pick("gru").isa else "torch"

    class Interrupt(Recorder):
        def progressed(self, slot, trial, share, epoch, loss):
            if share > 0.2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(study, store, executor="inline", observer=Interrupt())
    with sqlite3.connect(store) as db:
        assert db.execute(f"UPDATE checkpoints SET numerics = json_set(numerics, '$.{other}', '1.0')").rowcount == 1
    db.close()
    recorder = Recorder()
    execute(study, store, executor="inline", observer=recorder)
    assert any("starts afresh" in note and f"{other} 1.0" in note for note in recorder.notes)
    assert bits(store) == together


def test_nothing_is_trained_before_everything_is_checked(store: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNROLL_ISA", "v99")
    with pytest.raises(StudyError, match="backend"):
        execute(tiny("train.backend=native"), store, executor="inline")
    monkeypatch.delenv("UNROLL_ISA")
    with pytest.raises(StudyError, match="GiB"):
        execute(tiny("task.train=100_000_000", "length=100_000"), store, executor="inline")
    with pytest.raises(StudyError, match="parameters"):
        execute(tiny("model.hidden=65_536"), store, executor="inline")
    assert states(store) == []


def test_the_fingerprint_says_under_what_a_trial_ran(store: Path):
    execute(tiny("length=10", "model=gru"), store, executor="inline")
    with Store.open(store) as opened:
        fingerprint = opened.trials()[0].fingerprint
    numerics = fingerprint["numerics"]
    circumstances = fingerprint["circumstances"]
    picked = pick("gru")
    beside = {"unroll", "torch", "numpy", "instructions", "kernel instructions", "cpu"}
    if picked.isa:  # all of it is native code
        assert numerics == {"backend": "native", "kernels": picked.numerics, "updates": "native"}
        assert circumstances["kernel instructions"] == picked.isa
        assert beside <= circumstances.keys()
    else:
        assert set(numerics) == beside | {"backend"}
    assert circumstances["threads"] == 1
    assert circumstances["executor"] == "inline"
    assert circumstances["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "git" in circumstances


def test_a_model_defined_in_a_script_reaches_the_workers(tmp_path: Path):
    script = tmp_path / "mine.py"
    script.write_text(
        '''
import torch
import unroll
from unroll.models import Model
from unroll.models.network import Network, fill_uniform

class Sums(Network):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.readout = torch.nn.Linear(inputs, outputs)
    def forward(self, x):
        return self.readout(x.sum(dim=1))
    def step(self, x_t, state=None):
        state = x_t if state is None else state + x_t
        return self.readout(state), state
    def initialise(self, generator):
        for parameter in self.parameters():
            fill_uniform(parameter, 0.1, generator)

@unroll.register
class Summing(Model):
    """Adds up its inputs."""
    name = "summing"
    summary = "a linear readout of the sum of all inputs"
    version = "1"
    def build(self, inputs, outputs, readout):
        return Sums(inputs, outputs)

study = unroll.Study(
    name="mine", factors={"task": ["adding"], "model": ["summing", "gru"], "length": [5], "seed": [1, 2]},
    task={"train": 64, "test": 32}, train={"epochs": 2},
)
print(unroll.run(study, "mine.db", workers=2, progress=False).table()[["model", "complete"]].to_csv(index=False))
'''
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["model,complete", "summing,2", "gru,2"]
    assert done.stderr == ""


def test_a_dry_run_writes_nothing(store: Path, called):
    done = called("run", "adding-quick", "--dry-run", "--json", "--store", store, "--executor", "inline", *_sets())
    assert done.code == 0, done.err
    foresight = json.loads(done.out)
    assert foresight["trials"] == 9
    assert foresight["complete"] == 0
    assert foresight["parameters"] == [37, 133]  # by hand: 4 (2 + 4 + 2) + 5 and four times as many gates
    assert min(foresight["seconds"], foresight["memory"], foresight["disk"]) > 0
    assert not store.exists()


def _sets() -> list[str]:
    return [part for name, value in TINY.items() for part in ("--set", f"{name}={value}")]
