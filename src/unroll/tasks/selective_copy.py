"""Selective copying: symbols are scattered among blanks, and asked for in their order."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from unroll.axes import Int64
from unroll.streams.base import Generator
from unroll.tasks.base import Memory, Split
from unroll.tasks.symbols import Scattered


class SelectiveCopy(Scattered):
    """Symbols anywhere among blanks, and at the end the same symbols again.

    ::

        x  . 3 . . 7 . . 1 . # # #        M = 3 items, T = 6 blanks; # cue
        y                    3 7 1        T + 2M = 12 steps, M of them scored

    ``items`` M symbols of ``symbols`` K kinds and T blanks, the length, in the first T + M steps; then M cues, at which
    the symbols are asked for in their order. Tokens: blank 0, the symbols 1 ... K, the cue K + 1; classes: blank and
    symbols. ``placement`` says where the symbols stand:

    ``random``
        at different places, drawn anew for each sequence: what is to be kept is known by what it is
    ``front``
        in the first M steps; this is the problem ``copy`` in the variant ``s4``
    ``spread``
        equally far apart, at the same places in every sequence: what is to be kept is known by when it comes

    The last two can be solved by a filter that does not look at what it reads, the first cannot: that is what the
    problem is for (Gu and Dao 2023, section 4.1). Theirs has 16 symbols of an alphabet of 16, of which the blank and
    the cue are two, so that 14 carry something: the defaults here.

    The best predictor with no memory guesses: the baseline is ln K, an accuracy 1/K. A network that knows m of
    the M symbols and guesses the others has 1 - m/M of it.
    """

    name = "selective_copy"
    title = "selective copy"
    in_a_sentence = "the selective copy problem"
    summary = "symbols scattered among blanks, asked for in their order at the end"
    version = "1"
    sources = ("gu2023mamba",)
    pitfalls = (
        "The alphabet of 16 includes the blank and the cue: 14 symbols carry something.",
        "MAD-lab inserts blanks before one of the symbols, so that the last one always stands just before the cue.",
        "What is called 4,096 is the number of blanks in one code, and the whole length in a text.",
    )

    symbols: Annotated[int, Field(ge=2, le=250)] = 14
    items: Annotated[int, Field(ge=1, le=1_000)] = 16
    placement: Literal["random", "front", "spread"] = "random"

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
        """The cues."""
        return "some"

    @property
    def notes(self) -> str:
        """What is asked, and where it stands."""
        return f"{self.items} of {self.symbols} symbols, placement {self.placement}"

    def total_steps(self, length: int) -> int:
        """The blanks, and the symbols twice."""
        return length + 2 * self.items

    def baseline(self, length: int) -> float:
        """The logarithm of K."""
        return math.log(self.symbols)

    def chance(self, length: int) -> float:
        """1/K."""
        return 1 / self.symbols

    def memory(self, length: int) -> Memory:
        """Symbols, at most M."""
        return Memory("symbols", float(self.items))

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        first = length + self.items
        shown = generator.integers(1, self.symbols + 1, (n, self.items))
        x = np.zeros((n, self.total_steps(length)), dtype=np.uint8)
        np.put_along_axis(x, self._places(generator, n, first), shown.astype(np.uint8), axis=1)
        x[:, first:] = self.symbols + 1
        at = np.broadcast_to(np.arange(first, x.shape[1], dtype=np.int32), shown.shape).copy()
        return Split(x, shown.astype(np.int32), at=at)

    def _places(self, generator: Generator, n: int, first: int) -> Int64:
        """Return the steps of the symbols among the first ones, rising, (n, M)."""
        if self.placement == "random":
            return np.sort(generator.distinct(n, first, self.items), axis=1)
        order = np.arange(self.items, dtype=np.int64)
        places = order if self.placement == "front" else order * first // self.items
        return np.broadcast_to(places, (n, self.items))
