"""What the bits of a result depend on, and the state of the processor in which trials are trained."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import torch

from unroll.errors import BackendError
from unroll.kernels import Pick
from unroll.kernels.pick import isa_in_use

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
FIXED_WORKSPACE = ":4096:8"
"""What cuBLAS must be told before its first call so that its products have the same bits each time."""
UNFLATTENED = "RNN module weights are not part of single contiguous chunk"
"""Of all parameters in one vector cuDNN makes a copy in its own order at each call: microseconds, and no news."""


CPU = torch.device("cpu")
BESIDE = {"beside": "2"}
"""Goes up where what is measured beside a trial's results comes out otherwise; logarithms of the first were NumPy's."""


def numerics(
    pick: Pick,
    device: torch.device = CPU,
    updates: Literal["python", "native", "whole"] = "python",
    versions: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return everything that the bits of a result depend on; a checkpoint is continued only under the same.

    ``updates``, ``versions``: see ``unroll.training.native``, where ``numerics_of`` has those of a trial. Where all of
    a result is native code, its bits are the same on every processor and under all versions but these and that of the
    kernels.
    """
    if updates == "whole":
        return {"backend": pick.backend, "kernels": pick.numerics, "updates": "native", **(versions or {})}
    return {
        "unroll": version("unroll-lab"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "backend": pick.backend,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "kernel instructions": pick.isa,
        "cpu": cpu_model(),
        **({"kernels": pick.numerics} if pick.numerics else {}),
        **({"updates": "native"} if updates == "native" else {}),
        **(versions or {}),
        **_of_device(device),
    }


def processor() -> dict[str, str]:
    """Return that part of the numerics of a trial on the CPU that this machine decides."""
    try:
        isa = isa_in_use()
    except BackendError:  # a trial that needs it says so
        isa = ""
    return {"instructions": torch.backends.cpu.get_cpu_capability(), "kernel instructions": isa, "cpu": cpu_model()}


def _of_device(device: torch.device) -> dict[str, str]:
    """Return what the bits of a GPU depend on beside that; nothing for the CPU, of which all is said."""
    if device.type == "cpu":
        return {}
    if device.type == "mps":
        return {"device": "Apple GPU"}
    workspace = _workspace()  # first: a GPU that has told its name is in use
    return {
        "device": torch.cuda.get_device_name(device),
        "cuda": torch.version.cuda or f"ROCm {torch.version.hip}",
        "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
        "algorithms": "deterministic, float32 without TF32",
        "cublas workspace": workspace,
    }


@cache
def cpu_model() -> str:
    """Return the processor's name as the system gives it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


@contextmanager
def single_thread() -> Iterator[None]:
    """Run with one intra-op thread and with denormals flushed to zero; leave both as they were found.

    Gradients that vanish become denormal numbers, which cost 2.6 to 7 times as much time at T = 500; and intra-op
    threads fight over matrices this small.
    """
    threads, flushed = torch.get_num_threads(), _flushes_denormals()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


def _flushes_denormals() -> bool:
    small = torch.full((), 1e-30)
    return bool(small * 1e-10 == 0)


@cache
def _workspace() -> str:
    """Return what cuBLAS is told before its first call in this process; "default" where CUDA was in use already."""
    late = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return os.environ.get(WORKSPACE) or ("default" if late else FIXED_WORKSPACE)


@contextmanager
def computing(device: torch.device) -> Iterator[None]:
    """Compute as the numerics say, and leave everything as it was found: see ``single_thread``; of CUDA ``_exact``."""
    with single_thread(), ExitStack() as stack:
        if device.type == "cuda":
            stack.enter_context(_exact(device))
        yield


@contextmanager
def _exact(device: torch.device) -> Iterator[None]:
    """Let PyTorch use nothing but algorithms with the same bits each time, in full float32: no TF32, no search.

    An operation that has no such algorithm is then an error, which fails its trial.
    """
    mode, precision = torch.get_deterministic_debug_mode(), torch.get_float32_matmul_precision()
    filling: Any = torch.utils.deterministic
    fill, filling.fill_uninitialized_memory = filling.fill_uninitialized_memory, False  # what nobody reads needs none
    _workspace()
    workspace = os.environ.get(WORKSPACE)
    os.environ.setdefault(WORKSPACE, FIXED_WORKSPACE)
    torch.set_deterministic_debug_mode("error")
    torch.set_float32_matmul_precision("highest")
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    try:
        with torch.cuda.device(device), flags, warnings.catch_warnings():
            warnings.filterwarnings("ignore", UNFLATTENED)
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.set_deterministic_debug_mode(mode)
        filling.fill_uninitialized_memory = fill
        if workspace is None:
            del os.environ[WORKSPACE]
