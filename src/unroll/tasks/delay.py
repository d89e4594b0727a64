"""The delay line: at each step the last values are asked for, each of them."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field

from unroll.streams.base import Generator
from unroll.tasks.base import Criterion, Memory, Split, Task


class Delay(Task):
    r"""Values one to K steps old, all of them at each step.

    ::

        x          0.2  -0.7   0.5   0.1           K = 2
        y lag 1     .     .   -0.7   0.5
          lag 2     .     .    0.2  -0.7

    x: (N, T, 1), uniform in [-1, 1); y: (N, T - K, O), asked at the steps after the first K, so that no past is
    undefined. ``lags``: K. ``ask``: "each" of the lags 1, ..., K is an output, or the "last" alone. ``of``: "value",
    the value k steps ago, or "sum", the sum of all values up to that one, divided by the root of T.

    Always answering 0, the mean, gives the baseline: 1/3, the variance of a value. A sum of n values has n/(3T); over
    all asked steps and lags that is 1/6 on average, and (T + 1 - K)/(6T) for the lag K alone.

    With K lags, K (1 - 3 MSE) is the sum over them of what is explained of each: the memory capacity of Jaeger (2001)
    where the readout is the best one. He shows that no network holds more than it has units, for independent inputs and
    a linear readout. His estimate squares correlations, and each then gains by chance about 1/n from n test values.
    """

    name = "delay"
    title = "delay line"
    in_a_sentence = "the delay line"
    summary = "the last values, each asked for at every step"
    version = "1"
    tags = ("regression", "short-term memory")
    sources = ("jaeger2001short",)
    pitfalls = (
        (
            "Over a short test the squared correlations of mere noise add to a capacity: use 20 values "
            "for each lag, at least."
        ),
        "The delay task of HiPPO and S4 is another one: a band-limited signal, one lag.",
    )

    lags: Annotated[int, Field(ge=1, le=1_000)] = 20
    ask: Literal["each", "last"] = "each"
    of: Literal["value", "sum"] = "value"

    @property
    def inputs(self) -> int:
        """One value."""
        return 1

    @property
    def outputs(self) -> int:
        """A number for each lag that is asked for."""
        return self.lags if self.ask == "each" else 1

    @property
    def readout(self) -> Literal["some"]:
        """Every step after the first K."""
        return "some"

    @property
    def solved(self) -> Criterion:
        """Test MSE below 0.01, in the mean over the lags."""
        return Criterion("test_mse", 0.01)

    @property
    def notes(self) -> str:
        """What is asked for."""
        lags = f"lags 1 to {self.lags}" if self.outputs > 1 else f"lag {self.lags}"
        return f"{lags}, {'sums' if self.of == 'sum' else 'values'}"

    def check_length(self, length: int) -> None:
        """One step more than the longest lag."""
        if length <= self.lags:
            raise ValueError(f"{length} is too short for a lag of {self.lags}: at least {self.lags + 1} steps")

    def baseline(self, length: int) -> float:
        """1/3; of sums see the class."""
        if self.of == "value":
            return 1 / 3
        return 1 / 6 if self.ask == "each" else (length + 1 - self.lags) / (6 * length)

    def memory(self, length: int) -> Memory | None:
        """As many values as there are lags; None for sums, and for a lag alone, where steps are not counted."""
        return Memory("steps", float(self.lags)) if self.of == "value" and self.ask == "each" else None

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        x = generator.uniform(-1.0, 1.0, (n, length))
        asked = np.cumsum(x, axis=1) / math.sqrt(length) if self.of == "sum" else x
        # Windows of K values, of which the first begins at step 0 and is asked at step K; the youngest is lag 1.
        past = sliding_window_view(asked.astype(np.float32), self.lags, axis=1)[:, :-1, ::-1]
        y = np.ascontiguousarray(past if self.ask == "each" else past[:, :, -1:])
        at = np.broadcast_to(np.arange(self.lags, length, dtype=np.int32), (n, length - self.lags)).copy()
        return Split(x[:, :, None].astype(np.float32), y, at=at)
