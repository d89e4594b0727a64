"""How plain values stand in a row: JSON text, UTC time, float32 blobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def to_json(value: Any) -> str:
    """Return JSON text; any mapping may stand for a dict. Floats come back bit for bit."""
    return json.dumps(value, default=_as_dict, ensure_ascii=False)


def _as_dict(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A store holds JSON-able values only, not {type(value).__name__}: {value!r}")


def now() -> str:
    """Return this moment as ISO 8601 text in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def to_blob(name: str, values: ArrayLike) -> tuple[int, bytes]:
    """Return the count and the little-endian float32 bytes of a one-dimensional history."""
    array = np.asarray(values, dtype="<f4")
    if array.ndim != 1:
        raise ValueError(f"History {name!r} has shape {array.shape}; a history is one value a step: shape (n,).")
    return array.size, array.tobytes()


def from_blob(data: bytes) -> NDArray[np.float32]:
    """Return a history as a float32 array of the caller's own."""
    return np.frombuffer(data, dtype="<f4").astype(np.float32)
