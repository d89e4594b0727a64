"""A GPU that is asked for: looked for before anything is planned, one for each worker, refused in clear words.

There need be none: what a worker would answer is put in its place where the answer matters.

Faults planted here, each seen to be found: a run that plans first and asks then; fitted trials that ask for a GPU; a
store of finished trials that needs one; all workers with the same number; workers that are not counted; two devices in
one study; a GPU's name asked for before what cuBLAS is told; a bfloat16 study whose time on a GPU is told.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.kernels.oracle import needs_native
from tests.running.conftest import worked
from tests.running.test_run import tiny
from tests.training.test_precision import needs_half
from unroll import Study, expand
from unroll.errors import BackendError, DeviceError, ExecutorError, StudyError, WorkerStartError
from unroll.executors import Channel, Processes
from unroll.executors.base import WORKER_NUMBER
from unroll.models.resolve import resolve
from unroll.running import devices, execute, foresee, foresight, work
from unroll.running.calibration import Calibration
from unroll.running.devices import Devices
from unroll.running.foresight import Elsewhere
from unroll.running.messages import Order
from unroll.store import Store
from unroll.study import Trial
from unroll.training import Training, numerics
from unroll.training import devices as there
from unroll.training.devices import confirm, device_of
from unroll.training.network import backend_of
from unroll.training.numerics import FIXED_WORKSPACE, WORKSPACE, _workspace

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


def study(device: str = "cuda", model: str = "gru", **more: Any) -> Study:
    factors = {"task": ["adding"], "model": [model], "length": [4], "seed": [1], **more.pop("factors", {})}
    size = {"train": 40, "test": 8, **more.pop("task", {})}
    train = {"epochs": 1, "device": device, **more.pop("train", {})}
    return Study(name="a", factors=factors, task=size, train=train, **more)


def trial(*args: Any, **more: Any) -> Trial:
    return expand(study(*args, **more))[0]


def answer(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """Let a worker find these devices; return the kinds that it is asked for."""
    asked: list[str] = []
    monkeypatch.setattr(devices, "look", lambda kind, channel: asked.append(kind) or Devices(names))
    return asked


@no_cuda
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_gpu_that_is_not_there_is_one_clear_error_and_leaves_nothing(executor: str, tmp_path: Path) -> None:
    store = tmp_path / "results.db"
    for call in (execute, foresee):
        with pytest.raises(StudyError) as caught:
            call(study(), store, executor=executor, workers=1)
        (problem,) = caught.value.problems
        assert problem.setting == "train.device"
        assert problem.message.startswith('trials are to train on "cuda". PyTorch ')
        assert problem.message.endswith("Or train on the CPU: --set train.device=cpu")
    assert list(tmp_path.iterdir()) == []


@no_cuda
def test_the_command_ends_as_for_any_study_that_cannot_be_run(
    tmp_path: Path, called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = called("run", "adding-sanity", "--set", "train.device=cuda", "--workers", "1")
    assert done.code == 2
    assert done.err.startswith("unroll: 1 problem in the study:\n  train.device: trials are to train on")
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


@no_cuda
def test_a_worker_without_one_fails_its_trial_in_the_same_words() -> None:
    outcome = worked(Order(trial()))
    assert outcome.error is not None
    assert outcome.error["type"] == "DeviceError"
    with pytest.raises(DeviceError, match="PyTorch"):
        Training(trial("mps"))


def test_the_native_backend_is_of_the_cpu_alone() -> None:
    with pytest.raises(BackendError, match="the native kernels run on the CPU, not on cuda"):
        resolve(trial(train={"backend": "native"})).backend(trial(train={"backend": "native"}))
    with pytest.raises(StudyError, match=r"train\.backend: .*run on the CPU, not on mps"):
        execute(study("mps", train={"backend": "native"}), "no.db")


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("model", ["tanh_rnn", "lstm", "gru"])
def test_on_a_gpu_pytorchs_own_layers_compute(backend: str, model: str) -> None:
    assert backend_of(trial(model=model, train={"backend": backend})).word == "torch"


TWO = {
    "a list": {"factors": {"train.device": ["cpu", "cuda"]}},
    "a condition of its own": {
        "where": [{"match": {"length": 5}, "train": {"device": "mps"}}],
        "factors": {"length": [4, 5]},
    },
}


@pytest.mark.parametrize("how", TWO)
def test_a_study_has_one_device(how: str) -> None:
    with pytest.raises(StudyError, match=r"one study trains on one device, this asks for .* and (cuda|mps)\. Make"):
        expand(study("cpu", **TWO[how]))


def test_the_default_is_no_second_device() -> None:
    assert len(expand(study("cpu", factors={"train.device": ["cpu"], "length": [4, 5]}))) == 2
    assert len(expand(study("cuda", factors={"length": [4, 5]}))) == 2


@pytest.mark.parametrize(
    ("word", "said"), [("gpu", "'gpu' is 'cuda'"), ("cuda:1", "not one of 'cpu', 'cuda' or 'mps'")]
)
def test_a_device_that_nobody_knows(word: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        expand(study(word))


def test_the_default_is_not_part_of_a_key_and_any_other_is() -> None:
    assert "device" not in trial("cpu").spec["settings"]["train"]
    assert trial("cuda").spec["settings"]["train"]["device"] == "cuda"
    assert Trial.from_spec(trial("cuda").spec) == trial("cuda")
    assert len({trial(device).key for device in ("cpu", "cuda", "mps")}) == 3


@pytest.mark.parametrize("model", ["linear", "persistence", "drift"])
def test_what_is_fitted_needs_no_gpu_and_is_what_it_is(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch)
    found = []
    for device in ("cpu", "mps"):
        one = Study(
            name="a",
            factors={"task": ["odd_numbers"], "model": [model], "length": [5], "seed": [1]},
            task={"representation": "raw"},
            train={"device": device},
        )
        assert execute(one, tmp_path / f"{device}.db", executor="inline").complete == 1
        with Store.open(tmp_path / f"{device}.db") as store:
            (record,) = store.trials()
        found.append((record.digest, record.fingerprint["numerics"]))
    assert found[0] == found[1]
    assert asked == []


def test_a_finished_study_is_shown_where_there_is_no_gpu(
    tmp_path: Path, called, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = tmp_path / "a.db", study()
    answer(monkeypatch, "NVIDIA Imaginary 1")
    with monkeypatch.context() as patch:
        for room in ("loop", "native", "devices"):  # trained here, in the place of a GPU
            patch.setattr(f"unroll.training.{room}.device_of", lambda trial: torch.device("cpu"))
        patch.setattr(work, "device_of", lambda trial: torch.device("cpu"))
        assert execute(one, store, executor="inline").complete == 1
    asked = answer(monkeypatch)
    assert execute(one, store, executor="inline").complete == 1
    assert asked == []
    done = called("show", "a", "--store", store)
    assert done.code == 0, done.err


def test_more_workers_than_gpus_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "NVIDIA Imaginary 1", "NVIDIA Imaginary 1")
    monkeypatch.setattr(devices.registry.executors, "load", lambda name: Counted)
    with pytest.raises(
        ExecutorError, match=r"with 3 workers: each has a GPU of its own, and 2 GPUs are there \(NVIDIA"
    ):
        execute(study(), tmp_path / "a.db", workers=3)
    assert not (tmp_path / "a.db").exists()
    assert [runner.closed for runner in Counted.made] == [True]
    with devices.engage("processes", None, [trial()]) as runner:
        assert runner.slots == 2  # as many as there are, where nobody says
    with devices.engage("processes", 1, [trial()]) as runner:
        assert runner.slots == 1


class Counted(devices.Executor):
    """An executor that runs inline and says that it has as many slots as it was asked for."""

    made: list[Counted] = []  # noqa: RUF012

    def __init__(self, workers: int):
        self.slots, self.closed = workers, False
        self.made.append(self)

    def submit(self, call: Any, item: Any, channel: Channel) -> Any:
        from unroll.executors import Inline

        return Inline().submit(call, item, channel)

    def shutdown(self, *, now: bool = False) -> None:
        self.closed = True

    def describe(self) -> str:
        return f"{self.slots} workers"


def number(wait: float, channel: Channel) -> tuple[str, int]:
    """Return a worker's number and process, after the others have begun."""
    import time

    time.sleep(wait)
    return os.environ[WORKER_NUMBER], os.getpid()


def test_each_of_the_workers_that_run_at_once_has_a_number_of_its_own() -> None:
    with Processes(3) as runner:
        first = [future.result() for future in [runner.submit(number, 1.0, Channel(lambda _: None)) for _ in range(3)]]
        again = [future.result() for future in [runner.submit(number, 0.2, Channel(lambda _: None)) for _ in range(3)]]
    assert sorted(one for one, _ in first) == ["0", "1", "2"]
    assert sorted(again) == sorted(first)  # kept for life
    assert WORKER_NUMBER not in os.environ
    assert threading.main_thread().is_alive()


def test_a_worker_beyond_the_last_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there, "_count", lambda name: 2)
    monkeypatch.setenv(WORKER_NUMBER, "1")
    assert device_of(trial()) == torch.device("cuda", 1)
    monkeypatch.setenv(WORKER_NUMBER, "2")
    with pytest.raises(DeviceError, match="Worker 3 has no GPU: there are 2"):
        device_of(trial())


def test_a_gpu_that_no_longer_answers_is_no_fault_of_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of CUDA, after an error that only a new process survives."""
    monkeypatch.setattr(there, "_try", refused)
    with pytest.raises(WorkerStartError, match=r"can no longer be used in this process: .* in a new process"):
        confirm(torch.device("cuda", 99))
    monkeypatch.setenv(WORKER_NUMBER, "0")
    ended: list[int] = []
    monkeypatch.setattr("unroll.training.devices.os._exit", ended.append)
    with pytest.raises(WorkerStartError):
        confirm(torch.device("cuda", 99))
    assert ended == [1]


def refused(device: torch.device) -> None:
    raise RuntimeError("CUDA error: device-side assert triggered\nCompile with TORCH_USE_CUDA_DSA")


def test_too_little_memory_on_a_gpu_is_said_with_what_to_do() -> None:
    error = torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB. "
        "Including non-PyTorch memory, this process has 79 GiB in use."
    )
    message = work.described(error)["message"]
    assert message.startswith("CUDA out of memory. Tried to allocate 20.00 GiB. There is not enough memory on the GPU")
    assert message.endswith("then run it again with --retry-failed.")
    assert work.described(MemoryError())["message"].startswith("MemoryError. There is not enough memory for this trial")


def test_what_cublas_is_told_is_known_before_a_gpu_tells_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names it uses it, and what is used already would be taken for someone else's."""
    used: list[torch.device] = []
    monkeypatch.delenv(WORKSPACE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: bool(used))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: used.append(device) or "NVIDIA Imaginary 1")
    monkeypatch.setattr(sys.modules[numerics.__module__], "_workspace", cache(_workspace.__wrapped__))
    found = numerics(backend_of(trial()), torch.device("cuda", 0))
    assert used
    assert found["cublas workspace"] == FIXED_WORKSPACE


def test_the_cpus_numerics_are_what_they_were() -> None:
    one = trial("cpu")
    names = ["unroll", "torch", "numpy", "backend", "instructions", "kernel instructions", "cpu"]
    found = numerics(backend_of(one), device_of(one))
    assert list(found) == [*names, *(["kernels"] if found["kernel instructions"] else [])]


@no_cuda
def test_a_stored_trial_of_a_gpu_is_not_recomputed_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unroll.running.recomputation import recompute

    store = tmp_path / "a.db"
    answer(monkeypatch, "NVIDIA Imaginary 1")
    with monkeypatch.context() as patch:
        for room in ("loop", "native"):
            patch.setattr(f"unroll.training.{room}.device_of", lambda trial: torch.device("cpu"))
        patch.setattr(work, "device_of", lambda trial: torch.device("cpu"))
        execute(study(), store, executor="inline")
    with Store.open(store) as opened:
        (found,) = recompute(opened, 1)
    assert found.reason.startswith("PyTorch ")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, True),
        ({"backend": "torch"}, True),
        pytest.param({"backend": "native"}, False, marks=needs_native),
        pytest.param({"precision": "bf16"}, False, marks=needs_half),
    ],
)
def test_the_dry_run_tells_of_a_gpu_what_could_be_run_there(
    asked: dict[str, Any], told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that it names changes the device and nothing else."""
    monkeypatch.setattr(foresight, "look", lambda kind, channel: Devices(("NVIDIA Imaginary 1",)))
    seen: list[Trial] = []
    monkeypatch.setattr(
        foresight, "calibrate", lambda samples, channel: seen.extend(sum(samples.cohorts, ())) or Calibration()
    )
    found = foresee(study("cpu", train=asked), tmp_path / "a.db", executor="inline")
    assert found.elsewhere == (Elsewhere("cuda", ("NVIDIA Imaginary 1",), None, 1) if told else None)
    assert [one.train.device for one in seen] == ["cpu", "cuda"][: 1 + told]
    assert {one.train.backend for one in seen} == {seen[0].train.backend}


def test_the_dry_run_tells_of_the_gpu_only_where_there_is_one(tmp_path: Path) -> None:
    found = foresee(tiny("length=10", "model=gru"), tmp_path / "a.db", executor="inline")
    assert found.device == "cpu"
    assert (found.elsewhere is None) == (not torch.cuda.is_available() and not torch.backends.mps.is_available())
