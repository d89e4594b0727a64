"""The layers of ``unroll.nn`` against torch.nn's over a grid of sizes, and the memory of skewed packed batches.

Times are processor time of one thread, so that what else runs on the machine counts little; the two take turns, and
what is quoted are ratios of medians: how many times as fast as torch's layer. As many inputs as hidden units;
"forward" is without gradients, "training" is forward and backward of all outputs, with the input's gradient.

Memory is the peak of a process of its own above what it held before, for one long sequence beside 127 of 20 steps.
"""

from __future__ import annotations

import itertools
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils.rnn import pack_sequence

import unroll.nn

CELLS = {"tanh_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
STEPS = (1, 2, 4, 8, 16, 64, 256)
BATCHES = (1, 4, 16, 64)
HIDDEN = (16, 64, 256)
MOST_WORK = 1 << 28  # multiply-adds of a call: more is not what the grid is about
LONGEST = (1000, 5000)


def contenders(cell: str, T: int, B: int, H: int, training: bool) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a call of torch's layer, and one of unroll's with the same weights."""
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, CELLS[cell])(H, H), getattr(unroll.nn, CELLS[cell])(H, H)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(T, B, H, requires_grad=training)

    def call(layer: torch.nn.RNNBase) -> Callable[[], object]:
        wanted = [x, *layer.parameters()]
        ones = torch.ones(T, B, H)

        def run() -> object:
            if training:
                return torch.autograd.grad(layer(x)[0], wanted, ones)
            with torch.no_grad():
                return layer(x)

        return run

    return call(theirs), call(ours)


def seconds_of(call: Callable[[], object], at_least: float = 4e-3) -> float:
    """Return the processor seconds of one call on this thread, called as often as it takes to last ``at_least``."""
    began = time.thread_time()
    call()
    repeats = max(1, int(at_least / max(time.thread_time() - began, 1e-6)))
    began = time.thread_time()
    for _ in range(repeats):
        call()
    return (time.thread_time() - began) / repeats


def grid() -> list[tuple[str, int, int, int]]:
    """Return the sizes: cell, steps, sequences, hidden units."""
    sizes = itertools.product(CELLS, STEPS, BATCHES, HIDDEN)
    gates = {"tanh_rnn": 1, "lstm": 4, "gru": 3}
    return [size for size in sizes if size[1] * size[2] * gates[size[0]] * 2 * size[3] ** 2 <= MOST_WORK]


def speed(rounds: int) -> list[dict[str, Any]]:
    """Print and return the grid's ratios."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    for cell, T, B, H in grid():
        row: dict[str, Any] = {"cell": cell, "T": T, "B": B, "H": H}
        for training in (False, True):
            calls = contenders(cell, T, B, H, training)
            seconds: tuple[list[float], list[float]] = ([], [])
            for call in calls:
                call()
            for _ in range(rounds):
                for call, found in zip(calls, seconds, strict=True):
                    found.append(seconds_of(call))
            theirs, ours = (statistics.median(found) for found in seconds)
            name = "training" if training else "forward"
            row[name] = {"torch": theirs, "unroll": ours, "ratio": theirs / ours}
        rows.append(row)
        ratios = "  ".join(f"{name} {row[name]['ratio']:.2f}x" for name in ("forward", "training"))
        print(f"{cell:<9} T {T:<4} B {B:<3} H {H:<4} {ratios}", flush=True)
    torch.set_num_threads(threads)
    return rows


def memory() -> list[dict[str, Any]]:
    """Print and return the peak memory, in MB, of forward and backward of a packed batch."""
    rows = []
    for cell, longest in itertools.product(("lstm", "gru"), LONGEST):
        row: dict[str, Any] = {"cell": cell, "longest": longest}
        for whose in ("torch", "unroll"):
            command = [sys.executable, "-m", "benchmarks.layers", whose, cell, str(longest)]
            row[whose] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        rows.append(row)
        print(f"{cell:<9} {longest} steps beside 127 of 20: torch {row['torch']:.0f} MB, unroll {row['unroll']:.0f} MB")
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the ratios as Markdown: a row for cell, hidden units and sequences, a column for steps."""
    found = {
        (row["cell"], row["H"], row["B"], row["T"]): " / ".join(
            f"{row[name]['ratio']:.2g}" for name in ("forward", "training")
        )
        for row in rows
    }
    steps = sorted({row["T"] for row in rows})
    lines = ["| cell | H | B | " + " | ".join(f"T = {T}" for T in steps) + " |", "|---" * (len(steps) + 3) + "|"]
    for cell, H, B in sorted({key[:3] for key in found}):
        lines.append(f"| {cell} | {H} | {B} | " + " | ".join(found.get((cell, H, B, T), "") for T in steps) + " |")
    return "\n".join(lines) + "\n"


def measure(rounds: int) -> dict[str, Any]:
    """Print and return both."""
    print("\nlayers: how many times as fast as torch's, by processor time of one thread\n")
    return {"speed": speed(rounds), "memory": memory()}


def _peak(whose: str, cell: str, longest: int) -> float:
    """Return the peak of this process above what it holds now, in MB."""
    torch.set_num_threads(1)
    layer = getattr({"torch": torch.nn, "unroll": unroll.nn}[whose], CELLS[cell])(16, 64)
    packed = pack_sequence([torch.randn(n, 16) for n in [longest, *[20] * 127]])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew from what is held now
    before = _highest()
    layer(packed)[0].data.sum().backward()
    return (_highest() - before) / 1024


def _highest() -> int:
    """Return the peak of this program's memory in KiB: ``ru_maxrss`` also knows that of whoever started it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


if __name__ == "__main__":
    _, _whose, _cell, _longest = sys.argv
    print(_peak(_whose, _cell, int(_longest)))
