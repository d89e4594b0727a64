"""The mean squared error, for targets that are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unroll import declarations
from unroll.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from unroll.axes import Float64


class MSE(Objective):
    """The mean squared error over sequences, scored steps and outputs. Targets: float32, of the outputs' shape."""

    name = "mse"
    version = "1"
    score = declarations.MSE

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See Objective."""
        from torch.nn.functional import mse_loss

        return mse_loss(outputs, targets)

    def scored(self, targets: Tensor) -> int:
        """Sequences: each has as many scored positions as any other."""
        return len(targets)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See Objective."""
        return (outputs.double() - targets.double()).square().flatten(1).mean(1)

    def unfit(self, targets: Any, outputs: tuple[int, ...]) -> str:
        """See Objective: finite float32 of the outputs' shape."""
        if targets.dtype != np.float32 or targets.shape != outputs:
            return f"y is {targets.dtype}, {targets.shape}. Give numbers as float32, {outputs}."
        if not np.isfinite((targets.min(), targets.max())).all():
            row = np.argwhere(~np.isfinite(targets))[0][0]
            return f"y of sequence {row + 1} is not a finite number. Give one that is."
        return ""

    def constant(self, targets: Any, at: Any = None) -> Float64:
        """Under one answer for all positions: the mean of all targets, an output each."""
        y = targets.astype(np.float64)
        squares = np.square(y - y.mean(axis=tuple(range(y.ndim - 1))))
        return np.asarray(squares.reshape(len(y), -1).mean(axis=1), dtype=np.float64)
