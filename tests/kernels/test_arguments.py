"""Arguments that do not fit: a typed error that names the argument, before anything is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.kernels.oracle import needs_native
from unroll.kernels import isas

pytestmark = needs_native

K, B, T, I, H, G = 2, 3, 4, 2, 5, 4  # noqa: E741


def empty(*shape: int) -> np.ndarray:
    return np.full(shape, 7, dtype=np.float32)


def arguments(**changed: Any) -> dict[str, Any]:
    named = {
        "x": empty(K, B, T, I),
        "w_ih": empty(K, G * H, I),
        "w_hh": empty(K, G * H, H),
        "b_ih": empty(K, G * H),
        "b_hh": empty(K, G * H),
        "h0": empty(K, B, H),
        "c0": empty(K, B, H),
        "lengths": None,
        "y": empty(K, B, T, H),
        "h_n": empty(K, B, H),
        "c_n": empty(K, B, H),
        "saved": None,
    }
    return named | changed


def read_only() -> np.ndarray:
    a = empty(K, B, H)
    a.setflags(write=False)
    return a


def misaligned() -> np.ndarray:
    count = K * B * 16 * ((T + 1) + 5 * T)
    flat = np.full(count + 32, 7, dtype=np.float32)
    start = -flat.ctypes.data % 64 // 4 + 1
    return flat[start : start + count].reshape(K, -1)


SHARED = empty(K, B, H)
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"x": "no array"}, TypeError, "x: a CPU array"),
    ({"x": np.zeros((K, B, T, I), dtype=np.int64)}, TypeError, "x: float32 or float64"),
    ({"x": empty(B, T)}, ValueError, "x: 4 axes"),
    ({"x": empty(K, 0, T, I)}, ValueError, "x: no axis may be empty"),
    ({"w_hh": empty(K, G * H)}, ValueError, "w_hh: 3 axes"),
    ({"w_ih": np.zeros((K, G * H, I))}, TypeError, "w_ih: float32 is needed"),
    ({"w_ih": empty(K, G * H, I + 1)}, ValueError, r"w_ih: shape \(2, 20, 2\) is needed, \(2, 20, 3\) came"),
    ({"w_ih": None}, TypeError, "w_ih: an array is needed"),
    ({"b_ih": empty(1, G * H)}, ValueError, "b_ih: shape"),
    ({"b_hh": empty(G * H, K).T}, ValueError, "b_hh: must be contiguous"),
    ({"h0": empty(K, B, 2 * H)[:, :, ::2]}, ValueError, "h0: must be contiguous"),
    ({"h_n": read_only()}, TypeError, "h_n: a writable CPU array"),
    ({"c_n": None}, TypeError, "c_n: an array is needed"),
    ({"y": empty(K, B, T + 1, H)}, ValueError, "y: shape"),
    ({"h0": SHARED, "h_n": SHARED}, ValueError, "h_n and h0 share memory"),
    ({"h_n": SHARED, "c_n": SHARED}, ValueError, "h_n and c_n share memory"),
    ({"lengths": np.array([[4, 4, 4]] * 2, dtype=np.int32)}, TypeError, "lengths: int64"),
    ({"lengths": np.array([[4, 2, 3]] * 2)}, ValueError, "lengths: from 1 to T and never rising"),
    ({"lengths": np.array([[5, 2, 1]] * 2)}, ValueError, "lengths: from 1 to T"),
    ({"lengths": np.array([[4, 2, 0]] * 2)}, ValueError, "lengths: from 1 to T"),
    ({"saved": empty(K, 10)}, ValueError, "saved: shape"),
    ({"saved": misaligned()}, ValueError, "saved: must be aligned to 64 bytes"),
    ({"x": torch.empty(K, B, T, I, device="meta")}, TypeError, "x: a CPU array is needed"),
    ({"h_n": torch.empty(K, B, H, device="meta")}, TypeError, "h_n: a writable CPU array is needed"),
    ({"threads": 0}, ValueError, "threads: at least 1 is needed, 0 came"),
]


@pytest.mark.parametrize(("changed", "kind", "text"), BAD, ids=[text for _, _, text in BAD])
def test_forward_refuses(changed: dict[str, Any], kind: type[Exception], text: str) -> None:
    from unroll.kernels import _native

    named = arguments(**changed)
    with pytest.raises(kind, match=text):
        _native.forward("lstm", isas()[0], **named)
    for name in {"y", "h_n", "c_n"} - changed.keys():
        assert (named[name] == 7).all(), name


def backward_arguments(**changed: Any) -> dict[str, Any]:
    from unroll.kernels import _native

    named = {
        "x": empty(K, B, T, I),
        "w_ih": empty(K, G * H, I),
        "w_hh": empty(K, G * H, H),
        "lengths": None,
        "saved": _native.take_saved("lstm", K, B, T, H, True).zero_().numpy(),
        "dy": empty(K, B, T, H),
        "dh_n": empty(K, B, H),
        "dc_n": empty(K, B, H),
        "dx": empty(K, B, T, I),
        "dw_ih": empty(K, G * H, I),
        "dw_hh": empty(K, G * H, H),
        "db_ih": empty(K, G * H),
        "db_hh": empty(K, G * H),
        "dh0": empty(K, B, H),
        "dc0": empty(K, B, H),
    }
    return named | changed


BAD_BACKWARD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"saved": empty(K, 10)}, ValueError, "saved: shape"),
    ({"saved": misaligned()}, ValueError, "saved: must be aligned"),
    ({"saved": None}, TypeError, "saved: an array is needed"),
    ({"dy": empty(K, B, T, H).astype(np.float64)}, TypeError, "dy: float32 is needed"),
    ({"dy": empty(K, T, B, H).swapaxes(1, 2)}, ValueError, "dy: must be contiguous"),
    ({"dh_n": empty(B, H)}, ValueError, "dh_n: shape"),
    ({"dw_hh": None}, TypeError, "dw_hh: an array is needed"),
    ({"dw_ih": empty(K, G * H, I + 1)}, ValueError, "dw_ih: shape"),
    ({"dh0": read_only()}, TypeError, "dh0: a writable CPU array"),
    ({"dh0": SHARED, "dc0": SHARED}, ValueError, "dh0 and dc0 share memory"),
    ({"dh_n": SHARED, "dh0": SHARED}, ValueError, "dh0 and dh_n share memory"),
    ({"dx": torch.empty(K, B, T, I, device="meta")}, TypeError, "dx: a writable CPU array"),
    ({"lengths": np.array([[1, 2, 3]] * 2)}, ValueError, "lengths: from 1 to T and never rising"),
    ({"threads": -1}, ValueError, "threads: at least 1"),
]


@pytest.mark.parametrize(("changed", "kind", "text"), BAD_BACKWARD, ids=[text for _, _, text in BAD_BACKWARD])
def test_backward_refuses(changed: dict[str, Any], kind: type[Exception], text: str) -> None:
    from unroll.kernels import _native

    named = backward_arguments(**changed)
    with pytest.raises(kind, match=text):
        _native.backward("lstm", isas()[0], **named)
    for name in {"dx", "dw_ih", "dw_hh", "db_ih", "db_hh", "dh0", "dc0"} - changed.keys():
        assert (named[name] == 7).all(), name


def test_the_arguments_of_backward_are_fine() -> None:
    from unroll.kernels import _native

    named = backward_arguments()
    _native.backward("lstm", isas()[0], **named)
    assert not any((named[name] == 7).any() for name in ("dx", "dw_ih", "dw_hh", "db_ih", "db_hh", "dh0", "dc0"))


def test_the_arguments_themselves_are_fine() -> None:
    from unroll.kernels import _native

    named = arguments()
    _native.forward("lstm", isas()[0], **named)
    assert not (named["h_n"] == 7).any()


def test_unknown_cells_and_sets() -> None:
    from unroll.kernels import _native

    with pytest.raises(ValueError, match='cell "peephole": tanh_rnn, relu_rnn, gru or lstm is needed'):
        _native.forward("peephole", isas()[0], **arguments())
    with pytest.raises(ValueError, match='isa "v9"'):
        _native.forward("lstm", "v9", **arguments())
    with pytest.raises(TypeError, match="only the LSTM has a cell state"):
        _native.forward(
            "gru", isas()[0], **arguments(w_ih=empty(K, 3 * H, I), w_hh=empty(K, 3 * H, H), b_ih=None, b_hh=None)
        )
