"""The bits of each cell against committed digests: whoever runs this compares his processor with ours.

``golden.txt`` has a case and its digest a line: cell, B, T, I, H, the powers of two that scale weights and inputs, then
whether there are biases, gradients at every step, and sequences that end early. ``tests/native/golden.cpp`` writes it,
and computes the same without Python, with other compilers and for other processors.

Planted, each seen to change digests: a maker's estimate of the reciprocal with a Newton step; a multiply-add fused that
is not to be, and one taken apart; groups of one block in dh of the simple cell; what passes the GRU by, taken apart;
denormals flushed; the cut at another power of two; a chunk of three steps; the bias added first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.kernels.oracle import needs_native
from unroll.kernels import isas, ops
from unroll.kernels.gates import GATES
from unroll.kernels.pick import UNFUSED

pytestmark = needs_native

GOLDEN = [line.split() for line in Path(__file__).with_name("golden.txt").read_text(encoding="utf-8").splitlines()]
FUSED = [isa for isa in isas() if isa not in UNFUSED]


def mixed(places: np.ndarray) -> np.ndarray:
    """SplitMix64 of each place."""
    i = places + np.uint64(0x9E3779B97F4A7C15)
    i = (i ^ (i >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    i = (i ^ (i >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return i ^ (i >> np.uint64(31))


class Stream:
    """Numbers in turn, of 24 bits each."""

    def __init__(self) -> None:
        self.place = 0

    def bits(self, *shape: int) -> np.ndarray:
        n = int(np.prod(shape))
        bits = mixed(np.arange(self.place, self.place + n, dtype=np.uint64)) >> np.uint64(40)
        self.place += n
        return bits.astype(np.int64).reshape(shape)

    def draw(self, power: int, *shape: int) -> np.ndarray:
        """In [-1/2, 1/2) times a power of two."""
        return np.ldexp((self.bits(*shape) - (1 << 23)).astype(np.float32), power - 24)

    def below(self, bound: int, *shape: int) -> np.ndarray:
        return self.bits(*shape) % bound


def digest(outputs: list[np.ndarray]) -> int:
    bits = np.concatenate([out.reshape(-1).view(np.uint32) for out in outputs]).astype(np.uint64)
    return int(((bits + np.uint64(1)) * mixed(np.arange(len(bits), dtype=np.uint64))).sum(dtype=np.uint64))


def aligned(n: int) -> np.ndarray:
    """Room for n numbers at a multiple of 64 bytes."""
    room = np.empty(n + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    return room[start : start + n]


def computed(isa: str, cell: str, numbers: list[int], threads: int) -> int:
    from unroll.kernels import _native

    B, T, I, H, weights, scale, biased, every, early = numbers  # noqa: E741
    lstm, GH = cell == "lstm", GATES[cell] * H
    stream = Stream()
    x = stream.draw(scale, B, T, I)
    w_ih, w_hh = stream.draw(weights, GH, I), stream.draw(weights, GH, H)
    b_ih, b_hh = (stream.draw(weights, GH) if biased else None for _ in range(2))
    h0, c0 = stream.draw(0, B, H), stream.draw(0, B, H) if lstm else None
    dy, dh_n = stream.draw(0, B, T, H) if every else None, stream.draw(0, B, H)
    dc_n = stream.draw(0, B, H) if lstm else None
    lengths = np.array([T - (T - 1) * b // B for b in range(B)]) if early else None

    def like(one: np.ndarray | None) -> np.ndarray | None:
        return None if one is None else np.empty_like(one)

    y, h_n, c_n, saved = like(dy), like(dh_n), like(dc_n), aligned(ops._saved_numbers(cell, B, T, H))
    outputs = [y, h_n, c_n, *map(like, (x, w_ih, w_hh, b_ih, b_hh, h0, c0))]
    _native.forward(cell, isa, x, w_ih, w_hh, b_ih, b_hh, h0, c0, lengths, y, h_n, c_n, saved, threads)
    _native.backward(cell, isa, x, w_ih, w_hh, lengths, saved, dy, dh_n, dc_n, *outputs[3:], threads)
    return digest([out for out in outputs if out is not None])


@pytest.mark.skipif(not FUSED, reason="this processor has no fused multiply-add, and so other bits")
@pytest.mark.parametrize("line", GOLDEN, ids=" ".join)
def test_the_bits_are_those_of_every_other_processor(line: list[str]) -> None:
    cell, *numbers, wanted = line
    for isa in FUSED:
        for threads in (1, 3):
            got = computed(isa, cell, [int(number) for number in numbers], threads)
            assert f"{got:x}" == wanted, (isa, threads)
