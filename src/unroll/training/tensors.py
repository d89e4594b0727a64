"""Named arrays as safetensors bytes, and back where they are what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import safetensors.numpy
from torch import Tensor

Kind: TypeAlias = tuple[np.dtype[Any], tuple[int, ...]]
"""What an array must be: its type and its shape."""


def kind(values: np.ndarray) -> Kind:
    """Return the type and the shape of an array as ``pack`` writes it: a single number has the shape (1,)."""
    return values.dtype, values.shape or (1,)


def array(tensor: Tensor) -> np.ndarray:
    """Return a tensor's values: those in memory themselves, those of a GPU as a copy."""
    values: np.ndarray = tensor.cpu().numpy()
    return values


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return arrays as safetensors bytes."""
    return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def unpack(data: bytes, expected: Mapping[str, Kind]) -> dict[str, np.ndarray]:
    """Return arrays of the caller's own from safetensors bytes: exactly those expected.

    Raises ValueError, with what is wrong, for bytes of any other content.
    """
    try:
        loaded: dict[str, np.ndarray] = safetensors.numpy.load(data)
    except Exception as error:  # whatever a parser says of bytes that nobody may have written
        raise ValueError(f"its tensors cannot be read: {error}") from error
    for name, (dtype, shape) in expected.items():
        if name not in loaded:
            raise ValueError(f"the tensor {name} is missing")
        found = kind(loaded[name])
        if found != (dtype, shape):
            raise ValueError(f"the tensor {name} is {found[0]} {found[1]} and not {dtype} {shape}")
    unknown = sorted(loaded.keys() - expected.keys())
    if unknown:
        raise ValueError(f"nobody knows its tensor {unknown[0]!r}")
    return {name: loaded[name].copy() for name in expected}
