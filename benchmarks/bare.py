"""Bare forward and backward of a recurrent layer, and their share of the measured float32 FMA peak, on one core.

Hidden 64, batch 64, 2 inputs, only the last state used, as the lab trains; weights' gradients, none of the input. The
contenders take turns, round after round; what is quoted are medians. The peak is measured in every round, with each
instruction set, since clocks move: independent fused multiply-adds on registers (v2 has none: multiplies and adds).

``notebook``: torch.nn's layer as the notebook uses it, batch first, PyTorch's default threads. ``tuned``: the same on
one thread, denormals flushed. ``reference``: the lab's reference backend, torch.nn's layer time first, read at its last
state, one thread, flushed. ``native v4`` and so on: the public operator with autograd. ``bare v4`` and so on: the
compiled functions alone.

Operations counted: 2 B T G H (I + H) forward, and as many for the weights' gradients plus 2 B T G H H for the state's.
Activations are not counted.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.machine import peak, seconds_of
from unroll.kernels import _native, isas, ops
from unroll.kernels.gates import GATES

B, I, H = 64, 2, 64  # noqa: E741
CELLS = ("tanh_rnn", "lstm", "gru")
LENGTHS = (10, 100, 500)
LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "tanh_rnn": torch.nn.RNN}
Call = Callable[[], object]


def operations(cell: str, T: int, H: int = H, B: int = B, K: int = 1) -> float:
    """Return the multiplications and additions of one forward and backward."""
    return 2.0 * K * B * T * GATES[cell] * H * ((I + H) + (I + H) + H)


def problem(cell: str, T: int, H: int = H, B: int = B, K: int = 0) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return x and the weights, with a lane axis where K is not 0."""
    draw = torch.Generator().manual_seed(0)
    GH = GATES[cell] * H
    lanes = (K,) if K else ()
    shapes = ((GH, I), (GH, H), (GH,), (GH,))
    weights = [(torch.rand(*lanes, *shape, generator=draw) - 0.5) / 4 for shape in shapes]
    return torch.rand(*lanes, B, T, I, generator=draw), weights


def public(cell: str, T: int, isa: str, H: int = H, B: int = B) -> Call:
    """Return forward and backward through the operator."""
    x, weights = problem(cell, T, H, B)
    for weight in weights:
        weight.requires_grad_()
    ones = torch.ones(B, H)
    return lambda: torch.autograd.grad(ops.forward(cell, x, *weights, every=False, isa=isa).h_n, weights, ones)


def bare(cell: str, T: int, isa: str, H: int = H, B: int = B, K: int = 0) -> Call:
    """Return forward and backward of the compiled functions, outputs allocated beforehand."""
    x, weights = problem(cell, T, H, B, K)
    lanes = (K,) if K else ()
    h_n, c_n = torch.empty(*lanes, B, H), torch.empty(*lanes, B, H) if cell == "lstm" else None
    ones, grads = torch.ones(*lanes, B, H), [torch.empty_like(w) for w in weights]

    def call() -> None:
        saved = _native.take_saved(cell, K, B, T, H, True)
        _native.forward(cell, isa, x, *weights, None, None, None, None, h_n, c_n, saved)
        _native.backward(cell, isa, x, *weights[:2], None, saved, None, ones, None, None, *grads, None, None)

    return call


def torchs(cell: str, T: int, threads: int, *, batch_first: bool, H: int = H, B: int = B) -> Call:
    """Return forward and backward of torch.nn's layer: on more than one thread with denormals as they are."""
    x, _ = problem(cell, T, H, B)
    layer = LAYERS[cell](I, H, batch_first=batch_first)
    if not batch_first:
        x = x.transpose(0, 1).contiguous()
    ones = torch.ones(B, H)

    def call() -> object:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(threads == 1)
        out, state = layer(x)
        last = out[:, -1, :] if batch_first else (state[0] if cell == "lstm" else state)[0]
        return torch.autograd.grad(last, list(layer.parameters()), ones)

    return call


def measure(rounds: int) -> list[dict[str, Any]]:
    """Print a table and return its rows: seconds of each contender, and its share of the peak where it has one."""
    threads = torch.get_num_threads()
    sets = isas()
    print("\nbare forward and backward: milliseconds, and share of the float32 FMA peak of the same instruction set\n")
    rows = []
    for cell in CELLS:
        for T in LENGTHS:
            calls = {
                "notebook": torchs(cell, T, threads, batch_first=True),
                "tuned": torchs(cell, T, 1, batch_first=True),
                "reference": torchs(cell, T, 1, batch_first=False),
            }
            calls |= {f"native {isa}": public(cell, T, isa) for isa in sets}
            calls |= {f"bare {isa}": bare(cell, T, isa) for isa in sets}
            rows.append({"cell": cell, "T": T} | _compared(calls, operations(cell, T), sets, rounds))
            print(_line(rows[-1]), flush=True)
    torch.set_num_threads(threads)
    return rows


def _compared(calls: dict[str, Call], count: float, sets: tuple[str, ...], rounds: int) -> dict[str, Any]:
    seconds: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, list[float]] = defaultdict(list)
    for call in calls.values():
        call()
    for _ in range(rounds):
        for isa in sets:
            peaks[isa].append(peak(isa, 3))
        for name, call in calls.items():
            if name.startswith(("native", "bare")):
                torch.set_num_threads(1)
                torch.set_flush_denormal(True)
            seconds[name].append(seconds_of(call, 0.05))
    tops = {isa: statistics.median(values) for isa, values in peaks.items()}
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    shares = {name: count / s / tops[name.split()[1]] for name, s in medians.items() if " " in name}
    return {"peak": tops, "rounds": dict(seconds), "median": medians, "share": shares}


def _line(row: dict[str, Any]) -> str:
    cells = [f"{row['cell']:<9}{row['T']:>4}"]
    for name, seconds in row["median"].items():
        share = f" {row['share'][name]:.0%}" if name in row["share"] else ""
        cells.append(f"{name} {seconds * 1e3:.3g}{share}")
    return "  ".join(cells)
