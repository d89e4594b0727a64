"""How long drawing 10,000 sequences of each task takes, and how much memory: ``python -m benchmarks.drawing``.

At T = 100 at most half a second is asked, at T = 1,000 three; of Mackey-Glass series 3 and 6. At the peak at most 40
bytes a symbol that is read, or a number that is read or asked: what NumPy has allocated, as ``tracemalloc`` counts it.
Lengths that a task refuses are replaced by the next that it takes.
"""

from __future__ import annotations

import argparse
import tracemalloc
from statistics import median
from time import perf_counter

from unroll import registry
from unroll.streams import KeyedStreams
from unroll.tasks import Task
from unroll.tasks.given import Given
from unroll.tasks.numbers import Numbers

SEQUENCES = 10_000
SECONDS = {100: 0.5, 1_000: 3.0}
SLOWER = {"mackey_glass": {100: 3.0, 1_000: 6.0}}
BYTES = 40
FURTHER = {
    "copy": ({"variant": "bai"},),
    "adding": ({"markers": "hs97"},),
    "recall": ({"queries": "many", "keys": 4095, "values": 4096},),
    "order": ({"relevant": 3},),
    "latch": ({"kind": "2c"}, {"kind": "noisy"}),
    "brackets": ({"pairs": 2, "ask": "top"},),
    "parity": ({"ask": "every", "lengths": "uniform"},),
    "modular": ({"lengths": "uniform"},),
    "counting": ({"symbols": 3},),
}
"""Settings whose sequences are drawn in another way."""


def main() -> None:
    """Print a row for each task, variant and length; what misses what is asked is marked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", help="default: all that draw sequences")
    options = parser.parse_args()
    print(f"{'task':44}{'T':>6}{'s':>8}{'asked':>7}{'bytes':>7}")
    for name in options.tasks or registry.tasks.own():
        form = registry.tasks.load(name)
        if issubclass(form, Given | Numbers):
            continue
        for settings in ({}, *FURTHER.get(name, ())):
            for length, limit in (SECONDS | SLOWER.get(name, {})).items():
                task = form(train=SEQUENCES, validation=0, test=1, **settings)
                steps = taken(task, length)
                seconds = median(timed(task, steps) for _ in range(options.rounds))
                size = peak(task, steps)
                missed = " missed" if seconds > limit or size > BYTES else ""
                words = " ".join([name, *(f"{key}={value}" for key, value in settings.items())])
                print(f"{words[:43]:44}{steps:>6}{seconds:>8.2f}{limit:>7}{size:>7.1f}{missed}", flush=True)


def taken(task: Task, length: int) -> int:
    """Return the first length from this one on that a task takes."""
    while True:
        try:
            task.check_length(length)
        except ValueError:
            length += 1
            continue
        return length


def timed(task: Task, length: int) -> float:
    """Return the seconds that drawing all sequences takes."""
    start = perf_counter()
    task.sequences(KeyedStreams(1).generator("data"), SEQUENCES, length)
    return perf_counter() - start


def peak(task: Task, length: int) -> float:
    """Return the most bytes that were allocated at once, a symbol read or a number read or asked."""
    tracemalloc.start()
    split = task.sequences(KeyedStreams(1).generator("data"), SEQUENCES, length)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / (split.x.size + (split.y.size if task.objective == "mse" else 0))


if __name__ == "__main__":
    main()
