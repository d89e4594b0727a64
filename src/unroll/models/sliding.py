"""Windows that slide over sequences."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad


def sliding(x: Tensor, window: int) -> Tensor:
    """Return the last ``window`` steps at each step, (B, T, I) to (B, T, window * I): newest first, zeros before."""
    windows = pad(x, (0, 0, window - 1, 0)).unfold(1, window, 1)  # (B, T, I, window), the oldest first
    return windows.flip(-1).transpose(2, 3).flatten(2)
