"""Arguments that do not fit: a typed error that names the argument, before anything is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
]


@pytest.mark.parametrize(("changed", "kind", "text"), BAD, ids=[text for _, _, text in BAD])
def test_forward_refuses(changed: dict[str, Any], kind: type[Exception], text: str) -> None:
    from unroll.kernels import _native

    named = arguments(**changed)
    with pytest.raises(kind, match=text):
        _native.forward("lstm", isas()[0], **named)
    for name in ("y", "h_n", "c_n"):
        assert named[name] is None or (named[name] == 7).all()


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
