"""Early stopping: which epoch's weights are kept, and when a training ends before all of its epochs."""

from __future__ import annotations

import numpy as np

from unroll.axes import Float32


def best_epoch(losses: Float32) -> int:
    """Return the epoch, from 1, with the lowest validation loss, of those with the same the first.

    ``losses``, (epochs,), are the history ``validation_loss``, in float32 as it is stored: what is decided by it can be
    seen in it, and a checkpoint that holds it needs to hold no decision.
    """
    return int(np.argmin(losses)) + 1


def is_over(losses: Float32, patience: int) -> bool:
    """Say whether the last ``patience`` epochs have brought no new lowest validation loss."""
    return len(losses) > 0 and len(losses) - best_epoch(losses) >= patience
