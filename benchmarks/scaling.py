"""How the native kernels scale: with steps, hidden units, batch and lanes on one core; with workers on all.

The first four are the compiled functions alone, forward and backward, with the fastest instruction set: share of the
FMA peak measured in the same round. ``workers``: trials an hour of ``unroll run`` at T = 500, two epochs each: how many
workers, divided by the median time from a trial's start to its end (data, training, test, commit). So the start of the
processes, which a study pays once, is left out.
"""

from __future__ import annotations

import statistics
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.bare import CELLS, bare, operations
from benchmarks.machine import peak, seconds_of
from unroll.kernels import isas

AXES: dict[str, tuple[int, ...]] = {
    "T": (1, 3, 10, 30, 100, 300, 1000),
    "H": (8, 16, 32, 64, 128, 256),
    "B": (1, 4, 16, 64, 256),
    "K": (1, 2, 4, 8),
}
NAMES = {"T": "steps T", "H": "hidden units H", "B": "batch B", "K": "lanes K", "workers": "workers"}
STANDARD = {"T": 100, "H": 64, "B": 64, "K": 0}
TRIALS = 4


def measure(rounds: int) -> dict[str, Any]:
    """Return, for each axis and cell, the values with their shares of the peak; and trials an hour by workers."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    isa = isas()[0]
    found: dict[str, Any] = {axis: {} for axis in AXES}
    for axis, values in AXES.items():
        for cell in CELLS:
            found[axis][cell] = [[value, _share(cell, isa, rounds, {**STANDARD, axis: value})] for value in values]
            print(f"{axis} {cell}: " + "  ".join(f"{v} {share:.0%}" for v, share in found[axis][cell]), flush=True)
    found["workers"] = {cell: _trials_an_hour(cell, rounds) for cell in CELLS}
    return found


def _share(cell: str, isa: str, rounds: int, sizes: dict[str, int]) -> float:
    T, H, B, K = (sizes[axis] for axis in AXES)
    call = bare(cell, T, isa, H, B, K)
    count = operations(cell, T, H, B, max(K, 1))
    call()
    return statistics.median(count / seconds_of(call, 0.02) / peak(isa, 3) for _ in range(rounds))


def _trials_an_hour(cell: str, rounds: int) -> dict[int, float]:
    """Return the median of trials an hour with one worker and with two, taking turns."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers in rates:
            with tempfile.TemporaryDirectory() as folder:
                rates[workers].append(_rate(cell, workers, Path(folder) / "results.db"))
    medians = {workers: statistics.median(values) for workers, values in rates.items()}
    print(f"workers {cell}: " + "  ".join(f"{w}: {rate:.0f} trials/h" for w, rate in medians.items()), flush=True)
    return medians


def _rate(cell: str, workers: int, store: Path) -> float:
    import unroll
    from unroll.store import Store

    changes = [f'model="{cell}"', "length=500", f"seed={list(range(1, TRIALS + 1))}", "train.epochs=2"]
    unroll.run(unroll.read_study("adding-sanity", changes), store, workers=workers, progress=False)
    with Store.open(store) as opened:
        events = opened.events()
    at = {(e["trial"], e["kind"]): datetime.fromisoformat(e["at"]) for e in events if e["trial"]}
    trials = {trial for trial, _ in at}
    lasted = [(at[trial, "finished"] - at[trial, "started"]).total_seconds() for trial in trials]
    return workers * 3600 / statistics.median(lasted)


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw all of it in one row of panels."""
    from matplotlib.figure import Figure

    styles = {"tanh_rnn": ("#0072B2", "o", "-"), "lstm": ("#D55E00", "s", "--"), "gru": ("#009E73", "^", "-.")}
    labels = {"tanh_rnn": "tanh RNN", "lstm": "LSTM", "gru": "GRU"}
    figure = Figure(figsize=(13, 3.1), layout="constrained")
    panels = figure.subplots(1, len(AXES) + 1)
    for axis, panel in zip((*AXES, "workers"), panels, strict=True):
        for cell, (colour, marker, line) in styles.items():
            points = found[axis][cell]
            x, y = zip(*(points.items() if isinstance(points, dict) else points), strict=True)
            scale = 1 if axis == "workers" else 100
            panel.plot(
                [int(v) for v in x], [v * scale for v in y], line, color=colour, marker=marker, ms=4, label=labels[cell]
            )
        panel.set_xlabel(NAMES[axis])
        panel.set_ylim(bottom=0)
        panel.spines[["top", "right"]].set_visible(False)
        if axis == "workers":
            panel.set_xticks([1, 2])
            panel.set_title("trials an hour at T = 500", fontsize=9)
        else:
            panel.set_xscale("log", base=2 if axis != "T" else 10)
            panel.set_xticks(AXES[axis] if axis != "T" else (1, 10, 100, 1000), labels=None)
            panel.xaxis.set_major_formatter("{x:.0f}")
            panel.minorticks_off()
            panel.set_ylim(0, 100)
    panels[0].set_ylabel("% of the float32 FMA peak")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
