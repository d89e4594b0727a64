"""Induction: what came after the trigger is asked for when the trigger comes again."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from unroll.streams.base import Generator
from unroll.tasks.base import Memory, Split
from unroll.tasks.symbols import Symbols, lettered


class Induction(Symbols):
    """Random symbols, a trigger among them; at the end the trigger again, and the symbol that came after it.

    ::

        x  c a ! d b b a !        T = 8 steps; ! the trigger
        y                d        the symbol after the first one

    T steps, the length, of random symbols of ``symbols`` K kinds; the trigger stands at one of the steps 1 ... T - 2,
    all equally likely, and at the last, nowhere else. Tokens: the symbols 0 ... K - 1, the trigger K; classes: the
    symbols. One symbol is to be kept for up to T - 2 steps, and what it is to be kept for is known by the trigger
    before it alone.

    The best predictor with no memory guesses: the baseline is ln K, an accuracy 1/K. What induction heads of
    Transformers do, as a task for recurrent models (Dao et al. 2023; Gu and Dao 2023, section 4.1, who train at T = 256
    and test at other lengths). The former put more than one trigger into half of their sequences; here one always
    decides.
    """

    name = "induction"
    title = "induction"
    in_a_sentence = "the induction problem"
    summary = "the symbol that came after the trigger, asked for when the trigger comes again"
    version = "1"
    sources = ("dao2023hungry", "gu2023mamba")
    pitfalls = (
        "In the source's code half of the sequences have several triggers, and every token is trained on.",
        "A training accuracy of 1 over all tokens says that a model looks ahead.",
    )

    symbols: Annotated[int, Field(ge=2, le=255)] = 15

    @property
    def inputs(self) -> int:
        """Symbols and trigger."""
        return self.symbols + 1

    @property
    def outputs(self) -> int:
        """The symbols."""
        return self.symbols

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """The second trigger is at the end."""
        return "last"

    def written(self, token: int) -> str:
        """See Task: letters as far as they go, and ! for the trigger."""
        return "!" if token == self.symbols else self.written_answer(token)

    def written_answer(self, place: int) -> str:
        """See Task: the same letters."""
        return lettered(place, self.symbols)

    @property
    def notes(self) -> str:
        """How many symbols there are."""
        return f"{self.symbols} symbols and a trigger"

    def baseline(self, length: int) -> float:
        """The logarithm of K."""
        return math.log(self.symbols)

    def chance(self, length: int) -> float:
        """1/K."""
        return 1 / self.symbols

    def memory(self, length: int) -> Memory:
        """Bits of one symbol."""
        return Memory("bits", math.log2(self.symbols))

    def check_length(self, length: int) -> None:
        """Two triggers and what is between them."""
        if length < 3:
            raise ValueError(f"{length} is too short: two triggers and a symbol between them need at least 3 steps")

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        x = generator.integers(0, self.symbols, (n, length)).astype(np.uint8)
        trigger = generator.integers(0, length - 2, (n, 1))
        np.put_along_axis(x, trigger, self.symbols, axis=1)
        x[:, -1] = self.symbols
        return Split(x, np.take_along_axis(x, trigger + 1, axis=1).astype(np.int32))
