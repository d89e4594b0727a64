"""The measure ``common``: the test loss at the step that every model can answer."""

from __future__ import annotations

import math

import numpy as np
import torch

from unroll.models.network import Network
from unroll.training.examples import Examples
from unroll.training.native import NativeUpdates
from unroll.training.result import Measured

AT_ONCE = 1_024


def common(network: Network, native: NativeUpdates | None, test: Examples) -> Measured:
    """Return ``test_mse_common``, the mean squared error at the last step of the test sequences.

    A model that sees a window of w values knows less than that at the first w - 1 of the T steps, one that has a state
    knows all that came; ``test_mse`` is over all steps, and so compares them by what some cannot know. At the last step
    each has read what it can. ``native``: the network's updates in native code, where it has them.
    """
    mean = _in_python(network, test) if native is None else _natively(native, test)
    return Measured({"test_mse_common": float(np.nan_to_num(mean, nan=np.inf, posinf=np.inf))})


def _natively(native: NativeUpdates, test: Examples) -> float:
    counted = native.last(test)
    return math.fsum(counted.losses) / int(counted.scored.sum())


def _in_python(network: Network, test: Examples) -> float:
    x, y, total = test.there.x, test.y, 0.0
    with torch.no_grad():
        for first in range(0, len(x), AT_ONCE):
            last = network(x[first : first + AT_ONCE])[:, -1].cpu().double()
            total += float((last - y[first : first + AT_ONCE, -1].double()).square().mean(dim=1).sum())
    return total / len(x)
