"""The measure ``common``: the test loss at the step that every model can answer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unroll.models.network import Network
from unroll.training.result import Measured

AT_ONCE = 1_024


def common(network: Network, x: Tensor, y: Tensor) -> Measured:
    """Return ``test_mse_common``, the mean squared error at the last step of the test sequences.

    A model that sees a window of w values knows less than that at the first w - 1 of the T steps, one that has a state
    knows all that came; ``test_mse`` is over all steps, and so compares them by what some cannot know. At the last step
    each has read what it can. x: (N, T, I), where the network is; y: (N, T, O), here.
    """
    total = 0.0
    with torch.no_grad():
        for first in range(0, len(x), AT_ONCE):
            last = network(x[first : first + AT_ONCE])[:, -1].cpu().double()
            total += float((last - y[first : first + AT_ONCE, -1].double()).square().mean(dim=1).sum())
    return Measured({"test_mse_common": float(np.nan_to_num(total / len(x), nan=np.inf, posinf=np.inf))})
