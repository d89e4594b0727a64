"""How plain values stand in a row: JSON text, UTC time, float32 blobs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a pair, as in names of files that are not UTF-8; a whole pair is one character in Python."""


def to_json(value: Any) -> str:
    """Return JSON text; any mapping may stand for a dict. Floats come back bit for bit.

    Half a surrogate pair, which no encoding knows, becomes six plain characters, as ``encodable`` does it.
    """
    text = json.dumps(value, default=_as_dict, ensure_ascii=False)
    return SURROGATE.sub(lambda found: rf"\\u{ord(found[0]):04x}", text)


def parses(kind: type, *texts: Any) -> bool:
    """Say whether each of these values of a row is JSON of one kind (dict or list), or not there."""
    try:
        return all(text is None or isinstance(json.loads(text), kind) for text in texts)
    except (ValueError, TypeError, RecursionError):
        return False


def encodable(text: str) -> str:
    r"""Return text that UTF-8 can hold: half a surrogate pair becomes six plain characters, such as \udc80."""
    return SURROGATE.sub(lambda found: rf"\u{ord(found[0]):04x}", text)


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
        raise ValueError(f"History {name!r} has shape {array.shape}; it is one value after the other: (n,).")
    return array.size, array.tobytes()


def from_blob(data: bytes) -> NDArray[np.float32]:
    """Return a history as a float32 array of the caller's own."""
    return np.frombuffer(data, dtype="<f4").astype(np.float32)
