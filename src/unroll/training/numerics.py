"""What the bits of a result depend on, and the state of the processor in which trials are trained."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version

import numpy as np
import torch

from unroll.kernels import Pick


def numerics(pick: Pick) -> dict[str, str]:
    """Return everything that the bits of a result depend on; a checkpoint is continued only under the same."""
    return {
        "unroll": version("unroll-lab"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "backend": pick.backend,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "kernel instructions": pick.isa,
        "cpu": cpu_model(),
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
