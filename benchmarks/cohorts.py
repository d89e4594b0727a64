"""Seeds updated as lanes of one call against one network at a time: microseconds of an update of one network, one core.

Updates of the adding problem (2 inputs, last step read, squared error, Adam, T = 100), 8 and 16 seeds at the sizes in
question; then a study of ``SEEDS`` seeds, 8 units, one sequence at a time, run with and without cohorts.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.bare import CELLS
from unroll.kernels import isas
from unroll.kernels.gates import GATES
from unroll.kernels.updates import Rule, Sequences, Updates, Wanted, make

SIZES = ((8, 1), (8, 8), (8, 32), (16, 1), (16, 32))
"""Hidden units and batch."""
LANES = (8, 16)
STEPS, SEQUENCES = 100, 200
SEEDS = 40


def measure(rounds: int) -> dict[str, Any]:
    """Print and return both."""
    print("\nseeds as lanes of one call\n")
    return {"updates": [_updates(cell, *size, rounds) for size in SIZES for cell in CELLS], "study": _study()}


def table(found: dict[str, Any]) -> str:
    """Return the table as Markdown."""
    text = "| cell | H | B | alone | 8 seeds | 16 seeds |\n|---|---|---|---|---|---|\n"
    for row in found["updates"]:
        alone, *together = row["median"].values()
        cells = [f"{seconds * 1e6:.3g} ({alone / seconds:.2f}x)" for seconds in together]
        text += f"| {row['cell']} | {row['H']} | {row['B']} | {alone * 1e6:.3g} | {' | '.join(cells)} |\n"
    study = found["study"]
    return (
        f"{text}\nA study of {SEEDS} seeds: {study['alone']:.3g} s one by one, {study['together']:.3g} s in cohorts.\n"
    )


def _updates(cell: str, H: int, B: int, rounds: int) -> dict[str, Any]:
    networks = [_network(cell, H, seed) for seed in range(max(LANES))]
    times = max(20, 400 // B)
    for lanes in (1, *LANES):
        _timed(networks[:lanes], B, times)  # what is allocated then is there
    seconds = defaultdict[str, list[float]](list)
    for _ in range(rounds):
        for lanes in (1, *LANES):
            seconds["alone" if lanes == 1 else f"{lanes} seeds"].append(_timed(networks[:lanes], B, times))
    found = {name: statistics.median(values) for name, values in seconds.items()}
    parts = (f"{name} {value * 1e6:.3g} us" for name, value in found.items())
    print(f"{cell:<9}H {H} B {B}  " + "  ".join(parts), flush=True)
    return {"cell": cell, "H": H, "B": B, "T": STEPS, "median": found}


def _network(cell: str, H: int, seed: int) -> tuple[Updates, Sequences]:
    draw, GH = np.random.default_rng(seed), GATES[cell] * H
    weights = (draw.uniform(-1, 1, GH * (2 + H + 2) + H + 1) / math.sqrt(H)).astype(np.float32)
    x, y = draw.random((SEQUENCES, STEPS, 2), dtype=np.float32), draw.random((SEQUENCES, 1, 1), dtype=np.float32)
    state = {"average": np.zeros_like(weights), "square": np.zeros_like(weights)}
    return Updates(cell, H, isas()[0], Rule("adam"), weights, state, 0), Sequences(x, y, None, None, 2, 1, "last")


def _timed(networks: list[tuple[Updates, Sequences]], B: int, times: int) -> float:
    """Return the seconds of an update of one of these networks."""
    order, rates = np.random.default_rng(0).integers(0, SEQUENCES, times * B), np.full(times, 1e-4)
    wanted = [Wanted(updates, sequences, order, B, rates, math.inf) for updates, sequences in networks]
    began = time.perf_counter()
    make(wanted)
    return (time.perf_counter() - began) / times / len(networks)


def _study() -> dict[str, float]:
    """Return the seconds of a whole run, in this process, with cohorts and without."""
    from unroll import Study
    from unroll.running import execute

    study = Study(
        name="online",
        factors={"task": ["adding"], "model": ["lstm"], "length": [STEPS], "seed": [*range(SEEDS)]},
        task={"train": 1000, "validation": 100, "test": 500},
        model={"hidden": 8},
        train={"epochs": 20, "batch": 1},
    )

    def seconds(name: str) -> float:
        began = time.perf_counter()
        with TemporaryDirectory() as folder:
            execute(study, Path(folder) / f"{name}.db", executor="inline")
        return time.perf_counter() - began

    found = {"together": seconds("together")}
    with patch("unroll.running.schedule.fewest", lambda trial: None):
        found["alone"] = seconds("alone")
    print(f"a study of {SEEDS} seeds: {found['alone']:.3g} s one by one, {found['together']:.3g} s in cohorts")
    return found
