"""Whole training epochs: the notebook's loop as written, the same tuned, unroll on either backend.

Each measurement is a fresh process that times single updates after a warm-up. The contenders take turns, several
rounds, so that a machine whose speed drifts does not favour one; what is quoted are medians over the rounds, and ratios
of medians of the same run. An epoch is 157 updates of 64 sequences.

``notebook``: the notebook's loop, PyTorch's default threads. ``tuned``: the same on one thread, denormals flushed.
``reference`` and ``native v4`` and so on: unroll's own training, one thread.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Generator
from typing import Any

from unroll.kernels import isas

UPDATES_AN_EPOCH = 157
WARM_UP = 3
CELLS = ("tanh_rnn", "lstm", "gru")
UPDATES = {10: 157, 100: 20, 500: 5}
"""Length: how many updates a round times."""


def contenders() -> tuple[str, ...]:
    """Return who takes part on this machine."""
    return ("notebook", "tuned", "reference", *(f"native {isa}" for isa in isas()))


def measure(rounds: int) -> list[dict[str, Any]]:
    """Print a table, return its rows: seconds per epoch of each contender, and the tuned loop's multiples of them."""
    print("\nwhole epochs: seconds, and in brackets how many times as fast as the tuned loop\n")
    return [row for cell in CELLS for row in _compared(cell, rounds)]


def _compared(cell: str, rounds: int) -> list[dict[str, Any]]:
    """Let the contenders take turns on one cell, all lengths in one process."""
    seconds: dict[int, dict[str, list[float]]] = {T: defaultdict(list) for T in UPDATES}
    for _ in range(rounds):
        for name in contenders():
            who, _, isa = name.partition(" ")
            command = [sys.executable, "-m", "benchmarks.epochs", who, cell]
            environment = {**os.environ, "UNROLL_ISA": isa} if isa else None
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            for T, measured in json.loads(done.stdout).items():
                seconds[int(T)][name].append(statistics.median(measured) * UPDATES_AN_EPOCH)
    rows = []
    for T, by_name in seconds.items():
        medians = {name: statistics.median(values) for name, values in by_name.items()}
        against = {name: medians["tuned"] / s for name, s in medians.items()}
        rows.append({"cell": cell, "T": T, "rounds": dict(by_name), "median": medians, "against tuned": against})
        columns = (f"{name} {s:.3g} ({against[name]:.2f}x)" for name, s in medians.items())
        print(f"{cell:<9}{T:>4}  " + "  ".join(columns), flush=True)
    return rows


def times(contender: str, cell: str, T: int, count: int) -> list[float]:
    """Return the seconds of ``count`` updates after a warm-up."""
    if contender == "notebook":
        steps = _notebook(cell, T)
    elif contender == "tuned":
        steps = _tuned(cell, T)
    else:
        steps = _unroll(contender, cell, T)
    for _ in range(WARM_UP):
        next(steps)
    measured = [next(steps) for _ in range(count)]
    steps.close()
    return measured


def _notebook(cell: str, T: int) -> Generator[float, None, None]:
    from benchmarks.notebook_loop import updates

    yield from updates(cell, T)


def _tuned(cell: str, T: int) -> Generator[float, None, None]:
    from unroll.training import single_thread

    with single_thread():
        yield from _notebook(cell, T)


def _unroll(backend: str, cell: str, T: int) -> Generator[float, None, None]:
    from unroll import expand, read_study
    from unroll.training import Training, single_thread

    study = read_study("adding-sanity", [f'model="{cell}"', f"length={T}", f"train.backend={backend}"])
    with single_thread():
        steps = Training(expand(study)[0]).run()
        while True:
            start = time.perf_counter()
            next(steps)
            yield time.perf_counter() - start


if __name__ == "__main__":
    _, _contender, _cell = sys.argv
    print(json.dumps({T: times(_contender, _cell, T, count) for T, count in UPDATES.items()}))
