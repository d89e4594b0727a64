"""A GPU against the processor beside it: seconds of an epoch of the adding problem, by cell, length, width and batch.

Run: python -m benchmarks.device [--out device.json]

Contenders: ``cuda`` (PyTorch's layers on cuDNN, as ``train.device = "cuda"`` trains), ``native`` and ``torch`` (whole
updates in native code, and PyTorch's layers, on one core as a worker trains), ``torch on all cores`` (PyTorch's own
threads). An epoch is 10,000 sequences. Those of one core run six processes at a time, all others alone. ``jobs`` says
how many trials at once the processor has to train to be as fast as the GPU: the best epoch on one core over that on the
GPU. Four minutes on 16 cores; what is measured is told on stderr as JSON, a line a size.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import torch

from unroll import Study, Trial, expand
from unroll.kernels import isas
from unroll.running.work import LOOK_SECONDS
from unroll.training import Training, computing
from unroll.training.devices import device_of

CELLS, LENGTHS, HIDDEN, BATCHES = ("tanh_rnn", "gru", "lstm"), (100, 500), (64, 512), (64, 512)
SEQUENCES, UPDATES, EPOCHS = 10_000, 16, 5
ONE_CORE = ("native", "torch")
CONTENDERS = ("cuda", *ONE_CORE, "torch on all cores")
PATIENCE = 1.5
"""Seconds after which no further update of a contender is timed; a first one that takes as long is not repeated."""


def trial(contender: str, cell: str, T: int, H: int, B: int) -> Trial:
    """Return a trial of so many updates an epoch."""
    device = {"device": "cuda"} if contender == "cuda" else {"backend": contender.partition(" ")[0]}
    study = Study(
        name="device",
        factors={"task": ["adding"], "model": [cell], "length": [T], "seed": [1]},
        task={"train": B * UPDATES, "validation": 0, "test": 1},
        model={"hidden": H},
        train={"batch": B, "epochs": EPOCHS, **device},
    )
    return expand(study)[0]


def seconds(contender: str, cell: str, T: int, H: int, B: int) -> float:
    """Return the seconds of an epoch of ``SEQUENCES``: by the median epoch on a GPU, by the median update elsewhere.

    Native code makes several updates between two looks, as under a worker: the median is that of their means.
    """
    one = trial(contender, cell, T, H, B)
    threads = torch.get_num_threads()
    with computing(device_of(one)):
        training = Training(one, look=LOOK_SECONDS)
        if contender == "torch on all cores":
            torch.set_num_threads(threads)
        steps, times = training.run(), list[float]()
        if contender == "cuda":
            for _ in range(UPDATES * EPOCHS):
                next(steps)
            update = statistics.median(training.histories["seconds"][1:].tolist()) / UPDATES
        else:
            began = time.perf_counter()
            while time.perf_counter() - began < PATIENCE and training.done < UPDATES * EPOCHS:
                start, before = time.perf_counter(), training.done
                next(steps)
                times.append((time.perf_counter() - start) / (training.done - before))
            update = statistics.median(times[1:] or times)
    return update * math.ceil(SEQUENCES / B)


def measured(job: tuple[str, str]) -> list[dict[str, Any]]:
    """Measure a contender on a cell, all sizes in one process of its own; what it could not run is left out."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.device", "--one", *job], stdout=subprocess.PIPE, check=False
    )
    names = ("contender", "cell", *"THB", "seconds")
    rows = [dict(zip(names, (*job, *row), strict=True)) for row in _rows(done.stdout)]
    print(*map(json.dumps, rows), sep="\n", file=sys.stderr, flush=True)
    return rows


def _rows(printed: bytes) -> list[list[float]]:
    return [json.loads(line) for line in printed.splitlines()]


def print_all(contender: str, cell: str) -> None:
    """Print a line a size: T, H, B and the seconds."""
    for T, H, B in product(LENGTHS, HIDDEN, BATCHES):
        print(json.dumps([T, H, B, seconds(contender, cell, T, H, B)]), flush=True)


def measure() -> list[dict[str, Any]]:
    """Measure every contender at every size that it can run."""
    alone = [row for job in product(("cuda", "torch on all cores"), CELLS) for row in measured(job)]
    with ThreadPoolExecutor(6) as pool:
        beside = pool.map(measured, product([name for name in ONE_CORE if name != "native" or isas()], CELLS))
        return [*alone, *(row for rows in beside for row in rows)]


def table(rows: list[dict[str, Any]]) -> str:
    """Return the seconds as Markdown, a size a row."""
    found = {(row["contender"], row["cell"], row["T"], row["H"], row["B"]): row.get("seconds") for row in rows}
    lines = ["| cell | T | H | B | " + " | ".join(CONTENDERS) + " | jobs |", "|---" * (5 + len(CONTENDERS)) + "|"]
    for size in product(CELLS, LENGTHS, HIDDEN, BATCHES):
        values = [found.get((contender, *size)) for contender in CONTENDERS]
        one = [value for value in values[1:3] if value is not None]
        jobs = min(one) / values[0] if one and values[0] is not None else math.nan
        cells = ["" if value is None else f"{value:.3g}" for value in [*values, jobs]]
        lines.append(f"| {size[0]} | {size[1]} | {size[2]} | {size[3]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("device.json"))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print_all(*options.one)
        return
    rows = measure()
    machine = {"gpu": torch.cuda.get_device_name(0), "cores": os.cpu_count(), "torch": torch.__version__}
    options.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
