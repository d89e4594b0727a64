"""The copy problem: symbols are shown, and asked for in their order after a gap."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from unroll.streams.base import Generator
from unroll.tasks.base import Memory, Split
from unroll.tasks.symbols import Scattered


class Copy(Scattered):
    r"""Symbols at the beginning, blanks, and at the end the same symbols again.

    ::

        x  3 7 1 . . . . . # . . .        M = 3 items, T = 6; . blank, # cue
        y  . . . . . . . . . 3 7 1        T + 2M = 12 steps

    ``items`` M symbols of ``symbols`` K kinds, then a gap of T steps, the length. Tokens: blank 0, the symbols 1 ... K,
    the cue K + 1; classes: blank and symbols. ``loss``: "all" scores every step, the blanks too, as the field does;
    "answers" only the last M. An accuracy is always of the last M. ``variant``, because the field has several:

    ``arjovsky``
        as drawn: T - 1 blanks, one cue, and the answers begin at the step after it (Arjovsky et al. 2016)
    ``exprnn``
        T blanks, one cue, and the answers begin at the cue itself: one step less to remember
    ``bai``
        as ``arjovsky``, but the cue is shown at each of the last M + 1 steps and the input is one real number, the id
        itself; K + 2 classes, of which the cue never occurs (Bai et al. 2018)
    ``s4``
        T blanks, M cues, and only the answers are scored

    The best predictor with no memory knows where the blanks are, and guesses the symbols:

    .. math:: \text{baseline} = \frac{M \ln K}{T + 2M}, \qquad\text{or } \ln K \text{ where only answers are scored}

    A network that knows m of the M symbols and guesses the others has 1 - m/M of it. The problem is a relative of
    those of Hochreiter and Schmidhuber (1997).
    """

    name = "copy"
    title = "copy"
    in_a_sentence = "the copy problem"
    summary = "symbols shown at the beginning and asked for, in their order, after a gap"
    version = "1"
    sources = ("hochreiter1997long", "arjovsky2016unitary", "bai2018empirical")
    pitfalls = (
        "An accuracy over all steps is near 1 for a network that remembers nothing: here it is of the answers alone.",
        "The TCN's code clips gradients before they are computed, and so never.",
        "Variants differ by a step of delay, by their length (JANET: T + 21), or have no blanks at all.",
    )

    symbols: Annotated[int, Field(ge=2, le=250)] = 8
    items: Annotated[int, Field(ge=1, le=1_000)] = 10
    variant: Literal["arjovsky", "exprnn", "bai", "s4"] = "arjovsky"
    loss: Literal["all", "answers"] = "all"

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.variant == "s4" and self.loss == "all":
            raise ValueError('the variant "s4" scores only the answers. Set task.loss = "answers" too')
        return self

    @property
    def tokens(self) -> bool:
        """Symbols by their ids, but for the variant that shows them as numbers."""
        return self.variant != "bai"

    @property
    def inputs(self) -> int:
        """Blank, symbols and cue; of ``bai`` one number."""
        return self.symbols + 2 if self.tokens else 1

    @property
    def outputs(self) -> int:
        """Blank and symbols; of ``bai`` the cue too."""
        return self.symbols + 1 if self.tokens else self.symbols + 2

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """Every step, or the answers."""
        return "every" if self.loss == "all" else "some"

    @property
    def notes(self) -> str:
        """The variant, and how much is asked."""
        scored = "" if self.loss == "all" else ", only answers scored"
        return f"{self.items} of {self.symbols} symbols, variant {self.variant}{scored}"

    def total_steps(self, length: int) -> int:
        """The gap, and the symbols twice."""
        return length + 2 * self.items

    def baseline(self, length: int) -> float:
        """M ln K / (T + 2M), or ln K where only the answers are scored."""
        guessing = math.log(self.symbols)
        return guessing if self.loss == "answers" else self.items * guessing / self.total_steps(length)

    def chance(self, length: int) -> float:
        """1/K."""
        return 1 / self.symbols

    def memory(self, length: int) -> Memory:
        """Symbols, at most M."""
        return Memory("symbols", float(self.items))

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        last = self.total_steps(length) - self.items
        shown = generator.integers(1, self.symbols + 1, (n, self.items))
        x = np.zeros((n, self.total_steps(length)), dtype=np.uint8)
        x[:, : self.items] = shown
        cues = {
            "arjovsky": slice(last - 1, last),
            "exprnn": slice(last, last + 1),
            "bai": slice(last - 1, None),
            "s4": slice(last, None),
        }
        x[:, cues[self.variant]] = self.symbols + 1
        seen = x if self.tokens else x[:, :, None].astype(np.float32)
        if self.loss == "answers":
            at = np.broadcast_to(np.arange(last, self.total_steps(length), dtype=np.int32), shown.shape).copy()
            return Split(seen, shown.astype(np.int32), at=at)
        y = np.zeros(x.shape, dtype=np.int32)
        y[:, last:] = shown
        asked = np.zeros(x.shape, dtype=bool)
        asked[:, last:] = True
        return Split(seen, y, asked=asked)
