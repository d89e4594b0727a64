"""Two values of a sequence are marked: what the adding and the multiplication problem have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np

from unroll.axes import Float64, Int64
from unroll.streams.base import Generator
from unroll.tasks.base import Split, Task

SHORTEST = {"anywhere": 2, "halves": 2, "hs97": 11, "pascanu13": 10}
WHY = {
    "anywhere": "two markers need at least 2 steps",
    "halves": "two markers need at least 2 steps",
    "hs97": "the first marker stands in the first ten steps, the last step has a mark of its own: at least 11",
    "pascanu13": "the first marker stands in the first tenth: at least 10 steps",
}


class Marked(Task):
    """A value and a marker a step; asked for at the end is something of the two values that are marked.

    A task that inherits from it says what: ``answer``. ``lowest`` is the smallest value of the variant ``hs97``, and
    ``neutral`` what a value counts there that is marked on the very first step.
    """

    lowest: ClassVar[float]
    neutral: ClassVar[float]

    markers: Literal["anywhere", "halves", "hs97", "pascanu13"] = "anywhere"

    @abstractmethod
    def answer(self, marked: Float64) -> Float64:
        """Return the targets, (N,), for the two values that are marked, (N, 2)."""

    @property
    def inputs(self) -> int:
        """A value and a marker."""
        return 2

    @property
    def outputs(self) -> int:
        """One number."""
        return 1

    @property
    def ragged(self) -> bool:
        """Whether each sequence has a length of its own."""
        return self.markers in ("hs97", "pascanu13")

    @property
    def readout(self) -> Literal["last", "some"]:
        """The answer is asked for at the end, which differs from sequence to sequence in two of the variants."""
        return "some" if self.ragged else "last"

    @property
    def notes(self) -> str:
        """Where the markers stand."""
        return f"markers {self.markers}"

    def total_steps(self, length: int) -> int:
        """The length itself, or the longest of those that are drawn: up to a tenth more."""
        return length + {"hs97": length // 10, "pascanu13": length // 10 - 1}.get(self.markers, 0)

    def check_length(self, length: int) -> None:
        """Markers need their places."""
        if length < SHORTEST[self.markers]:
            raise ValueError(f"{length} is too short: {WHY[self.markers]}")

    def on_first_step(self, length: int) -> float:
        """Return how likely a marker of ``hs97`` stands on the very first step.

        The first one does by 1/10; the second one, with M = T/2 - 1 places of which the first has taken one or none,
        by 1/(M - 1) or 1/M where the first does not.
        """
        places = length // 2 - 1
        return 0.1 + sum(0.1 / (places - (first < places)) for first in range(1, 10))

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        steps = self.total_steps(length)
        low = self.lowest if self.markers == "hs97" else 0.0
        values = generator.uniform(low, 1.0, (n, steps))
        ends, marked = self._places(generator, n, length)
        markers = np.zeros((n, steps), dtype=np.float32)
        if self.markers == "hs97":
            markers[:, 0] = markers[np.arange(n), ends - 1] = -1.0
            values[(marked == 0).any(axis=1), 0] = self.neutral
        np.put_along_axis(markers, marked, 1.0, axis=1)
        y = self.answer(np.take_along_axis(values, marked, axis=1)).astype(np.float32)
        x = np.stack([values.astype(np.float32), markers], axis=-1)
        if not self.ragged:
            return Split(x, y[:, None])
        x[np.arange(steps) >= ends[:, None]] = 0.0
        return Split(x, y[:, None, None], at=(ends - 1)[:, None].astype(np.int32))

    def _places(self, generator: Generator, n: int, length: int) -> tuple[Int64, Int64]:
        """Return how long each sequence is, (N,), and its two marked steps, (N, 2)."""
        ends = np.full(n, length, dtype=np.int64)
        if self.markers == "anywhere":
            return ends, generator.distinct(n, length, 2)
        if self.markers == "halves":
            half = length // 2
            first, second = generator.integers(0, half, (n, 1)), generator.integers(half, length, (n, 1))
            return ends, np.concatenate([first, second], axis=1)
        ends = generator.integers(length, self.total_steps(length) + 1, (n,))
        if self.markers == "hs97":
            places = length // 2 - 1
            first = generator.integers(0, 10, (n,))
            taken = first < places
            second = generator.integers(0, places - taken.astype(np.int64), (n,))
            second += taken & (second >= first)
        else:
            tenth = ends // 10
            first = generator.integers(0, tenth, (n,))
            second = tenth + generator.integers(0, 4 * ends // 10, (n,))
        return ends, np.stack([first, second], axis=1)
