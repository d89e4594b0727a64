"""Parity: whether the number of ones is odd."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from unroll.axes import Int32
from unroll.declarations import Line
from unroll.streams.base import Generator
from unroll.tasks.base import Memory, Split
from unroll.tasks.symbols import Symbols


class Parity(Symbols):
    """Whether the number of ones so far is odd.

    ::

        x            1 0 1 1 #        T = 4 bits, then the end #
        y  "last"            1
        y  "every"   1 1 0 1 1

    T random bits, the length, or with ``lengths = "uniform"`` a number of them drawn from 1 ... T for each sequence,
    then the end. Tokens: the bits 0 and 1, the end 2, and zeros after it; classes: even 0, odd 1. ``ask``: "last"
    scores the end alone, "every" each step up to it. The two are different problems: where every step is scored, each
    answer is the one before it, turned over or not, and what an error teaches never lies further back than that.

    One bit is to be kept, for as long as it takes, and every one turns it over. Whoever has missed a single bit knows
    nothing: the baseline is ln 2 and an accuracy 1/2, at every step. Deletang et al. (2023) draw lengths from 1 ... 40
    and test up to 500. Short strings are few, so a test split may hold many that were trained on.
    """

    name = "parity"
    title = "parity"
    in_a_sentence = "the parity problem"
    summary = "whether the number of ones is odd"
    version = "1"
    tags = ("classification", "formal languages")
    sources = ("deletang2023neural",)
    pitfalls = (
        "To answer at every step is far easier than at the end alone: the two must not be mixed.",
        "Guessing weights at random solves short lengths: tell the accuracy beyond the trained ones.",
        "Deletang et al. tell the best of ten seeds and three learning rates.",
    )

    ask: Literal["last", "every"] = "last"
    lengths: Literal["fixed", "uniform"] = "fixed"

    @property
    def inputs(self) -> int:
        """Two bits and the end."""
        return 3

    @property
    def outputs(self) -> int:
        """Even and odd."""
        return 2

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """The end, or each step."""
        if self.ask == "every":
            return "every"
        return "last" if self.lengths == "fixed" else "some"

    def written(self, token: int) -> str:
        """See Task: # for the end."""
        return "#" if token == 2 else str(token)

    @property
    def notes(self) -> str:
        """Which steps are scored, and how long sequences are."""
        drawn = "" if self.lengths == "fixed" else ", lengths drawn from 1 to T"
        return f"{'the end' if self.ask == 'last' else 'every step'} scored{drawn}"

    def total_steps(self, length: int) -> int:
        """The bits and the end."""
        return length + 1

    def baseline(self, length: int) -> float:
        """The logarithm of 2, at every step."""
        return math.log(2)

    def chance(self, length: int) -> float:
        """1/2."""
        return 0.5

    @property
    def memoryless(self) -> bool:
        """Where each step is scored, the first bit is its own answer."""
        return self.ask == "last"

    def second(self, length: int) -> Line | None:
        """The best answer from the current bit alone, where each step is scored: it knows the first of all answers."""
        if self.ask == "last":
            return None
        answers = length + 1 if self.lengths == "fixed" else (length + 3) / 2
        unknown = 1 - 1 / answers
        return Line("current bit", "who sees the current bit alone", unknown * math.log(2), 1 - unknown / 2)

    def memory(self, length: int) -> Memory | None:
        """One bit; None where every step asks for the same again."""
        return Memory("bits", 1.0) if self.ask == "last" else None

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        x = np.zeros((n, self.total_steps(length)), dtype=np.uint8)
        x[:, :-1] = generator.integers(0, 2, (n, length))
        end = np.full((n, 1), length, dtype=np.int32)
        if self.lengths == "uniform":
            end = generator.integers(1, length + 1, (n, 1)).astype(np.int32)
        after = np.arange(x.shape[1]) - end
        x[after >= 0] = 0
        ones: Int32 = np.cumsum(x, axis=1, dtype=np.int32)
        y = ones & 1
        y[after > 0] = -1
        if self.ask == "last":
            y = np.take_along_axis(y, end, axis=1)
        x[after == 0] = 2
        return Split(x, y, at=end if self.readout == "some" else None)
