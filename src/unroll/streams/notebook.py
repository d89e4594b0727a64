"""The protocol ``notebook``: the draws of the source notebooks, in their order, from generators of the trial's own.

The notebooks seed the global generators with the trial's seed and draw from them whatever is needed next: the splits
from NumPy's legacy generator (the adding problem) or from Python's own (the number sequences); then, from PyTorch's,
the initial weights and, for each epoch, the two 64-bit seeds that DataLoader and its random sampler take. This module
needs PyTorch; tasks see only ``streams.base``.
"""

from __future__ import annotations

import math
import random
from typing import Literal

import numpy as np
import torch

from unroll.axes import Float64, Int64, Permutation
from unroll.streams.base import Generator, Streams


class LegacyNumPy(Generator):
    """NumPy's legacy generator (Mersenne Twister), as ``np.random.seed`` and ``np.random.uniform`` use it."""

    def __init__(self, seed: int):
        self._state = np.random.RandomState(seed)

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Float64:
        """See Generator."""
        return self._state.uniform(low, high, shape)

    def integers(self, low: int, high: int | Int64, shape: tuple[int, ...]) -> Int64:
        """See Generator."""
        return self._state.randint(low, high, shape).astype(np.int64)

    def distinct(self, rows: int, population: int, size: int) -> Int64:
        """See Generator. One call of ``choice`` a row, as in the notebook."""
        chosen = np.empty((rows, size), dtype=np.int64)
        for row in range(rows):
            chosen[row] = self._state.choice(population, size=size, replace=False)
        return chosen

    def permutation(self, n: int) -> Permutation:
        """See Generator."""
        return self._state.permutation(n).astype(np.int64)


class PythonRandom(Generator):
    """Python's generator (Mersenne Twister), as ``random.seed``, ``random.randint`` and ``random.choice`` use it."""

    def __init__(self, seed: int):
        self._state = random.Random(seed)  # noqa: S311 - the notebook's, not for secrets

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Float64:
        """See Generator."""
        drawn = [low + (high - low) * self._state.random() for _ in range(math.prod(shape))]
        return np.array(drawn, dtype=np.float64).reshape(shape)

    def integers(self, low: int, high: int | Int64, shape: tuple[int, ...]) -> Int64:
        """See Generator. One call of ``randrange`` a number, which is what ``randint`` and ``choice`` come to."""
        highs = np.broadcast_to(high, shape).ravel().tolist()
        return np.array([self._state.randrange(low, bound) for bound in highs], dtype=np.int64).reshape(shape)

    def distinct(self, rows: int, population: int, size: int) -> Int64:
        """See Generator."""
        drawn = [self._state.sample(range(population), size) for _ in range(rows)]
        return np.array(drawn, dtype=np.int64).reshape(rows, size)

    def permutation(self, n: int) -> Permutation:
        """See Generator."""
        return np.array(self._state.sample(range(n), n), dtype=np.int64)


class TorchDraws(Generator):
    """PyTorch's CPU generator, as ``torch.manual_seed`` and ``torch.nn.init`` use it. Uniforms are float32 numbers."""

    def __init__(self, generator: torch.Generator):
        self._generator = generator

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Float64:
        """See Generator."""
        drawn = torch.empty(shape, dtype=torch.float32).uniform_(low, high, generator=self._generator)
        return drawn.numpy().astype(np.float64)

    def integers(self, low: int, high: int | Int64, shape: tuple[int, ...]) -> Int64:
        """See Generator."""
        highs = np.broadcast_to(high, shape).ravel().tolist()
        drawn = [torch.randint(low, bound, (), generator=self._generator).item() for bound in highs]
        return np.array(drawn, dtype=np.int64).reshape(shape)

    def distinct(self, rows: int, population: int, size: int) -> Int64:
        """See Generator."""
        if size > population:
            raise ValueError(f"{size} different numbers cannot be drawn out of {population}")
        drawn = [torch.randperm(population, generator=self._generator)[:size] for _ in range(rows)]
        return torch.stack(drawn).numpy() if drawn else np.empty((0, size), dtype=np.int64)

    def permutation(self, n: int) -> Permutation:
        """See Generator."""
        return torch.randperm(n, generator=self._generator).numpy()


class NotebookStreams(Streams):
    """The streams of the protocol ``notebook``.

    One generator gives all data, another the initial weights and the orders, so what is asked for must be asked in the
    notebook's order: data, validation, test, measure; init, order of epoch 0, order of epoch 1, ... ``draws`` says
    which generator the notebook took its data from.
    """

    def __init__(self, seed: int, draws: Literal["numpy", "python"] = "numpy"):
        self._data = LegacyNumPy(seed) if draws == "numpy" else PythonRandom(seed)
        self._torch = torch.Generator().manual_seed(seed)
        self._epoch = 0

    def generator(self, name: str, epoch: int = 0) -> Generator:
        """See Streams. No notebook drew anything anew."""
        if epoch:
            raise ValueError(f"the protocol notebook has no stream {name} of epoch {epoch}")
        return TorchDraws(self._torch) if name == "init" else self._data

    def order(self, epoch: int, n: int) -> Permutation:
        """See Streams. DataLoader's own seed comes first and is not used; the sampler's seed gives the permutation."""
        if epoch < self._epoch:
            raise ValueError(f"epoch {epoch} was drawn already; the next one is {self._epoch}")
        seed = 0
        while self._epoch <= epoch:
            self._word()
            seed = self._word()
            self._epoch += 1
        return TorchDraws(torch.Generator().manual_seed(seed)).permutation(n)

    def _word(self) -> int:
        return int(torch.empty((), dtype=torch.int64).random_(generator=self._torch).item())
