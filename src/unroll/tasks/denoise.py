"""The denoising problem: symbols are scattered among blanks, a cue asks for them in their order."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from unroll.streams.base import Generator
from unroll.tasks.base import Memory, Split
from unroll.tasks.symbols import Scattered


class Denoise(Scattered):
    r"""Symbols anywhere among blanks, a cue, and then the same symbols without the blanks.

    ::

        x  . 3 . . 7 . 1 . # . . .        M = 3 items, T = 6; . blank, # cue
        y  . . . . . . . . . 3 7 1        T + 2M = 12 steps, all of them scored

    ``items`` M symbols of ``symbols`` K kinds at different places, drawn for each sequence, among the first T + M - 1
    steps; one cue; then M blanks, at which the symbols are asked for. Tokens: blank 0, the symbols 1 ... K, the cue
    K + 1; classes: blank and symbols. An accuracy is of the last M steps. A symbol is to be kept for M + 1 to T + M
    steps.

    The best predictor with no memory knows where the answers begin, and guesses the symbols:

    .. math:: \text{baseline} = \frac{M \ln K}{T + 2M}

    A network that knows m of the M symbols and guesses the others has 1 - m/M of it. From Jing et al. (2019). In the
    authors' code the places are drawn with replacement, so that a symbol that is asked for may have been overwritten,
    and the cue has an id beyond the alphabet, so that the network reads zeros; here neither is so.
    """

    name = "denoise"
    in_a_sentence = "the denoising problem"
    summary = "symbols scattered among blanks, asked for in their order after a cue"
    version = "1"
    sources = ("jing2019gated",)
    pitfalls = (
        (
            "The authors' code draws places with replacement: in a fifth of the sequences of T = 200 a "
            "symbol that is asked for was overwritten."
        ),
        "There the cue has an id beyond the alphabet, so that the network reads zeros.",
    )

    symbols: Annotated[int, Field(ge=2, le=250)] = 9
    items: Annotated[int, Field(ge=1, le=1_000)] = 10

    @property
    def inputs(self) -> int:
        """Blank, symbols and cue."""
        return self.symbols + 2

    @property
    def outputs(self) -> int:
        """Blank and symbols."""
        return self.symbols + 1

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """Every step."""
        return "every"

    @property
    def notes(self) -> str:
        """How much is asked."""
        return f"{self.items} of {self.symbols} symbols"

    def total_steps(self, length: int) -> int:
        """The gap, and the symbols twice."""
        return length + 2 * self.items

    def baseline(self, length: int) -> float:
        """M ln K / (T + 2M)."""
        return self.items * math.log(self.symbols) / self.total_steps(length)

    def chance(self, length: int) -> float:
        """1/K."""
        return 1 / self.symbols

    def memory(self, length: int) -> Memory:
        """Symbols, at most M."""
        return Memory("symbols", float(self.items))

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        cue, steps = length + self.items - 1, self.total_steps(length)
        shown = generator.integers(1, self.symbols + 1, (n, self.items))
        places = np.sort(generator.distinct(n, cue, self.items), axis=1)
        x = np.zeros((n, steps), dtype=np.uint8)
        np.put_along_axis(x, places, shown.astype(np.uint8), axis=1)
        x[:, cue] = self.symbols + 1
        y = np.zeros((n, steps), dtype=np.int32)
        y[:, cue + 1 :] = shown
        asked = np.zeros((n, steps), dtype=bool)
        asked[:, cue + 1 :] = True
        return Split(x, y, asked=asked)
