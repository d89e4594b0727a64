"""What the numbers depend on: the machine's description and its measured peak."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from unroll.kernels import _native, isas
from unroll.training.numerics import cpu_model

INSTRUCTIONS = {"v4": "AVX-512 (v4)", "v3": "AVX2 (v3)", "v2": "SSE4 (v2)", "neon": "NEON"}
"""What the native instruction sets are called."""


def machine() -> dict[str, object]:
    """Return what the numbers depend on."""
    return {
        "cpu": cpu_model() + family(),
        "cores": os.cpu_count(),
        "instructions": INSTRUCTIONS.get(isas()[0], isas()[0]) if isas() else "",
        "native instruction sets": list(isas()),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__.partition("+")[0],
        "unroll": version("unroll-lab"),
        "threads of the notebook's loop": torch.get_num_threads(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def family() -> str:
    """Return the processor's family in brackets: virtual ones of a maker often have one name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    found = next((line.partition(":")[2].strip() for line in lines if line.startswith("cpu family")), "")
    return f" (family {found})" if found else ""


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
