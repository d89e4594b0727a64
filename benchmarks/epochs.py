"""Whole training epochs: the notebook's loop as written, tuned and compiled, unroll on either backend, other libraries.

Each measurement is a fresh process that times single updates after a warm-up. The contenders take turns, several
rounds, so that a machine whose speed drifts does not favour one; what is quoted are medians over the rounds, and ratios
of medians of the same run. An epoch is 157 updates of 64 sequences.

``notebook``: the notebook's loop, PyTorch's default threads. ``tuned``: the same on one thread, denormals flushed.
``compiled``: the tuned loop with its model under ``torch.compile``. ``reference`` and ``native v4`` and so on: unroll's
own training, one thread. ``jax`` and ``keras``: see ``peers.py``; where a Python that has them is named.

``on-line``: an LSTM of 8 units learning from one sequence at a time, T = 100; seconds of 157 updates too.
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
from pathlib import Path
from typing import Any

from unroll.kernels import isas

UPDATES_AN_EPOCH = 157
WARM_UP = 3
CELLS = ("tanh_rnn", "lstm", "gru")
Size = tuple[int, int, int, int]
SIZES: tuple[Size, ...] = ((10, 64, 64, 157), (100, 64, 64, 20), (500, 64, 64, 5))
"""Steps, hidden units, sequences of a batch, and how many updates a round times."""
ON_LINE: Size = (100, 8, 1, 157)
LOOK = 0.05
PEERS = ("jax", "keras")


def sizes(cell: str) -> tuple[Size, ...]:
    """Return the sizes that a cell is measured at."""
    return (*SIZES, ON_LINE) if cell == "lstm" else SIZES


def contenders(peers: str = "") -> tuple[str, ...]:
    """Return who takes part on this machine; peers: a Python that has the other libraries."""
    ours = ("notebook", "tuned", "compiled", "reference", *(f"native {isa}" for isa in isas()))
    return (*ours, *PEERS) if peers else ours


def measure(rounds: int, peers: str = "") -> list[dict[str, Any]]:
    """Print a table, return its rows: seconds per epoch of each contender, and the tuned loop's multiples of them."""
    print("\nwhole epochs: seconds, and in brackets how many times as fast as the tuned loop\n")
    return [row for cell in CELLS for row in _compared(cell, rounds, peers)]


def _compared(cell: str, rounds: int, peers: str) -> list[dict[str, Any]]:
    """Let the contenders take turns on one cell."""
    seconds: dict[Size, dict[str, list[float]]] = {size: defaultdict(list) for size in sizes(cell)}
    for _ in range(rounds):
        for name in contenders(peers):
            for size, measured in zip(sizes(cell), _measured(name, cell, peers), strict=True):
                seconds[size][name].append(statistics.median(measured) * UPDATES_AN_EPOCH)
    rows = []
    for size, by_name in seconds.items():
        medians = {name: statistics.median(values) for name, values in by_name.items()}
        against = {name: medians["tuned"] / s for name, s in medians.items()}
        about = {"cell": cell, "T": size[0], "H": size[1], "B": size[2]}
        rows.append({**about, "rounds": dict(by_name), "median": medians, "against tuned": against})
        columns = (f"{name} {s:.3g} ({against[name]:.2f}x)" for name, s in medians.items())
        print(f"{cell:<9}{size[0]:>4} H {size[1]} B {size[2]}  " + "  ".join(columns), flush=True)
    return rows


def _measured(name: str, cell: str, peers: str) -> list[list[float]]:
    """Return the seconds of single updates at each size, measured in processes of their own."""
    if name in PEERS:
        program = str(Path(__file__).with_name("peers.py"))
        return [_output([peers, program, name, cell, *map(str, size)]) for size in sizes(cell)]
    who, _, isa = name.partition(" ")
    return _output([sys.executable, "-m", "benchmarks.epochs", who, cell], {"UNROLL_ISA": isa} if isa else {})


def _output(command: list[str], environment: dict[str, str] | None = None) -> Any:
    environment = {**os.environ, **(environment or {})}
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def times(contender: str, cell: str, size: Size) -> list[float]:
    """Return the seconds of updates after a warm-up."""
    if contender == "notebook":
        steps = _notebook(cell, size)
    elif contender in ("tuned", "compiled"):
        steps = _tuned(cell, size, contender == "compiled")
    else:
        return _unroll(contender, cell, size)
    for _ in range(WARM_UP):
        next(steps)
    measured = [next(steps) for _ in range(size[-1])]
    steps.close()
    return measured


def _notebook(cell: str, size: Size, compiled: bool = False) -> Generator[float, None, None]:
    from benchmarks.notebook_loop import updates

    yield from updates(cell, *size[:3], compiled)


def _tuned(cell: str, size: Size, compiled: bool) -> Generator[float, None, None]:
    from unroll.training import single_thread

    with single_thread():
        yield from _notebook(cell, size, compiled)


def _unroll(backend: str, cell: str, size: Size) -> list[float]:
    """Return the seconds of an update, as many of them as are made between two looks at a time."""
    from unroll import expand, read_study
    from unroll.training import Training, single_thread

    T, hidden, batch, count = size
    changes = [f"length={T}", f"train.backend={backend}", f"model.hidden={hidden}", f"train.batch={batch}"]
    measured: list[float] = []
    with single_thread():
        training = Training(expand(read_study("adding-sanity", [f'model="{cell}"', *changes]))[0], look=LOOK)
        steps = training.run()
        while training.done < WARM_UP:
            next(steps)
        while len(measured) < count:
            done, start = training.done, time.perf_counter()
            next(steps)
            made = training.done - done
            measured += [(time.perf_counter() - start) / max(made, 1)] * made
        steps.close()
    return measured


if __name__ == "__main__":
    _, _contender, _cell = sys.argv
    print(json.dumps([times(_contender, _cell, size) for size in sizes(_cell)]))
