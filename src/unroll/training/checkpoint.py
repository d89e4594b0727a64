"""A training, frozen between two updates, as safetensors bytes and a few plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from unroll.errors import CheckpointError


@dataclass(frozen=True)
class Checkpoint:
    """``tensors``: weights, optimizer state and histories so far; ``position``: the trial's key and how far it is."""

    tensors: bytes
    position: Mapping[str, Any]

    @classmethod
    def freeze(cls, arrays: Mapping[str, np.ndarray], position: Mapping[str, Any]) -> Checkpoint:
        """Copy arrays into a checkpoint."""
        return cls(safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()}), dict(position))

    def arrays(self, key: str) -> dict[str, np.ndarray]:
        """Return the arrays; raises CheckpointError where they are damaged or belong to another trial than ``key``."""
        if self.position.get("key") != key:
            raise CheckpointError(
                f"This checkpoint belongs to trial {self.position.get('key', '?')[:12]}, not to {key[:12]}."
            )
        try:
            loaded: dict[str, np.ndarray] = safetensors.numpy.load(self.tensors)
        except (safetensors.SafetensorError, ValueError) as error:
            raise CheckpointError(f"The checkpoint of trial {key[:12]} is damaged: {error}.") from error
        return loaded
