"""Bare forward and backward of the native kernels, as a share of the measured float32 FMA peak, on one core.

Run: python -m benchmarks.kernels [--repeats 9] [--lengths 10 100 500] [--isas v4 v3] [--json FILE]

For each cell, length and instruction set: hidden 64, batch 64, 2 inputs, only the last state used, as the lab trains.
Medians, through the public operator with autograd (`ms`, `share`), and of the compiled functions alone (`bare`). The
peak is measured anew beside each row, with the row's own instruction set, since clocks move: independent fused
multiply-adds on registers (v2 has none: multiplies and adds). `torch` is torch.nn's layer on one thread, denormals
flushed, time first, read at its last state.

Operations counted: 2 B T G H (I + H) forward, and as many for the weights' gradients plus 2 B T G H H for the state's.
Activations are not counted.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from unroll.kernels import _native, isas, ops

B, I, H = 64, 2, 64  # noqa: E741
CELLS = ("lstm", "gru", "tanh_rnn")
LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "tanh_rnn": torch.nn.RNN}


def median_seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the median of the seconds of one call, each timing at least 2 ms long."""
    call()
    began = time.perf_counter()
    call()
    inner = max(1, int(2e-3 / (time.perf_counter() - began)))
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(inner):
            call()
        times.append((time.perf_counter() - began) / inner)
    return statistics.median(times)


def peak(isa: str, repeats: int) -> float:
    """Return float32 operations a second of fused multiply-adds on registers."""
    rounds = 20_000
    return _native.multiply_adds(isa, 1) * rounds / median_seconds(lambda: _native.multiply_adds(isa, rounds), repeats)


def operations(cell: str, T: int) -> float:
    """Return the multiplications and additions of one forward and backward."""
    return 2.0 * B * T * ops.GATES[cell] * H * ((I + H) + (I + H) + H)


def problem(cell: str, T: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return x and the weights."""
    draw = torch.Generator().manual_seed(0)
    GH = ops.GATES[cell] * H
    shapes = ((GH, I), (GH, H), (GH,), (GH,))
    weights = [(torch.rand(*shape, generator=draw) - 0.5) / 4 for shape in shapes]
    return torch.rand(B, T, I, generator=draw), weights


def public(cell: str, T: int, isa: str) -> Callable[[], object]:
    """Return forward and backward through the operator."""
    x, weights = problem(cell, T)
    for weight in weights:
        weight.requires_grad_()
    ones = torch.ones(B, H)
    return lambda: torch.autograd.grad(ops.forward(cell, x, *weights, every=False, isa=isa).h_n, weights, ones)


def bare(cell: str, T: int, isa: str) -> Callable[[], object]:
    """Return forward and backward of the compiled functions, outputs allocated beforehand."""
    x, weights = problem(cell, T)
    h_n, c_n, ones = torch.empty(B, H), torch.empty(B, H) if cell == "lstm" else None, torch.ones(B, H)
    grads = [torch.empty_like(w) for w in weights]

    def call() -> None:
        saved = _native.take_saved(cell, 0, B, T, H, True)
        _native.forward(cell, isa, x, *weights, None, None, None, None, h_n, c_n, saved)
        _native.backward(cell, isa, x, *weights[:2], None, saved, None, ones, None, None, *grads, None, None)

    return call


def torchs(cell: str, T: int) -> Callable[[], object]:
    """Return forward and backward of torch.nn's layer."""
    x, _ = problem(cell, T)
    layer = LAYERS[cell](I, H)
    by_time, ones = x.transpose(0, 1).contiguous(), torch.ones(1, B, H)

    def call() -> object:
        _, last = layer(by_time)
        return torch.autograd.grad(last[0] if cell == "lstm" else last, list(layer.parameters()), ones)

    return call


def main() -> None:
    """Measure, print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--lengths", type=int, nargs="+", default=[10, 100, 500])
    parser.add_argument("--isas", nargs="+", default=list(isas()))
    parser.add_argument("--no-torch", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    rows: list[dict[str, Any]] = []
    print("| cell | T | ISA | peak GFLOP/s | bare ms | bare share | ms | share | torch ms | torch / native |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for cell in CELLS:
        for T in options.lengths:
            theirs = float("nan") if options.no_torch else median_seconds(torchs(cell, T), 3)
            for isa in options.isas:
                top = peak(isa, 3)
                alone, whole = (median_seconds(f(cell, T, isa), options.repeats) for f in (bare, public))
                top = statistics.median([top, peak(isa, 3), peak(isa, 3)])
                shares = [operations(cell, T) / seconds / top for seconds in (alone, whole)]
                rows.append(
                    {"cell": cell, "T": T, "isa": isa, "peak": top, "bare_s": alone, "bare_share": shares[0]}
                    | {"s": whole, "share": shares[1], "torch_s": theirs}
                )
                print(
                    f"| {cell} | {T} | {isa} | {top / 1e9:.0f} | {alone * 1e3:.3f} | {shares[0]:.0%} "
                    f"| {whole * 1e3:.3f} | {shares[1]:.0%} | {theirs * 1e3:.2f} | {theirs / whole:.1f}x |",
                    flush=True,
                )
    if options.json:
        machine = {"processor": platform.processor(), "system": platform.platform(), "torch": torch.__version__}
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
