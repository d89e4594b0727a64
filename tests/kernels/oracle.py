"""One layer run through the native kernel and through torch.nn, with values and all gradients in one dictionary."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from unroll.kernels import isas, ops
from unroll.kernels.gates import GATES

CELLS = ("tanh_rnn", "relu_rnn", "lstm", "gru")

needs_native = pytest.mark.skipif(not isas(), reason="this installation has no native kernels")


@dataclass
class Problem:
    """A layer's arguments and the gradients that come in; float64, but exact in float32."""

    cell: str
    inputs: dict[str, Tensor]  # x, w_ih, w_hh, b_ih, b_hh, h0 and, for the LSTM, c0
    incoming: dict[str, Tensor]  # y, h_n and, for the LSTM, c_n

    @staticmethod
    def random(cell: str, B: int, T: int, I: int, H: int, seed: int = 0) -> Problem:  # noqa: E741
        draw = torch.Generator().manual_seed(seed)

        def some(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=draw).double()

        def weight(*shape: int) -> Tensor:
            return ((torch.rand(*shape, generator=draw) * 2 - 1) * H**-0.5).double()

        GH = GATES[cell] * H
        inputs = {
            "x": some(B, T, I),
            "w_ih": weight(GH, I),
            "w_hh": weight(GH, H),
            "b_ih": weight(GH),
            "b_hh": weight(GH),
            "h0": some(B, H),
        }
        incoming = {"y": some(B, T, H), "h_n": some(B, H)}
        if cell == "lstm":
            inputs["c0"], incoming["c_n"] = some(B, H), some(B, H)
        inputs = {name: t.float().double() for name, t in inputs.items()}
        return Problem(cell, inputs, {name: t.float().double() for name, t in incoming.items()})

    def native(self, isa: str, dtype: torch.dtype = torch.float32, every: bool = True) -> dict[str, Tensor]:
        inputs = {name: t.to(dtype).requires_grad_() for name, t in self.inputs.items()}
        states = ops.forward(self.cell, **inputs, every=every, isa=isa)
        out = {"y": states.y, "h_n": states.h_n, "c_n": states.c_n}
        return self._with_gradients(inputs, {name: t for name, t in out.items() if t is not None})

    def torch(self, dtype: torch.dtype = torch.float64, every: bool = True) -> dict[str, Tensor]:
        inputs = {name: t.to(dtype).requires_grad_() for name, t in self.inputs.items()}
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(self.cell, torch.nn.RNN)
        extra = {"nonlinearity": "relu"} if self.cell == "relu_rnn" else {}
        H, I = inputs["w_hh"].shape[1], inputs["w_ih"].shape[1]  # noqa: E741
        layer = kind(I, H, batch_first=True, dtype=dtype, **extra)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights = dict(zip(names, (inputs[n] for n in ("w_ih", "w_hh", "b_ih", "b_hh")), strict=True))
        start = inputs["h0"].unsqueeze(0)
        hx = (start, inputs["c0"].unsqueeze(0)) if self.cell == "lstm" else start
        y, last = torch.func.functional_call(layer, weights, (inputs["x"], hx))
        parts = last if self.cell == "lstm" else (last,)
        out = {"y": y} | dict(zip(("h_n", "c_n"), (t.squeeze(0) for t in parts), strict=False))
        if not every:
            del out["y"]
        return self._with_gradients(inputs, out)

    def _with_gradients(self, inputs: dict[str, Tensor], out: dict[str, Tensor]) -> dict[str, Tensor]:
        loss = sum((t * self.incoming[name].to(t.dtype)).sum() for name, t in out.items())
        grads = torch.autograd.grad(loss, list(inputs.values()))
        return {n: t.detach() for n, t in out.items()} | {f"d{n}": g for n, g in zip(inputs, grads, strict=True)}


def distance(got: Tensor, right: Tensor) -> float:
    """The largest difference."""
    return float((got.double() - right).abs().max())


def error(got: Tensor, right: Tensor) -> float:
    """The largest difference, as a part of the largest right value."""
    return distance(got, right) / max(float(right.abs().max()), 1e-30)
