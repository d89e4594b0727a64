"""Temporal order: which of two symbols came first, second, third, among others that mean nothing."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from unroll.streams.base import Generator
from unroll.tasks.base import Memory, Split
from unroll.tasks.symbols import Symbols

X, Y, DISTRACTORS, START, END = 0, 1, 2, 6, 7
"""The ids of the relevant symbols, of the first of four distractors, and of the start and the end."""
SIGNS = "XYabcdEB"


class Order(Symbols):
    """The order of a few relevant symbols among many others.

    ::

        x  E d b X a c d Y c B        y at the end: XY

    Two (``relevant = 2``) or three steps hold one of the relevant symbols X and Y, all others one of four distractors;
    at the end the class is asked for: XX 0, XY 1, YX 2, YY 3, and so on of three. Tokens: X 0, Y 1, the distractors
    2 ... 5, the start E 6, the end B 7. ``variant``:

    ``hs97``
        a start, an end, and from T to 1.1 T steps, drawn for each sequence; with T = 100 the relevant steps are drawn
        from 10 ... 20 and 50 ... 60, of three from 10 ... 20, 33 ... 43 and 66 ... 76, counted from 0, both bounds
        included, and in proportion with other T. Tasks 6a and 6b of Hochreiter and Schmidhuber (1997)
    ``pascanu13``
        no start and no end, T steps; the relevant steps are among the T/10 from T/10 and T/2 on, of three from T/10,
        3T/10 and 6T/10 on, as in the code of Pascanu et al. (2013), of which a comment says 1 ... T/10

    The best predictor with no memory guesses: the baseline is ln 4 or ln 8, an accuracy 1/4 or 1/8. Two or
    three bits are to be kept, and their order, for about half of the sequence.
    """

    name = "order"
    title = "temporal order"
    in_a_sentence = "the temporal order problem"
    summary = "the order of two or three relevant symbols among distractors"
    version = "1"
    sources = ("hochreiter1997long", "pascanu2013difficulty")
    pitfalls = ("Pascanu's documentation puts the first symbol into [1, L/10], the code into [0.1 L, 0.2 L).",)

    relevant: Literal[2, 3] = 2
    variant: Literal["hs97", "pascanu13"] = "hs97"

    @property
    def inputs(self) -> int:
        """Relevant symbols and distractors; of ``hs97`` start and end too."""
        return END + 1 if self.variant == "hs97" else START

    @property
    def outputs(self) -> int:
        """A class for each order."""
        return int(2**self.relevant)

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """The end of each sequence."""
        return "some" if self.variant == "hs97" else "last"

    def written(self, token: int) -> str:
        """See Task."""
        return SIGNS[token]

    def written_answer(self, place: int) -> str:
        """See Task: the relevant symbols in their order."""
        return "".join("XY"[place >> shift & 1] for shift in reversed(range(self.relevant)))

    @property
    def notes(self) -> str:
        """The variant, and how many symbols are relevant."""
        return f"{self.relevant} relevant symbols, variant {self.variant}"

    def total_steps(self, length: int) -> int:
        """The longest sequence."""
        return length + length // 10 if self.variant == "hs97" else length

    def baseline(self, length: int) -> float:
        """The logarithm of the number of classes."""
        return math.log(self.outputs)

    def chance(self, length: int) -> float:
        """One in as many classes."""
        return 1 / self.outputs

    def memory(self, length: int) -> Memory:
        """A bit a relevant symbol."""
        return Memory("bits", float(self.relevant))

    def check_length(self, length: int) -> None:
        """The relevant steps are drawn from tenths of the length."""
        if length < 10:
            raise ValueError(f"{length} is too short: the relevant steps are drawn from tenths; at least 10")

    def ranges(self, length: int) -> list[tuple[int, int]]:
        """Return the first step and the one after the last that each relevant symbol may stand at."""
        if self.variant == "hs97":
            bounds = [(10, 20), (50, 60)] if self.relevant == 2 else [(10, 20), (33, 43), (66, 76)]
            return [(low * length // 100, high * length // 100 + 1) for low, high in bounds]
        tenths = (1, 5) if self.relevant == 2 else (1, 3, 6)
        return [(tenth * length // 10, tenth * length // 10 + length // 10) for tenth in tenths]

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        steps = self.total_steps(length)
        x = generator.integers(DISTRACTORS, START, (n, steps)).astype(np.uint8)
        shown = generator.integers(X, Y + 1, (n, self.relevant))
        places = np.concatenate([generator.integers(*bounds, (n, 1)) for bounds in self.ranges(length)], axis=1)
        np.put_along_axis(x, places, shown.astype(np.uint8), axis=1)
        y = np.zeros((n, 1), dtype=np.int32)
        for symbol in shown.T:
            y = 2 * y + symbol[:, None].astype(np.int32)
        if self.variant == "pascanu13":
            return Split(x, y)
        end = generator.integers(length - 1, steps, (n, 1)).astype(np.int32)
        after = np.arange(steps) - end
        x[:, 0] = START
        x[after == 0] = END
        x[after > 0] = 0
        return Split(x, y, at=end)
