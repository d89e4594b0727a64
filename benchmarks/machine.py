"""What the numbers depend on: the machine's description and its measured peak."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

import torch

from unroll.kernels import _native, isas
from unroll.training.numerics import cpu_model


def machine() -> dict[str, object]:
    """Return what the numbers depend on."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "native instruction sets": list(isas()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "unroll": version("unroll-lab"),
        "threads of the notebook's loop": torch.get_num_threads(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def seconds_of(call: Callable[[], object], at_least: float = 2e-3) -> float:
    """Return the seconds of one call, called as often as it takes to last ``at_least`` seconds."""
    began = time.perf_counter()
    call()
    repeats = max(1, int(at_least / (time.perf_counter() - began)))
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - began) / repeats


def peak(isa: str, repeats: int = 5) -> float:
    """Return float32 operations a second of independent multiply-adds on registers, one core, with one instruction set.

    The sets without a fused multiply-add (v2) multiply and add.
    """
    rounds = 20_000
    operations = _native.multiply_adds(isa, 1) * rounds
    return operations / statistics.median(
        seconds_of(lambda: _native.multiply_adds(isa, rounds)) for _ in range(repeats)
    )
