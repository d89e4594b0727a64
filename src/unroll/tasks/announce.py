"""A value that is shown once, and asked for after a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from unroll.axes import Float64
from unroll.capabilities import Recalls
from unroll.streams import Streams
from unroll.tasks.base import Criterion
from unroll.tasks.numbers import Numbers
from unroll.tasks.windows import Grid

VALUES = tuple(k / 1000 for k in range(-1000, 1001))


class Announce(Numbers, Recalls):
    r"""A value v, then zeros: after T steps, v again.

    ::

        value     0.42  0     0     0     0
        target                            0.42

    The length T is the lag: what is asked for was seen T steps before, and nothing in between says it. A window of T
    values holds it, one of T - 1 cannot. v is one of 2,001 values from -1 to 1; y: (N, 1). One window a sequence.
    Always answering 0, the mean, gives the baseline: the variance of v, 1/3.

    A ratio, or a scale by the largest value, would erase v, so the representations are ``raw`` and ``difference``.
    """

    name = "announce"
    summary = "a value shown once and asked for after a gap"
    title = "delayed recall"
    in_a_sentence = "delayed recall"
    version = "2"
    tags = ("number sequences", "long-term memory")

    representation: Literal["raw", "difference"] = "raw"
    scale: Literal["prefix"] = "prefix"

    @property
    def readout(self) -> Literal["last", "every"]:
        """The value is asked for at the end."""
        return "last"

    @property
    def solved(self) -> Criterion:
        """Test MSE below 0.01: the value is known to a tenth."""
        return Criterion("test_mse", 0.01)

    @property
    def rule(self) -> str:
        """See Numbers."""
        return "x(t+1) = x(t+1-T)"

    @property
    def prompt(self) -> tuple[float, ...]:
        """A value and a gap."""
        return (0.5, 0.0, 0.0, 0.0, 0.0)

    def check_length(self, length: int) -> None:
        """See Numbers; a difference needs a step before it."""
        if length < 2 and self.representation == "difference":
            raise ValueError(
                f"{length} is too short: the difference at the first step is 0 and does not show the value"
            )
        super().check_length(length)

    def counts(self, length: int) -> tuple[int, int]:
        """See Numbers: one window, whatever its length."""
        return length + 1, length + 1

    def grid(self) -> Grid:
        """See Numbers: the value."""
        return (VALUES,)

    def beyond(self) -> dict[str, Grid]:
        """Values ten times larger, and values from 1 to 2."""
        return {
            "larger": (tuple(10 * value for value in VALUES),),
            "starts": (tuple(1 + k / 1000 for k in range(1, 1001)),),
        }

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers: the value at every T-th step."""
        return np.where(np.arange(n) % length == 0, parameters, 0.0)

    def beginning(self, length: int) -> tuple[float, ...]:
        """See Numbers: a value and its whole gap."""
        return (self.prompt[0],) + (0.0,) * (length - 1)

    def versions(self, length: int) -> Mapping[str, str]:
        """See Numbers; the prompt is one of this version."""
        return {name: version for name, version in super().versions(length).items() if name != "prompt"}

    def truth(self, prompt: Float64, n: int, length: int) -> Float64 | None:
        """See Numbers: known where the prompt is a value at every T-th step, and nothing in between."""
        whole = self.terms(prompt[None, :1], len(prompt) + n, length)[0]
        return whole[len(prompt) :] if np.array_equal(whole[: len(prompt)], prompt) else None

    def regimes(
        self, streams: Streams, length: int, further: int = 64, prompt: Sequence[float] | None = None
    ) -> dict[str, Float64]:
        """See Numbers; there is nothing longer than one gap."""
        found = super().regimes(streams, length, further, prompt)
        return {name: values for name, values in found.items() if name != "longer"}
