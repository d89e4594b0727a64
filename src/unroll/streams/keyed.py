"""The protocol ``keyed``: every stream a pure function of (trial seed, stream name, epoch).

Philox4x64-10 is counter-based (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
NumPy gives its raw words; what they are turned into is written here, because no library promises its uniforms and
permutations for ever, and a result must be the same in ten years.
"""

from __future__ import annotations

import hashlib

import numpy as np

from unroll.axes import Float64, Int64, Permutation
from unroll.streams.base import Generator, Streams


class KeyedGenerator(Generator):
    """Numbers from the Philox words under one 128-bit key."""

    def __init__(self, seed: int, stream: str, epoch: int = 0):
        key = hashlib.sha256(f"unroll/{seed}/{stream}/{epoch}".encode()).digest()[:16]
        self._words = np.random.Philox(key=np.frombuffer(key, dtype="<u8").astype(np.uint64))

    def _unit(self, shape: tuple[int, ...]) -> Float64:
        """Return the upper 53 bits of each word as a number in [0, 1)."""
        words = self._words.random_raw(int(np.prod(shape, dtype=np.int64)))
        return (words >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Float64:
        """See Generator."""
        return low + (high - low) * self._unit(shape)

    def integers(self, low: int, high: int | Int64, shape: tuple[int, ...]) -> Int64:
        """See Generator. The bias of a range of R numbers is below R / 2^53."""
        return low + np.floor(self._unit(shape) * (high - low)).astype(np.int64)

    def distinct(self, rows: int, population: int, size: int) -> Int64:
        """See Generator. The k-th number is drawn among those left, counted without the earlier ones."""
        if size > population:
            raise ValueError(f"{size} different numbers cannot be drawn out of {population}")
        chosen = np.empty((rows, size), dtype=np.int64)
        for k in range(size):
            rank = self.integers(0, population - k, (rows,))
            for earlier in np.sort(chosen[:, :k], axis=1).T:
                rank += rank >= earlier
            chosen[:, k] = rank
        return chosen

    def permutation(self, n: int) -> Permutation:
        """See Generator. The order that sorts n random words; equal words, one chance in 2^64 a pair, stay in order."""
        return np.argsort(self._words.random_raw(n), kind="stable").astype(np.int64)


class KeyedStreams(Streams):
    """The streams of the protocol ``keyed``: the same alone or together, in any order, resumed or not."""

    def __init__(self, seed: int):
        self._seed = seed

    def generator(self, name: str, epoch: int = 0) -> Generator:
        """See Streams."""
        return KeyedGenerator(self._seed, name, epoch)

    def order(self, epoch: int, n: int) -> Permutation:
        """See Streams."""
        return KeyedGenerator(self._seed, "order", epoch).permutation(n)
