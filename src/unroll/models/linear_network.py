"""Linear prediction, as a network."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from unroll.axes import Float64
from unroll.models.network import Explains, Network
from unroll.models.sliding import sliding
from unroll.streams.base import Generator
from unroll.tasks.recurrence import in_words

EXACT = 1e-6
"""The largest residual, relative to the largest target, of a fit that counts as exact: values have float32's digits."""
NEAR = 1e-4
"""How near a coefficient is to a fraction that is tried in its place."""
DENOMINATORS = 12
"""The largest denominator of such a fraction."""


class LinearNetwork(Network, Explains):
    """``weights`` (w, w * I, O), float64: row t holds the weights of a step with t + 1 known values, the last row all.

    ``state`` is the window before the step, (B, w, I), and how many of its values are known.
    """

    weights: Tensor

    def __init__(self, window: int, inputs: int, outputs: int, readout: Literal["last", "every"]):
        super().__init__()
        self.register_buffer("weights", torch.empty(window, window * inputs, outputs, dtype=torch.float64))
        self._window = window
        self._every = readout == "every"

    @property
    def window(self) -> int:
        """See Network: the lag that the fit found enough."""
        used = self.weights[-1].reshape(self._window, -1).any(dim=1).nonzero()
        return int(used.max()) + 1 if len(used) else 1

    def forward(self, x: Tensor) -> Tensor:
        """See Network."""
        windows = sliding(x.to(self.weights.dtype), self._window)
        known = torch.arange(x.shape[1]).clamp(max=self._window - 1)
        if not self._every:
            return (windows[:, -1] @ self.weights[known[-1]]).to(x.dtype)
        return torch.einsum("btw,two->bto", windows, self.weights[known]).to(x.dtype)

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """See Network."""
        x = x_t.to(self.weights.dtype)
        window, known = (x.new_zeros(len(x), self._window, x.shape[1]), 0) if state is None else state
        window = torch.cat([x.unsqueeze(1), window[:, :-1]], dim=1)
        output = window.flatten(1) @ self.weights[min(known, self._window - 1)]
        return output.to(x_t.dtype), (window, known + 1)

    @torch.no_grad()
    def initialise(self, generator: Generator) -> None:
        """Zeros, until ``fit``."""
        self.weights.zero_()

    @torch.no_grad()
    def fit(self, x: Tensor, y: Tensor) -> None:
        """See Network: least squares on all steps that know enough values, shortest lag first."""
        inputs = x.shape[2]
        windows = sliding(x.double(), self._window).numpy()  # (N, T, w * I)
        targets = (y if self._every else y.unsqueeze(1)).double().numpy()
        windows = windows if self._every else windows[:, -1:]
        known = np.minimum(np.arange(x.shape[1])[-targets.shape[1] :], self._window - 1)
        weights = np.zeros(self.weights.shape)
        for enough in range(1, known.max() + 2):
            steps = known >= enough - 1
            solution, exact = _solve(windows[:, steps, : enough * inputs], targets[:, steps])
            if exact:
                break
        weights[enough - 1 :, : enough * inputs] = solution
        for few in range(1, enough):
            steps = known == few - 1
            if steps.any():
                weights[few - 1, : few * inputs] = _solve(windows[:, steps, : few * inputs], targets[:, steps])[0]
        self.weights.copy_(torch.from_numpy(weights))

    def rule(self, symbol: str = "x") -> str:
        """See Explains; "" for more than one input or output."""
        _, columns, outputs = self.weights.shape
        if columns != self._window or outputs != 1:
            return ""
        return in_words(self.weights[-1, :, 0].tolist(), symbol=symbol)


def _solve(windows: Float64, targets: Float64) -> tuple[Float64, bool]:
    """Return least-squares weights, (columns, O), and whether they are exact; as fractions where those are too."""
    a, b = windows.reshape(-1, windows.shape[-1]), targets.reshape(-1, targets.shape[-1])
    solution = np.linalg.lstsq(a, b, rcond=None)[0].astype(np.float64)
    bound = EXACT * np.abs(b).max()

    def exact(weights: Float64) -> bool:
        return bool(np.abs(a @ weights - b).max() <= bound)

    near = [float(Fraction(weight).limit_denominator(DENOMINATORS)) for weight in solution.ravel().tolist()]
    fractions = np.array(near).reshape(solution.shape)
    if np.abs(fractions - solution).max() <= NEAR and exact(fractions):
        return fractions, True
    return solution, exact(solution)
