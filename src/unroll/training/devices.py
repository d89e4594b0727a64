"""The devices on which trials are trained: which one a trial has, and which there are."""

from __future__ import annotations

import os

import torch

from unroll.errors import DeviceError, WorkerStartError
from unroll.executors.base import WORKER_NUMBER
from unroll.models.resolve import resolve
from unroll.study import Trial
from unroll.training.numerics import computing


def device_of(trial: Trial) -> torch.device:
    """Return where a trial is computed: the CPU, or the GPU of this worker.

    Worker i has GPU i; a process that is no worker has the first. What is fitted makes no updates and needs no GPU.
    Raises DeviceError where the device is not there.
    """
    name = trial.train.device
    if name == "cpu" or resolve(trial).model.fitted:
        return torch.device("cpu")
    number, count = int(os.environ.get(WORKER_NUMBER, "0")), _count(name)
    if number >= count:
        raise DeviceError(
            f"Worker {number + 1} has no GPU: there {'is' if count == 1 else 'are'} {count}. Ask for fewer."
        )
    return torch.device(name, number)


def at_once(device: torch.device) -> bool:
    """Say whether a number is at hand when it is computed; elsewhere who asks for one waits for all work before it."""
    return device.type == "cpu"


def present(name: str) -> tuple[str, ...]:
    """Return the names of the devices of a kind that this process can train on, after a small product on each.

    Raises DeviceError, with the reason and what to do next, where there is none.
    """
    if name == "cpu":
        return ("cpu",)
    count = _count(name)
    try:
        for device in (torch.device(name, number) for number in range(count)):
            with computing(device):  # the first product that cuBLAS makes decides how it makes all
                _try(device)
        return tuple(map(torch.cuda.get_device_name, range(count))) if name == "cuda" else ("Apple GPU",)
    except RuntimeError as error:  # PyTorch's own of whatever goes wrong with a device
        raise DeviceError(
            f"The GPU is there and does not work ({_first_line(error)}). See that nothing else fills its memory."
        ) from error


def confirm(device: torch.device) -> None:
    """See that this process can use its GPU, inside of ``computing``: after some errors only a new process can.

    Ends the process where it is a worker, so that its executor puts a new one in its place; raises WorkerStartError
    where it is none.
    """
    try:
        if not at_once(device):
            _try(device)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        if WORKER_NUMBER in os.environ:
            os._exit(1)
        raise WorkerStartError(
            f"The GPU ({device}) can no longer be used in this process: {_first_line(error)}. What is finished is "
            "stored. Run it again in a new process."
        ) from error


def _count(name: str) -> int:
    """Return how many devices of a kind there are; raises DeviceError, with the reason and advice, for none."""
    absent = _why_no_cuda() if name == "cuda" else _why_no_mps()
    if absent:
        raise DeviceError(absent)
    return torch.cuda.device_count() if name == "cuda" else 1


def _why_no_cuda() -> str:
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"PyTorch {torch.__version__} was built for the CPU alone. Install one that was built for CUDA "
            "(pytorch.org/get-started says how)."
        )
    if not torch.cuda.is_available():
        return "PyTorch finds no GPU. See whether nvidia-smi does, and what CUDA_VISIBLE_DEVICES says."
    return ""


def _why_no_mps() -> str:
    return (
        "" if torch.backends.mps.is_available() else "PyTorch finds no GPU of an Apple processor. It needs such a Mac."
    )


def _try(device: torch.device) -> None:
    """Make a product there; raises RuntimeError where that fails."""
    square = torch.ones(8, 8, device=device)
    if float((square @ square).sum().cpu()) != 8**3:
        raise RuntimeError("its sums are wrong")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
