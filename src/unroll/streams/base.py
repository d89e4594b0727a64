"""What a task, a model and the training loop may ask of randomness."""

from __future__ import annotations

from abc import ABC, abstractmethod

from unroll.axes import Float64, Int64, Permutation
from unroll.streams.normal import to_normal


class Generator(ABC):
    """A source of random numbers of a trial's own. What it gives next depends only on what was asked of it before."""

    @abstractmethod
    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Float64:
        """Return numbers uniform in [low, high)."""

    def normal(self, shape: tuple[int, ...]) -> Float64:
        """Return standard normal numbers, one uniform number each; see ``unroll.streams.normal``."""
        return to_normal(self.uniform(0.0, 1.0, shape))

    @abstractmethod
    def integers(self, low: int, high: int | Int64, shape: tuple[int, ...]) -> Int64:
        """Return whole numbers uniform in low, ..., high - 1, drawn row by row; ``high`` may differ by column."""

    @abstractmethod
    def distinct(self, rows: int, population: int, size: int) -> Int64:
        """Return, for each of ``rows`` rows, ``size`` different numbers out of 0, ..., population - 1: (rows, size).

        Raises ValueError where size is larger than population.
        """

    @abstractmethod
    def permutation(self, n: int) -> Permutation:
        """Return the numbers 0, ..., n - 1 in random order."""


class Streams(ABC):
    """The named streams of one trial.

    ``data``, ``validation`` and ``test`` give the three splits, ``measure`` what else is measured on, ``init`` the
    initial weights, ``order`` the order of the training sequences in an epoch.
    """

    @abstractmethod
    def generator(self, name: str, epoch: int = 0) -> Generator:
        """Return the generator of the stream ``data``, ``validation``, ``test``, ``measure`` or ``init``.

        An ``epoch`` other than 0 names a stream of its own, for data that are drawn anew. Raises ValueError where the
        protocol has none.
        """

    @abstractmethod
    def order(self, epoch: int, n: int) -> Permutation:
        """Return the order of n training sequences in an epoch, counted from 0.

        Epochs may be left out, but not asked for backwards.
        """
