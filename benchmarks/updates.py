"""Whole updates in native code, one core: share of the peak, symbols and classes, bfloat16, how little small ones take.

``share``: an update of the adding problem (2 inputs, last step read, squared error, Adam) at hidden 64 and batch 64,
beside the bare forward and backward of ``bare.py``: milliseconds, and the share of the FMA peak measured in the same
rounds.

``symbols``: an update on ten symbols with nine classes, all steps or the last ten scored, against the one on adding's
numbers, T = 100. ``beyond`` leaves out what the operations of the readout take at the share of the peak that adding's
update reaches; those of the weights that the alphabet adds are not left out.

``half``: the first update with its recurrence's products in float32, and in bfloat16 by each instruction that there is.

``small``: microseconds of an update of a training (``unroll.training``, a look every 50 ms) at small sizes, and of the
same update by the kernels alone.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.bare import CELLS, B, H, bare, operations
from benchmarks.machine import peak
from unroll.kernels import isas
from unroll.kernels.gates import GATES
from unroll.kernels.pick import HALF_INSTRUCTIONS, half_instructions
from unroll.kernels.updates import Made, Rule, Sequences, Updates

LENGTHS = (10, 100, 500)
SEQUENCES = 640
SYMBOLS, CLASSES, ANSWERS, STEPS = 10, 9, 10, 100
SMALL = ((8, 1, 2), (8, 1, 100), (8, 32, 100), (16, 32, 100))
"""Hidden units, batch, steps."""
LOOK = 0.05
Repeat = Callable[[int], float]


def updates(
    cell: str,
    T: int,
    H: int,
    B: int,
    x: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],
    at: Any,
    sizes: tuple[int, int],
    products: str = "float32",
) -> Repeat:
    """Return what makes so many updates and tells the seconds of one; sizes: inputs and outputs."""
    I, O = sizes  # noqa: E741
    draw, GH = np.random.default_rng(1), GATES[cell] * H
    count = GH * I + GH * H + 2 * GH + O * H + O
    weights = (draw.uniform(-1, 1, count) / math.sqrt(H)).astype(np.float32)
    readout: Any = "some" if at is not None else "last" if y.shape[1] == 1 else "every"
    sequences = Sequences(x, y, at, None, I, O, readout)
    state: Any = {"average": np.zeros_like(weights), "square": np.zeros_like(weights)}
    made = Updates(cell, H, isas()[0], Rule("adam"), weights, state, 0, products)

    def repeat(times: int) -> float:
        order, rates, found = draw.integers(0, len(x), times * B), np.full(times, 1e-4), list[Made]()
        began = time.perf_counter()
        made.make(sequences, order, B, rates, math.inf, found)
        return (time.perf_counter() - began) / times

    return repeat


def numbers(cell: str, T: int, H: int = H, B: int = B, products: str = "float32") -> Repeat:
    """Return updates as adding has them."""
    draw = np.random.default_rng(0)
    x, y = draw.random((SEQUENCES, T, 2), dtype=np.float32), draw.random((SEQUENCES, 1, 1), dtype=np.float32)
    return updates(cell, T, H, B, x, y, None, (2, 1), products)


def symbols(cell: str, T: int, scored: int) -> Repeat:
    """Return updates as copy has them: all steps scored, or the last ``scored``."""
    draw = np.random.default_rng(0)
    x = draw.integers(0, SYMBOLS, (SEQUENCES, T)).astype(np.uint8)
    y = draw.integers(0, CLASSES, (SEQUENCES, scored)).astype(np.int32)
    at = None if scored == T else np.tile(np.arange(T - scored, T, dtype=np.int32), (SEQUENCES, 1))
    return updates(cell, T, H, B, x, y, at, (SYMBOLS, CLASSES))


def measure(rounds: int) -> dict[str, Any]:
    """Print and return all of it."""
    torch.set_num_threads(1)
    print("\nwhole updates in native code\n")
    return {"share": _shares(rounds), "symbols": _symbols(rounds), "half": _half(rounds), "small": _small(rounds)}


def _shares(rounds: int) -> list[dict[str, Any]]:
    rows = []
    for cell in CELLS:
        for T in LENGTHS:
            update, alone = numbers(cell, T), bare(cell, T, isas()[0])
            found = _by_turns({"update": update, "bare": _repeated(alone)}, rounds)
            count, top = operations(cell, T), found.pop("peak")
            shares = {name: count / seconds / top for name, seconds in found.items()}
            rows.append({"cell": cell, "T": T, "peak": top, "median": found, "share": shares})
            parts = (f"{name} {found[name] * 1e3:.3g} ms {share:.0%}" for name, share in shares.items())
            print(f"{cell:<9}{T:>4}  " + "  ".join(parts), flush=True)
    return rows


def _symbols(rounds: int) -> list[dict[str, Any]]:
    rows = []
    for cell in CELLS:
        contenders = {"adding": numbers(cell, STEPS)}
        contenders |= {f"{n} scored": symbols(cell, STEPS, n) for n in (STEPS, ANSWERS)}
        found = _by_turns(contenders, rounds)
        found.pop("peak")
        rate = operations(cell, STEPS) / found["adding"]
        row: dict[str, Any] = {"cell": cell, "T": STEPS, "median": found, "ratio": {}, "beyond": {}}
        for n in (STEPS, ANSWERS):
            seconds, readout = found[f"{n} scored"], 3 * 2.0 * B * n * H * CLASSES / rate
            row["ratio"][f"{n} scored"] = seconds / found["adding"]
            row["beyond"][f"{n} scored"] = (seconds - readout) / found["adding"]
        rows.append(row)
        parts = (
            f"{name} {row['ratio'][name]:.2f}x, beyond the readout {row['beyond'][name]:.2f}x" for name in row["ratio"]
        )
        print(f"{cell:<9}symbols  " + "  ".join(parts), flush=True)
    return rows


def _half(rounds: int) -> list[dict[str, Any]]:
    rows = []
    for cell in CELLS if half_instructions() else ():
        for T in LENGTHS:
            contenders = {"float32": numbers(cell, T)}
            contenders |= {HALF_INSTRUCTIONS[name]: numbers(cell, T, products=name) for name in half_instructions()}
            found = _by_turns(contenders, rounds)
            found.pop("peak")
            against = {name: found["float32"] / seconds for name, seconds in found.items() if name != "float32"}
            rows.append({"cell": cell, "T": T, "median": found, "against float32": against})
            parts = (f"{name} {found[name] * 1e3:.3g} ms {ratio:.2f}x" for name, ratio in against.items())
            print(f"{cell:<9}{T:>4}  float32 {found['float32'] * 1e3:.3g} ms  " + "  ".join(parts), flush=True)
    return rows


def _small(rounds: int) -> list[dict[str, Any]]:
    rows = []
    for cell in CELLS:
        for hidden, batch, T in SMALL:
            found = _by_turns({"kernels": numbers(cell, T, hidden, batch)}, rounds)
            found["training"] = statistics.median(_training(cell, T, hidden, batch) for _ in range(rounds))
            arithmetic = operations(cell, T, hidden, batch) / found.pop("peak")
            rows.append({"cell": cell, "H": hidden, "B": batch, "T": T, "median": found, "arithmetic": arithmetic})
            parts = (f"{name} {seconds * 1e6:.1f} us" for name, seconds in found.items())
            print(f"{cell:<9}H {hidden} B {batch} T {T}  " + "  ".join(parts), flush=True)
    return rows


def _training(cell: str, T: int, hidden: int, batch: int) -> float:
    """Return the seconds of an update of a training, all that the loop does beside it included."""
    from unroll import expand, read_study
    from unroll.training import Training, single_thread

    changes = [f'model="{cell}"', f"length={T}", f"model.hidden={hidden}", f"train.batch={batch}", "task.train=5000"]
    with single_thread():
        training = Training(expand(read_study("adding-sanity", changes))[0], look=LOOK)
        steps = training.run()
        while training.done < training.per_epoch // 4:
            next(steps)
        done, began = training.done, time.perf_counter()
        while training.done < training.per_epoch - 1:
            next(steps)
        seconds = time.perf_counter() - began
        steps.close()
    return seconds / (training.done - done)


def _repeated(call: Callable[[], object]) -> Repeat:
    def repeat(times: int) -> float:
        began = time.perf_counter()
        for _ in range(times):
            call()
        return (time.perf_counter() - began) / times

    return repeat


def _by_turns(contenders: dict[str, Repeat], rounds: int) -> dict[str, float]:
    """Return the medians of what took turns, and of the peak, measured in each round."""
    times = {name: max(1, int(0.05 / repeat(3))) for name, repeat in contenders.items()}
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        seconds["peak"].append(peak(isas()[0], 3))
        for name, repeat in contenders.items():
            seconds[name].append(repeat(times[name]))
    return {name: statistics.median(values) for name, values in seconds.items()}
