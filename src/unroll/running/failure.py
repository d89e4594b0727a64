"""How an exception is told that ended a trial, or what measures a trial."""

from __future__ import annotations

import traceback
from typing import Any

from unroll.errors import DivergedError

NO_MEMORY_THERE = (
    "There is not enough memory on the GPU for this trial: free some there, lower train.batch or model.hidden, or "
    'train on the CPU (train.device = "cpu"), then run it again with --retry-failed.'
)
NO_MEMORY = (
    "There is not enough memory for this trial: make some free, ask for fewer workers or a smaller batch "
    "(train.batch), then run it again with --retry-failed."
)


def described(error: BaseException) -> dict[str, Any]:
    """Return an exception as the store keeps it: type, message, traceback and, where training diverged, where."""
    message = str(error) or type(error).__name__
    if type(error).__name__ == "OutOfMemoryError" or "backend out of memory" in message:  # of CUDA; of MPS
        message = f"{message.splitlines()[0].partition('. GPU')[0].rstrip('.')}. {NO_MEMORY_THERE}"
    elif isinstance(error, MemoryError) or "can't allocate memory" in message:  # NumPy's and Python's; torch's
        message = f"{message.rstrip('.')}. {NO_MEMORY}"
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "message": message,
        "traceback": "".join(traceback.format_exception(error)),
    }
    if isinstance(error, DivergedError):
        described |= {"epoch": error.epoch, "update": error.update}
    return described
