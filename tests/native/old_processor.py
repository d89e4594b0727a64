"""Run by an old processor, real or pretended: old_processor.py ISAS, those that it must offer, the fastest first.

Without torch or NumPy, which need newer processors than the kernels do: buffers are plain memory views.
"""

from __future__ import annotations

import os
import sys
from array import array
from math import exp, prod, tanh

from unroll.errors import BackendError
from unroll.kernels import _native, isas, pick
from unroll.kernels.pick import half_instructions

EXPECTED = tuple(sys.argv[1].split(","))
B, T, I, H = 5, 3, 2, 17  # noqa: E741


def numbers(*shape: int, value: float = 0.0) -> memoryview:
    flat = array("f", [value]) * prod(shape)
    return memoryview(flat).cast("B").cast("f", shape)


def aligned(count: int) -> memoryview:
    """Numbers that start at a multiple of 64 bytes."""
    flat = array("f", bytes(4 * count + 64))
    start = -flat.buffer_info()[0] % 64 // 4
    return memoryview(flat)[start : start + count]


def lstm(isa: str) -> float:
    """One LSTM, forward and backward, all weights 0.1 and x 1; the last state of its first unit."""
    saved = aligned(B * 32 * ((T + 1) + 5 * T))  # 17 units take the room of 32; see call.hpp
    x, w_ih, w_hh = numbers(B, T, I, value=1.0), numbers(4 * H, I, value=0.1), numbers(4 * H, H, value=0.1)
    h_n, c_n, dw_ih, dw_hh = numbers(B, H), numbers(B, H), numbers(4 * H, I), numbers(4 * H, H)
    _native.forward("lstm", isa, x, w_ih, w_hh, None, None, None, None, None, None, h_n, c_n, saved)
    _native.backward(
        "lstm",
        isa,
        x,
        w_ih,
        w_hh,
        None,
        saved,
        None,
        numbers(B, H, value=1.0),
        None,
        None,
        dw_ih,
        dw_hh,
        None,
        None,
        None,
        None,
    )
    assert dw_hh[0, 0] > 0
    return h_n[0, 0]


def right() -> float:
    h = c = 0.0
    for _ in range(T):
        z = 0.1 * I + 0.1 * H * h
        gate = 1 / (1 + exp(-z))
        c = gate * c + gate * tanh(z)
        h = gate * tanh(c)
    return h


def refusal() -> str:
    try:
        return f"not refused: {pick('lstm')}"
    except BackendError as error:
        return str(error)


assert isas() == EXPECTED, f"{isas()} came, {EXPECTED} is right"
os.environ.pop("UNROLL_ISA", None)
assert half_instructions() == ()
assert pick("lstm").isa == EXPECTED[0]
for isa in EXPECTED:
    os.environ["UNROLL_ISA"] = isa
    assert abs(lstm(pick("lstm").isa) - right()) < 1e-6
for isa in sorted({"v2", "v3", "v4"} - set(EXPECTED)):
    os.environ["UNROLL_ISA"] = isa
    said = refusal()
    assert f'UNROLL_ISA is "{isa}", which cannot run here. Available: {", ".join(EXPECTED)}.' in said, said
    print(said)
print(f"{', '.join(EXPECTED)}: picked {EXPECTED[0]}, ran all")
