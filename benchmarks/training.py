"""Whole training epochs: the notebook's loop as written, the same tuned, unroll on either backend (``make bench``).

Each measurement is a fresh process that times single updates after a warm-up. The contenders take turns, several
rounds, so that a machine whose speed drifts does not favour one; what is quoted are medians over the rounds, and ratios
of medians of the same run. An epoch is 157 updates of 64 sequences.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

UPDATES_AN_EPOCH = 157
WARM_UP = 3
CASES = {("tanh_rnn", 10): 157, ("lstm", 10): 157, ("gru", 10): 157}
CASES |= {(cell, 100): 20 for cell in ("tanh_rnn", "lstm", "gru")}
CASES |= {(cell, 500): 5 for cell in ("tanh_rnn", "lstm", "gru")}
"""(cell, T): how many updates a round times."""
CONTENDERS = ("notebook", "tuned", "reference", "native")
TARGETS = {("tanh_rnn", 10): 0.75, ("lstm", 500): 0.25}
"""The largest share of the notebook's time that was asked of the reference backend."""


def main() -> None:
    """Measure, print a table, store it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/training.json"))
    parser.add_argument("--cases", nargs="*", metavar="CELL:T", help="only these, such as lstm:500")
    parser.add_argument("--one", nargs=4, metavar=("CONTENDER", "CELL", "T", "UPDATES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        contender, cell, length, count = arguments.one
        print(json.dumps(measure(contender, cell, int(length), int(count))))
        return
    chosen = [tuple(case.split(":")) for case in arguments.cases or ()]
    cases = {(cell, int(length)): CASES[cell, int(length)] for cell, length in chosen} or CASES
    print("seconds an epoch, medians over rounds; in brackets, the share of the notebook's\n")
    print(f"{'cell':<10}{'T':>5}" + "".join(f"{name:>18}" for name in CONTENDERS))
    rows = [compare(cell, length, count, arguments.rounds) for (cell, length), count in cases.items()]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine(), "rounds": arguments.rounds, "seconds_an_epoch": rows}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nStored in {arguments.out}")


def compare(cell: str, length: int, count: int, rounds: int) -> dict[str, object]:
    """Let the contenders take turns on one case; return their medians, in seconds an epoch, and print a row."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name in CONTENDERS:
            command = [sys.executable, "-m", "benchmarks.training", "--one", name, cell, str(length), str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds[name].append(statistics.median(json.loads(done.stdout)) * UPDATES_AN_EPOCH)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    shares = {name: median / medians["notebook"] for name, median in medians.items()}
    target = TARGETS.get((cell, length))
    verdict = ""
    if target is not None:
        verdict = f"  reference at most {target}: {'met' if shares['reference'] <= target else 'MISSED'}"
    columns = "".join(f"{medians[name]:>11.3f} ({shares[name]:.2f})" for name in CONTENDERS)
    print(f"{cell:<10}{length:>5}{columns}{verdict}", flush=True)
    return {"cell": cell, "length": length, "updates": count, "rounds": seconds, "median": medians, "share": shares}


def measure(contender: str, cell: str, length: int, count: int) -> list[float]:
    """Return the seconds of ``count`` updates after a warm-up."""
    steps = {"notebook": _notebook, "tuned": _tuned}.get(contender, partial(_unroll, contender))(cell, length)
    for _ in range(WARM_UP):
        next(steps)
    return [next(steps) for _ in range(count)]


def _notebook(cell: str, length: int) -> Iterator[float]:
    from benchmarks.notebook_loop import updates

    yield from updates(cell, length)


def _tuned(cell: str, length: int) -> Iterator[float]:
    from unroll.training import single_thread

    with single_thread():
        yield from _notebook(cell, length)


def _unroll(backend: str, cell: str, length: int) -> Iterator[float]:
    from unroll import expand, read_study
    from unroll.training import Training, single_thread

    study = read_study("adding-sanity", [f'model="{cell}"', f"length={length}", f"train.backend={backend}"])
    with single_thread():
        steps = Training(expand(study)[0]).run()
        while True:
            start = time.perf_counter()
            next(steps)
            yield time.perf_counter() - start


def machine() -> dict[str, object]:
    """Return what the numbers depend on."""
    import os

    import torch

    from unroll.training.numerics import cpu_model

    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads of the notebook's loop": torch.get_num_threads(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }


if __name__ == "__main__":
    main()
