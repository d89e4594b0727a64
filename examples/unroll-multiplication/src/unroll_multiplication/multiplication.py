"""The multiplication problem: two values are marked, their product is asked for at the end."""

from typing import Literal

import numpy as np

from unroll.streams import Generator, Streams
from unroll.tasks import Criterion, Dataset, Split, Task


class Multiplication(Task):
    """The product of the two marked values of a sequence.

    ::

        value     0.4   0.2   0.9   0.1   0.6
        marker    0     1     0     0     1
        target                            0.12     = 0.2 * 0.6

    x: (N, T, 2), a value uniform in [0, 1) and a marker, 1 at two different steps anywhere; y: (N, 1), the product.

    Baseline: a predictor that remembers nothing does best with the mean. For U and V independent and uniform in [0, 1),
    E[UV] = 1/2 * 1/2 = 1/4 and E[(UV)^2] = 1/3 * 1/3 = 1/9, so its loss is Var(UV) = 1/9 - 1/16 = 7/144.
    """

    name = "multiplication"
    summary = "the product of two marked values of a sequence"
    tags = ("regression", "long-term memory")
    sources = ("hochreiter1997long",)  # which unroll has

    @property
    def inputs(self) -> int:
        """A value and a marker."""
        return 2

    @property
    def outputs(self) -> int:
        """The product."""
        return 1

    @property
    def readout(self) -> Literal["last", "every"]:
        """The product is asked for at the end."""
        return "last"

    @property
    def solved(self) -> Criterion:
        """Test MSE below 0.003: of the baseline, the same share as 0.01 is in the adding problem."""
        return Criterion("test_mse", 0.003)

    def baseline(self, length: int) -> float:
        """7/144, at every length; derived above."""
        return 7 / 144

    def check_length(self, length: int) -> None:
        """Two markers need two steps."""
        if length < 2:
            raise ValueError(f"{length} is too short: two markers need at least 2 steps")

    def dataset(self, streams: Streams, length: int) -> Dataset:
        """Draw the three splits, each from its own stream."""
        self.check_length(length)
        return Dataset(
            train=_split(streams.generator("data"), self.train, length),
            validation=_split(streams.generator("validation"), self.validation, length),
            test=_split(streams.generator("test"), self.test, length),
        )


def _split(generator: Generator, n: int, length: int) -> Split:
    values = generator.uniform(0.0, 1.0, (n, length))
    marked = generator.distinct(n, length, 2)  # (N, 2): the steps of the two markers
    markers = np.zeros((n, length))
    np.put_along_axis(markers, marked, 1.0, axis=1)
    x = np.stack([values, markers], axis=-1)  # (N, T, 2)
    y = np.take_along_axis(values, marked, axis=1).prod(axis=1, keepdims=True)  # (N, 1)
    return Split(x.astype(np.float32), y.astype(np.float32))
