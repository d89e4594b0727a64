"""The flip-flop language: a bit is written, others are to be ignored, and it is read."""

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from unroll.streams import Generator
from unroll.tasks import Criterion, Split, Task

WRITE, IGNORE, READ, ZERO, ONE = range(5)


class FlipFlop(Task):
    """One bit of memory that is written again and again, among bits that must not be (Liu et al. 2023).

    ::

        x        w  1  i  0  i  0  r  1  w  0  i  1  r  0
        y        .  .  .  .  .  .  1  .  .  .  .  .  0  .      at each r: the bit that was written last
        asked                                       *          the last one

    A sequence has T symbols, T even: instructions (w write, i ignore, r read), each with a bit. The first is w, the
    last r; each one between is i by ``ignored``, and else w or r, as likely. Bits are random, but the one after r: that
    is the bit which was read.

    x: the symbols' ids 0, ..., 4, (N, T). y: at each r the bit, as class 0 or 1, and -1 where nothing is asked, (N, T).
    All r are scored; an accuracy is told of the last one alone, which every sequence has.

    Baseline: a predictor with no memory finds either bit as likely at any r: ln 2 = 0.693 nats, and a chance of 1/2.
    One bit is all there is to remember at any time, but it is asked for many times, so no amount is told.
    """

    name = "flip_flop"
    title = "flip-flop"
    in_a_sentence = "the flip-flop language"
    summary = "the bit that was written last, among bits to be ignored"
    tags = ("classification", "long-term memory")
    sources = ("liu2023exposing",)
    references = "references.bib"  # beside this module
    objective = "cross_entropy"

    ignored: Annotated[float, Field(ge=0, lt=1)] = 0.8

    @property
    def tokens(self) -> bool:
        """Symbols, by their ids."""
        return True

    @property
    def inputs(self) -> int:
        """Three instructions and two bits."""
        return 5

    @property
    def outputs(self) -> int:
        """Two bits."""
        return 2

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """Every step has its place in y; which ones are scored differs from sequence to sequence."""
        return "every"

    @property
    def solved(self) -> Criterion:
        """More than 99 % of the last bits right."""
        return Criterion("test_accuracy", above=0.99)

    @property
    def notes(self) -> str:
        """How much disturbs."""
        return f"{self.ignored:.0%} ignored"

    def baseline(self, length: int) -> float:
        """Return ln 2, at every length; derived above."""
        return math.log(2)

    def chance(self, length: int) -> float:
        """1/2."""
        return 0.5

    def check_length(self, length: int) -> None:
        """A bit that is written, and read: four symbols; and instructions have a bit each."""
        if length < 4:
            raise ValueError(f"{length} is too short: a bit that is written and one that is read need 4 symbols")
        if length % 2:
            raise ValueError(f"{length} is odd: each instruction has a bit, so {length - 1} or {length + 1}")

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences from this stream, and from nothing else."""
        chosen = generator.uniform(0.0, 1.0, (n, length // 2))
        write = chosen < (1 - self.ignored) / 2
        read = chosen >= (1 + self.ignored) / 2
        write[:, 0], read[:, 0] = True, False
        write[:, -1], read[:, -1] = False, True
        bits = generator.integers(0, 2, (n, length // 2))
        # Where the last write was: its instruction's number is the largest so far.
        written = np.maximum.accumulate(np.where(write, np.arange(length // 2), 0), axis=1)
        held = np.take_along_axis(bits, written, axis=1)
        x = np.empty((n, length), dtype=np.uint8)
        x[:, 0::2] = np.where(write, WRITE, np.where(read, READ, IGNORE))
        x[:, 1::2] = np.where(read, held, bits) + ZERO
        y = np.full((n, length), -1, dtype=np.int32)
        y[:, 0::2] = np.where(read, held, -1)
        asked = np.zeros((n, length), dtype=bool)
        asked[:, -2] = True
        return Split(x, y, asked=asked)
