"""The adding problem: two values are marked, their sum is asked for at the end."""

from __future__ import annotations

from typing import Literal

import numpy as np

from unroll.streams.base import Generator
from unroll.tasks.base import Criterion, Memory, Split, Task


class Adding(Task):
    """The sum of the two marked values of a sequence.

    ::

        value     0.42  0.17  0.93  0.08  0.66
        marker    0     1     0     0     1
        target                            0.83     = 0.17 + 0.66

    x: (N, T, 2), a value uniform in [0, 1) and a marker; y: (N, 1), the sum. ``markers`` says where the two markers
    stand, because the field has two variants: "anywhere", two different steps (Bai et al. 2018, and the source
    notebook), or "halves", one in each half of the sequence (Arjovsky et al. 2016; with an odd T the second half is the
    longer one). The problem is Hochreiter and Schmidhuber's (1997).

    Always answering 1, the mean, gives the baseline: the variance of a sum of two uniforms, 2/12 = 1/6. (The 0.1767
    printed in Bai et al. 2018 is not that number.)
    """

    name = "adding"
    summary = "the sum of two marked values of a sequence"
    title = "adding"
    in_a_sentence = "the adding problem"
    version = "1"
    tags = ("regression", "long-term memory")
    sources = ("hochreiter1997long", "arjovsky2016unitary", "bai2018empirical")

    markers: Literal["anywhere", "halves"] = "anywhere"

    @property
    def inputs(self) -> int:
        """A value and a marker."""
        return 2

    @property
    def outputs(self) -> int:
        """The sum."""
        return 1

    @property
    def readout(self) -> Literal["last", "every"]:
        """The sum is asked for at the end."""
        return "last"

    @property
    def solved(self) -> Criterion:
        """Test MSE below 0.01."""
        return Criterion("test_mse", 0.01)

    @property
    def notes(self) -> str:
        """Where the markers stand."""
        return f"markers {self.markers}"

    def baseline(self, length: int) -> float:
        """1/6, at every length."""
        return 1 / 6

    def memory(self, length: int) -> Memory:
        """The last k of T steps, see ``unroll.analysis.memory``: of two marked values, each is among them by k/T."""
        return Memory("steps", float(length))

    def check_length(self, length: int) -> None:
        """Two markers need two steps."""
        if length < 2:
            raise ValueError(f"{length} is too short: two markers need at least 2 steps")

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        values = generator.uniform(0.0, 1.0, (n, length))
        markers = np.zeros((n, length))
        np.put_along_axis(markers, self._marked(generator, n, length), 1.0, axis=1)
        x = np.stack([values, markers], axis=-1)
        y = np.sum(values * markers, axis=1, keepdims=True)
        return Split(x.astype(np.float32), y.astype(np.float32))

    def _marked(self, generator: Generator, n: int, length: int) -> np.ndarray:
        if self.markers == "anywhere":
            return generator.distinct(n, length, 2)
        half = length // 2
        first, second = generator.integers(0, half, (n, 1)), generator.integers(half, length, (n, 1))
        return np.concatenate([first, second], axis=1)
