"""What the digest of a trial covers: its results, to the bit, without measured times."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

TIMES = frozenset({"seconds", "seconds_per_epoch"})
"""Histories and metrics that are measured times: no two runs agree in them, so digests leave them out."""


def results_digest(metrics: Mapping[str, float], histories: Mapping[str, bytes], parameters: bytes = b"") -> str:
    """Return SHA-256 of final values, histories (little-endian float32) and weights: equal digests mean equal bits.

    Values are taken as the store keeps them, where zero has no sign.
    """
    total = hashlib.sha256()
    for name in sorted(metrics.keys() - TIMES):
        total.update(f"{name}={(float(metrics[name]) + 0.0).hex()}\n".encode())
    for name in sorted(histories.keys() - TIMES):
        total.update(f"{name}:".encode() + histories[name])
    total.update(parameters)
    return total.hexdigest()


def examination_digest(metrics: Mapping[str, float], arrays: Mapping[str, tuple[str, bytes]]) -> str:
    """Return SHA-256 of what a measure found; ``arrays``: their axes as JSON and little-endian float64 bytes."""
    total = hashlib.sha256()
    for name in sorted(metrics):
        total.update(f"{name}={(float(metrics[name]) + 0.0).hex()}\n".encode())
    for name in sorted(arrays):
        axes, data = arrays[name]
        total.update(f"{name}:{axes}\n".encode() + data)
    return total.hexdigest()
