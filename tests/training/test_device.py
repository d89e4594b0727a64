"""Training on a GPU, on whatever is here: CUDA is tried; MPS would be, and never was.

What the loop does with numbers is shown without a GPU in ``test_deferred.py``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

import unroll
from tests.running.conftest import SMALL, bits, has_checkpoint, kill_group, start, states, wait_for
from tests.running.conftest import unroll as unroll_command
from tests.running.test_run import Recorder
from tests.training.small import trials
from tests.training.test_deferred import poisoned
from tests.training.test_loop import finish
from tests.training.test_noise import Dropping
from tests.working import work_on
from unroll import Study, expand, registry
from unroll.errors import DivergedError, ExecutorError
from unroll.executors import Channel
from unroll.models import Model
from unroll.models.recurrent_network import RecurrentNetwork
from unroll.running import execute, foresee
from unroll.running.devices import gains, look
from unroll.running.messages import Note, Order, Resumable
from unroll.store import Store
from unroll.study import Trial
from unroll.training import Checkpoint, Result, Training, computing, numerics
from unroll.training.devices import device_of
from unroll.training.network import backend_of

DEVICE = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
pytestmark = pytest.mark.skipif(not DEVICE, reason="no GPU here: PyTorch finds neither CUDA nor MPS")
cuda = pytest.mark.skipif(DEVICE != "cuda", reason="of CUDA alone")

MODELS = ("tanh_rnn", "lstm", "gru", "feedforward")
TASKS = {"adding": 20, "copy": 6, "sine": 12}
LENGTHS = {**TASKS, "recall": 16}


def study(name: str = "adding", model: str = "gru", device: str = DEVICE, **more: Any) -> Study:
    size = {"train": 70, "validation": 20, "test": 30, **more.pop("task", {})}
    hidden = {} if model in ("linear", "persistence", "drift", "dropping", "broken") else {"hidden": 5}
    train = {"epochs": 3, "batch": 16, "device": device, **more.pop("train", {})}
    factors = {"task": [name], "model": [model], "length": [LENGTHS[name]], "seed": more.pop("seeds", [1])}
    return Study(
        name="one", factors=factors, task=size, model={**hidden, **more.pop("model_settings", {})}, train=train
    )


def trial(*args: Any, **more: Any) -> Trial:
    return expand(study(*args, **more))[0]


def trained(one: Trial, checkpoint: Checkpoint | None = None) -> Result:
    with computing(device_of(one)):
        result = finish(Training(one, checkpoint).run())
    assert isinstance(result, Result)
    return result


def frozen(one: Trial, at: int) -> Checkpoint:
    with computing(device_of(one)):
        for count, progress in enumerate(Training(one).run(), 1):
            if count == at:
                return progress.freeze()
    raise AssertionError(f"there is no step {at}")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_it_trains_as_on_the_cpu(task: str, model: str) -> None:
    there, here = trained(trial(task, model)), trained(trial(task, model, "cpu", train={"backend": "reference"}))
    assert set(there.metrics) == set(here.metrics)
    np.testing.assert_allclose(there.histories["loss"], here.histories["loss"], rtol=1e-3)
    np.testing.assert_allclose(there.histories["grad_norm"], here.histories["grad_norm"], rtol=1e-2)
    np.testing.assert_allclose(there.histories["validation_loss"], here.histories["validation_loss"], rtol=1e-3)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_two_runs_have_the_same_bits(task: str, model: str) -> None:
    one = trial(task, model, train={"clip_norm": 0.5})
    assert trained(one).digest == trained(one).digest


@pytest.mark.parametrize("hidden", [64, 512])
@pytest.mark.parametrize("model", ["tanh_rnn", "lstm", "gru"])
def test_two_runs_of_larger_networks_have_the_same_bits(model: str, hidden: int) -> None:
    settings = {"hidden": hidden, "layers": 2}
    one = trial("adding", model, model_settings=settings, task={"train": 512}, train={"batch": 128, "epochs": 2})
    assert trained(one).digest == trained(one).digest


@pytest.mark.parametrize("how", [{}, {"patience": 1}, {"optimizer": "sgd", "momentum": 0.9, "clip_value": 0.01}])
@pytest.mark.parametrize("model", ["tanh_rnn", "lstm", "gru"])
def test_frozen_anywhere_it_ends_with_the_same_bits(model: str, how: dict[str, Any]) -> None:
    one = trial("adding", model, train=how)
    whole = trained(one)
    for at in (1, 5, 6, 9, 13):
        assert trained(one, frozen(one, at)).digest == whole.digest


@pytest.mark.parametrize("task", registry.tasks.own())
def test_every_task_repeats_and_goes_on_with_the_same_bits(task: str, tmp_path: Path) -> None:
    for name, small in trials("gru", task, tmp_path):
        one = small.replace(train=small.train.model_copy(update={"device": DEVICE}))
        whole = trained(one)
        assert trained(one, frozen(one, 2)).digest == whole.digest, name
        here = trained(small.replace(train=small.train.model_copy(update={"backend": "reference"})))
        np.testing.assert_allclose(whole.histories["loss"], here.histories["loss"], rtol=2e-3, err_msg=name)


@pytest.mark.parametrize("task", ["adding", "copy", "recall"])
def test_fresh_data_too(task: str) -> None:
    one = trial(task, "lstm", task={"fresh": True})
    whole = trained(one)
    for at in (3, 8, 13):
        assert trained(one, frozen(one, at)).digest == whole.digest


def test_weights_and_checkpoints_are_read_without_a_gpu() -> None:
    one = trial()
    result = trained(one)
    model = unroll.generation.trained(one, result.parameters)
    assert {tensor.device.type for tensor in model.network.state_dict().values()} == {"cpu"}
    assert model.network(torch.zeros(2, 4, 2)).shape == (2, 1)


def test_a_loss_that_is_not_finite_is_found_at_the_end_of_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(monkeypatch, 3, 40)
    found = []
    for device in ("cpu", DEVICE):
        training = Training(trial(device=device))
        with pytest.raises(DivergedError) as caught, computing(training.device):
            finish(training.run())
        found.append((caught.value.epoch, caught.value.update, len(training.histories_so_far()["loss"])))
    assert found[0] == found[1]


def test_numerics_name_the_device_and_how_it_computes() -> None:
    one = trial()
    found = numerics(backend_of(one), device_of(one))
    assert found["backend"] == "reference"
    assert found["device"] == look(DEVICE, Channel(lambda message: None)).names[0]
    if DEVICE == "cuda":
        assert {"cuda", "cudnn", "algorithms", "cublas workspace"} <= set(found)


@cuda
def test_full_float32_and_everything_left_as_it_was_found() -> None:
    state = lambda: (  # noqa: E731
        torch.get_deterministic_debug_mode(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.deterministic,
        torch.utils.deterministic.fill_uninitialized_memory,
    )
    before = state()
    layer, x = torch.nn.LSTM(64, 512), torch.randn(50, 64, 64)
    exact = layer.double()(x.double())[0].detach()
    with computing(torch.device("cuda", 0)), torch.no_grad():
        there = layer.float().cuda()(x.cuda())[0].cpu()
    assert float((there.double() - exact).abs().max()) < 5e-6  # TF32 is off by a hundred times as much
    assert state() == before


class Broken(Model):
    """Reads beyond a table, after which CUDA refuses this process everything."""

    name = "broken"
    summary = "an index out of range"
    version = "1"

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Any:
        class Network(RecurrentNetwork):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                beyond = (x.detach().abs().sum() * 0 + 10**6).long()
                return super().forward(x) + torch.nn.functional.embedding(beyond, self.readout.weight).sum()

        return Network(torch.nn.GRU(inputs, 4), outputs, readout)


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.models, "_registered", {})
    registry.models.register("dropping", Dropping)
    registry.models.register("broken", Broken)


@pytest.mark.usefixtures("plug_ins")
def test_dropout_depends_on_nothing_but_the_trial() -> None:
    one = trial("adding", "dropping")
    whole = trained(one)
    torch.rand(7, device=DEVICE)
    before = torch.cuda.get_rng_state() if DEVICE == "cuda" else torch.mps.get_rng_state()
    assert trained(one, frozen(one, 7)).digest == whole.digest
    after = torch.cuda.get_rng_state() if DEVICE == "cuda" else torch.mps.get_rng_state()
    assert torch.equal(before, after)
    assert trained(trial("adding", "dropping", seeds=[2])).digest != whole.digest


@cuda
def test_too_little_memory_is_a_failed_trial_and_the_next_one_trains() -> None:
    large = trial("copy", "lstm", task={"train": 4096}, train={"batch": 4096}, model_settings={"hidden": 512})
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(256 * 2**20 / torch.cuda.get_device_properties(0).total_memory)
    try:
        outcome, _ = work_on(Order(large))
        assert outcome.error is not None
        assert outcome.error["type"] == "OutOfMemoryError", outcome.error["message"]
        assert "There is not enough memory on the GPU for this trial" in outcome.error["message"]
        assert len(outcome.error["message"]) < 500
        assert work_on(Order(trial()))[0].result is not None
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_and_run_again_it_ends_with_the_same_bits(number: int, tmp_path: Path) -> None:
    path, store, whole = (tmp_path / name for name in ("small.toml", "results.db", "whole.db"))
    short = SMALL.replace("epochs = 40", "epochs = 8")  # of the length of those of a processor
    path.write_text(short.replace("[train]", f'[train]\ndevice = "{DEVICE}"'))
    run = start("run", path, "--store", store)
    try:
        wait_for(lambda: "running" in states(store) and has_checkpoint(store), what="a checkpoint")
        os.killpg(run.pid, number) if number == signal.SIGINT else run.kill()
        run.communicate(timeout=30)
    finally:
        kill_group(run)
    assert run.returncode == (130 if number == signal.SIGINT else -number)
    assert unroll_command("run", path, "--store", store).returncode == 0
    assert unroll_command("run", path, "--store", whole, "--executor", "inline").returncode == 0
    assert set(states(store)) == {"complete"}
    assert bits(store) == bits(whole)


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_run_stores_what_every_run_stores(executor: str, tmp_path: Path) -> None:
    asked = study("sine", "lstm", seeds=[1, 2])
    store, recorder = tmp_path / "results.db", Recorder()
    summary = execute(asked, store, executor=executor, observer=recorder)
    assert (summary.complete, summary.failed, recorder.notes) == (2, 0, [])
    assert {one.digest for one in map(trained, expand(asked))} == {record.digest for record in opened_trials(store)}
    assert opened_trials(store)[0].fingerprint["numerics"]["device"]
    model = unroll.load_model(asked, store, seed=1)
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}
    assert len(unroll.generate(model).continuation) == 8


def test_what_is_stored_is_trained_again_to_the_same_bits(tmp_path: Path) -> None:
    """In a process that has made nothing on the GPU before: the first to look decides how it computes."""
    store = tmp_path / "results.db"
    execute(study("sine", "lstm", seeds=[1, 2]), store)
    done = unroll_command("doctor", "--verify", "--sample", "2", "--store", store)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": the same bits.") == 2, done.stderr


def opened_trials(store: Path) -> list[Any]:
    with Store.open(store) as opened:
        return opened.trials()


def test_stopped_and_run_again_it_ends_with_the_same_bits() -> None:
    one = trial("adding", "lstm")
    stopped, said = work_on(Order(one), stop=True)
    assert (stopped.result, stopped.error) == (None, None)
    frozen = said[-1]
    assert isinstance(frozen, Resumable)
    again, said = work_on(Order(one, frozen.checkpoint, frozen.numerics))
    assert again.result is not None
    assert again.result.digest == trained(one).digest
    assert not any(isinstance(message, Note) for message in said)
    other = {**frozen.numerics, "device": "NVIDIA Imaginary 1"}
    afresh, said = work_on(Order(one, frozen.checkpoint, other))
    assert afresh.result is not None
    assert afresh.result.digest == again.result.digest
    (note,) = [message.text for message in said if isinstance(message, Note)]
    assert "starts afresh: its checkpoint was made under other numerics (device NVIDIA Imaginary 1" in note


@cuda
def test_there_are_no_more_workers_than_gpus(tmp_path: Path) -> None:
    count = torch.cuda.device_count()
    with pytest.raises(ExecutorError, match=rf"with {count + 1} workers: each has a GPU of its own"):
        execute(study(), tmp_path / "a.db", workers=count + 1)
    assert not (tmp_path / "a.db").exists()
    recorder = Recorder()
    execute(study(), tmp_path / "a.db", observer=recorder)
    assert f"{count} worker" in recorder.outlooks[0].workers


@cuda
@pytest.mark.usefixtures("plug_ins")
def test_a_gpu_that_a_trial_has_broken_is_whole_for_the_next_one(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    factors = {"task": ["adding"], "model": ["broken", "gru"], "length": [4], "seed": [1, 2]}
    asked = Study(name="a", factors=factors, task={"train": 40, "test": 8}, train={"epochs": 2, "device": "cuda"})
    execute(asked, store, workers=1)
    records = opened_trials(store)
    assert {(record.model, str(record.state)) for record in records} == {("broken", "failed"), ("gru", "complete")}
    assert "device-side assert" in next(record.error["message"] for record in records if record.model == "broken")


def test_a_kept_state_goes_on_there(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    execute(study(), store, executor="inline", keep_state=True)
    recorder = Recorder()
    longer = study(train={"epochs": 5})
    execute(longer, store, executor="inline", observer=recorder)
    assert recorder.notes == ["One trial continues from where a training with fewer epochs ended."]
    elsewhere = Recorder()
    execute(study(train={"epochs": 5}, device="cpu"), store, executor="inline", observer=elsewhere)
    assert elsewhere.notes == []
    (record,) = [record for record in opened_trials(store) if record.key == expand(longer)[0].key]
    assert record.digest == trained(expand(longer)[0]).digest


def test_the_first_numerics_of_a_process_are_those_that_it_computes_with() -> None:
    program = (
        "from tests.training.test_device import backend_of, computing, device_of, numerics, trial\n"
        "one = trial()\n"
        "first = numerics(backend_of(one), device_of(one))\n"
        "with computing(device_of(one)):\n"
        "    assert numerics(backend_of(one), device_of(one)) == first\n"
        "print(first)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert DEVICE != "cuda" or "'cublas workspace': ':4096:8'" in done.stdout


def test_what_a_run_would_take_is_told_of_both(tmp_path: Path) -> None:
    there = foresee(study(), tmp_path / "a.db")
    assert there.seconds is not None
    assert (there.device, there.elsewhere.device) == (DEVICE, "cpu")
    here = foresee(study(device="cpu"), tmp_path / "a.db")
    assert (here.device, here.elsewhere.device) == ("cpu", DEVICE)
    assert here.elsewhere.seconds > 0
    assert all(gain.there > 0 and gain.here > 0 for gain in gains(DEVICE))
