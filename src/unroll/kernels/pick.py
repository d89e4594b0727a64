"""Which backend computes a cell, and why."""

from __future__ import annotations

from dataclasses import dataclass

from unroll.errors import BackendError


@dataclass(frozen=True)
class Pick:
    """The backend that computes a cell, and the reason in plain words."""

    backend: str
    reason: str


def pick(cell: str | None, *, device: str = "cpu", backend: str = "auto") -> Pick:
    """Choose the backend for a cell ("tanh_rnn", "lstm", "gru"; None for a model without one).

    ``backend`` is what was asked for: "auto", "reference" or "native". Raises BackendError where it is not available.
    """
    if backend == "native":
        raise BackendError("This version of unroll has no native kernels. Set train.backend to 'auto' or 'reference'.")
    if backend == "reference":
        return Pick("reference", "asked for")
    if cell is None:
        return Pick("reference", "the model has no recurrent cell of its own")
    return Pick("reference", f"PyTorch's own layers on {device}: this version of unroll has no native kernels")
