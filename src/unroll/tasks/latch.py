"""The latch problem: a sequence begins with one of two signs, and at its end it is asked which."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from unroll.axes import Float64, Int64
from unroll.streams.base import Generator
from unroll.tasks.base import Criterion, Memory, Split
from unroll.tasks.symbols import Symbols, lettered

DEVIATION = math.sqrt(0.2)
"""The noise has a variance of 0.2; the paper names variances, not deviations."""

LONGEST_TAIL = 100
"""Of ``2c``: a sequence gets its trigger at the latest so many steps after the first T distractors."""

DISTRACTORS = 98


class Latch(Symbols):
    r"""One bit, shown at the beginning and asked for at the end.

    ::

        symbol   X q b k f ... c          -> X
        2c       B X q b k f ... c E      -> X
        value    +1 -0.3 0.6 0.1 ...      -> class 1
        noisy    +1.2 -0.3 0.6 0.1 ...    -> class 1

    ``kind`` chooses among the experiments 2 and 3 of Hochreiter and Schmidhuber (1997):

    ``symbol``
        task 2b: one of two signs, then T - 1 of ``distractors`` other symbols, at random; tokens, T steps. With 98
        distractors these are the sequences of Pascanu et al. (2013), who call them permutation
    ``2c``
        a beginning B, one of two signs, T distractors; then at each further step the trigger E, by 1/10, or one
        distractor more; asked at E. Here a hundred distractors more are the most, one sequence in 37,000 has as many
    ``value``
        task 3a, the two-sequence problem of Bengio et al. (1994): numbers, the first ``informative`` (1 or 3) of them 1
        or -1, all others noise of mean 0 and variance 0.2; T to T + T/10 steps, each length as likely
    ``noisy``
        task 3b: the same noise on the informative numbers too

    Tokens: the signs 0 and 1, of ``2c`` then B and E, and the distractors. x: (N, T), or (N, T, 1); two classes, asked
    once. Both are equally likely: baseline ln 2, chance 1/2. The most that can be remembered is 1 bit.

    In ``noisy`` with one informative number its sign is all there is, and the noise turns it by 1.3 %: nobody has an
    accuracy above :math:`\Phi(1/\sqrt{0.2})` = 98.7 %; Hochreiter and Schmidhuber print 1.5 % of errors.
    ``value`` is solved by guessing weights at random, as they show.
    """

    name = "latch"
    title = "latch"
    in_a_sentence = "the latch problem"
    summary = "one of two signs at the beginning, asked for at the end"
    version = "1"
    sources = ("bengio1994learning", "hochreiter1997long", "pascanu2013difficulty")
    pitfalls = (
        "The variance of the noise is 0.2, not its standard deviation.",
        "In noisy with one informative number nobody can be better than 98.7 %.",
        "The kind value is solved by guessing weights at random.",
    )

    kind: Literal["symbol", "2c", "value", "noisy"] = "symbol"
    distractors: Annotated[int, Field(ge=1, le=100_000)] = DISTRACTORS
    informative: Literal[1, 3] = 1

    @model_validator(mode="after")
    def _read(self) -> Self:
        if not self.tokens and self.distractors != DISTRACTORS:
            raise ValueError(f'the kind "{self.kind}" has no distractors: its noise is numbers. Leave them out')
        if self.tokens and self.informative != 1:
            raise ValueError(f'the kind "{self.kind}" shows its sign once. Leave informative out')
        return self

    @property
    def tokens(self) -> bool:
        """Symbols, or numbers."""
        return self.kind in ("symbol", "2c")

    @property
    def inputs(self) -> int:
        """Two signs, the marks of ``2c``, and the distractors; or one number."""
        return {"symbol": 2 + self.distractors, "2c": 4 + self.distractors}.get(self.kind, 1)

    @property
    def outputs(self) -> int:
        """Two classes."""
        return 2

    @property
    def readout(self) -> Literal["last", "some"]:
        """At the end, which differs from sequence to sequence but for ``symbol``."""
        return "last" if self.kind == "symbol" else "some"

    @property
    def solved(self) -> Criterion:
        """More than 99 % right; 98 % where noise on the only informative number allows 98.7 %."""
        unsure = self.kind == "noisy" and self.informative == 1
        return Criterion("test_accuracy", above=0.98 if unsure else 0.99)

    def written(self, token: int) -> str:
        """See Task: X and Y, of ``2c`` B and E, and letters for the distractors as far as they go."""
        marks = ("X", "Y", "B", "E")[: 4 if self.kind == "2c" else 2]
        return marks[token] if token < len(marks) else lettered(token - len(marks), self.distractors)

    def written_answer(self, place: int) -> str:
        """See Task: the sign."""
        return "XY"[place] if self.tokens else "-+"[place]

    @property
    def notes(self) -> str:
        """The kind, and how much disturbs."""
        if self.tokens:
            return f"kind {self.kind}, {self.distractors} distractors"
        return f"kind {self.kind}, the first {self.informative} informative"

    def total_steps(self, length: int) -> int:
        """The length, with the marks and the longest tail of ``2c``, or a tenth more."""
        return length + {"symbol": 0, "2c": 3 + LONGEST_TAIL}.get(self.kind, length // 10)

    def check_length(self, length: int) -> None:
        """What is informative must fit in."""
        super().check_length(length)
        if length < self.informative:
            raise ValueError(f"{length} is too short for {self.informative} informative steps")

    def baseline(self, length: int) -> float:
        """Return ln 2."""
        return math.log(2)

    def chance(self, length: int) -> float:
        """1/2."""
        return 0.5

    def memory(self, length: int) -> Memory:
        """One bit."""
        return Memory("bits", 1.0)

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        sign = generator.integers(0, 2, (n,))
        y = sign[:, None].astype(np.int32)
        if self.kind == "symbol":
            x = self._distractors(generator, n, length, 2)
            x[:, 0] = sign
            return Split(x, y)
        steps = np.arange(self.total_steps(length))
        if self.kind == "2c":
            end = length + 2 + self._tail(generator, n)
            x = self._distractors(generator, n, len(steps), 4)
            x[:, 0] = 2
            x[:, 1] = sign
            x[np.arange(n), end] = 3
            x[steps > end[:, None]] = 0
            return Split(x, y, at=end[:, None].astype(np.int32))
        end = generator.integers(length, self.total_steps(length) + 1, (n,)) - 1
        numbers = DEVIATION * generator.normal((n, len(steps)))
        shown = numbers[:, : self.informative]
        shown *= self.kind == "noisy"
        shown += 2.0 * sign[:, None] - 1.0
        numbers[steps > end[:, None]] = 0.0
        return Split(numbers[:, :, None].astype(np.float32), y, at=end[:, None].astype(np.int32))

    def _distractors(self, generator: Generator, n: int, steps: int, first: int) -> np.ndarray:
        kind = np.uint8 if self.inputs <= 256 else np.int32
        return generator.integers(first, self.inputs, (n, steps)).astype(kind)

    def _tail(self, generator: Generator, n: int) -> Int64:
        """Return how many distractors come after the first T: none by 1/10, and so on, ``LONGEST_TAIL`` at most."""
        remaining = [1.0]
        for _ in range(LONGEST_TAIL):
            remaining.append(remaining[-1] * 0.9)
        until: Float64 = 1.0 - np.array(remaining[1:])
        return np.searchsorted(until, generator.uniform(0.0, 1.0, (n,)), side="right").astype(np.int64)
