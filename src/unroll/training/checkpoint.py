"""A training, frozen between two updates, as safetensors bytes and a few plain numbers, under one checksum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.errors import CheckpointError
from unroll.store.seals import CHECKSUM, checkpoint_seal
from unroll.training.tensors import Kind, pack, unpack


@dataclass(frozen=True)
class Position:
    """How far a training is: whole epochs and updates done, and what the epoch under way has come to.

    ``epoch_loss`` sums the losses of its sequences, ``epoch_seconds`` its training.
    """

    epoch: int = 0
    done: int = 0
    epoch_loss: float = 0.0
    epoch_seconds: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Return plain data; the bits of the loss survive in any JSON."""
        return {
            "epoch": self.epoch,
            "done": self.done,
            "epoch_loss": self.epoch_loss.hex(),
            "epoch_seconds": self.epoch_seconds,
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any], epochs: int, per_epoch: int) -> Position:
        """Return a position in a training of so many epochs; ValueError where there is no such place in it."""
        try:
            at = cls(plain["epoch"], plain["done"], float.fromhex(plain["epoch_loss"]), float(plain["epoch_seconds"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"its position cannot be read: {error!r}") from error
        whole = type(at.epoch) is int and type(at.done) is int
        if not (
            whole
            and 0 <= at.epoch <= epochs
            and per_epoch * at.epoch <= at.done <= per_epoch * min(at.epoch + 1, epochs)
            and math.isfinite(at.epoch_loss)
            and math.isfinite(at.epoch_seconds)
        ):
            raise ValueError(
                f"update {at.done} in epoch {at.epoch} is no place in a training of {epochs} epochs with {per_epoch} "
                "updates each"
            )
        return at


@dataclass(frozen=True)
class Checkpoint:
    """``tensors``: weights, optimizer state and histories so far; ``position``: the trial's key and how far it is.

    The position also holds a checksum: BLAKE2b over the bytes and all else in it, the key included.
    """

    tensors: bytes
    position: Mapping[str, Any]

    @classmethod
    def freeze(cls, arrays: Mapping[str, np.ndarray], key: str, at: Position) -> Checkpoint:
        """Copy arrays into a checkpoint of the trial with this key."""
        tensors, position = pack(arrays), {"key": key, **at.plain()}
        return cls(tensors, position | {CHECKSUM: checkpoint_seal(tensors, position)})

    def check(self, key: str) -> None:
        """Raise CheckpointError unless these are the bytes and the position that were frozen, of the trial ``key``."""
        whose = str(self.position.get("key", "?"))
        if whose != key:
            raise CheckpointError(f"This checkpoint belongs to trial {whose[:12]}, not to {key[:12]}.")
        if self.position.get(CHECKSUM) != checkpoint_seal(self.tensors, self.position):
            raise damaged(key, "it is not what was saved")

    def passed_on(self, key: str, to: str) -> Checkpoint:
        """Return this checkpoint of the trial ``key`` as one of the trial ``to``, which goes on where that one ended.

        Raises CheckpointError as ``check`` does. Whether ``to`` is the same but for more epochs is for the caller to
        see.
        """
        self.check(key)
        position = {name: value for name, value in self.position.items() if name != CHECKSUM} | {"key": to}
        return Checkpoint(self.tensors, position | {CHECKSUM: checkpoint_seal(self.tensors, position)})

    def arrays(self, key: str, expected: Mapping[str, Kind]) -> dict[str, np.ndarray]:
        """Return the arrays; raises CheckpointError unless they are exactly those expected."""
        try:
            return unpack(self.tensors, expected)
        except ValueError as error:
            raise damaged(key, error) from error


def damaged(key: str, reason: object) -> CheckpointError:
    """Return the error for a checkpoint from which nobody can go on."""
    return CheckpointError(f"The checkpoint of trial {key[:12]} is damaged: {reason}.")
