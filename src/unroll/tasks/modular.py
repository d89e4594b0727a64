"""Modular arithmetic: what an expression of small numbers comes to."""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unroll.axes import Float64, Int32
from unroll.streams.base import Generator
from unroll.tasks.base import Memory, Split
from unroll.tasks.symbols import Symbols

OPERATORS = "+-*"


class Modular(Symbols):
    """The value of an expression, modulo a small number.

    ::

        x  2 + 3 * 4 - 1 #        T = 7 symbols, then the end #
        y                3        2 + 12 - 1 = 13, modulo 5

    (T + 1)/2 random numbers below ``modulus`` m with random ``operators`` between them, T symbols in all, an odd
    length; with ``lengths = "uniform"`` a number of numbers drawn from 1 ... (T + 1)/2 for each sequence. Then the end,
    at which the value is asked for. A product goes before a sum. Tokens: the numbers 0 ... m - 1, then +, -, * and the
    end, and zeros after it; classes: the numbers. To work it out from left to right two numbers below m are to be kept:
    the sum so far and the term that may still be multiplied.

    Numbers and operators are uniform, but products of few numbers are 0 more often than others, so the best predictor
    with no memory answers with the distribution of the value: its entropy is the baseline, found exactly by
    going through all sums and terms, symbol by symbol. With m = 5 and all operators it is 1.6064 with three numbers and
    ln 5 = 1.6094 with ten. Where lengths are drawn, the distribution is the mean over them: the predictor knows that it
    is asked, and not after how many symbols. From Deletang et al. (2023), who make an even length odd; here it is
    refused.
    """

    name = "modular"
    title = "modular arithmetic"
    in_a_sentence = "modular arithmetic"
    summary = "the value of an expression, modulo a small number"
    version = "1"
    tags = ("classification", "formal languages")
    sources = ("deletang2023neural",)
    pitfalls = (
        "An even length grows by one in the paper and shrinks by one in its code.",
        "That code's list of operators is empty after the first use.",
    )

    modulus: Annotated[int, Field(ge=2, le=100)] = 5
    operators: Literal["+", "-", "*", "+-", "+*", "-*", "+-*"] = "+-*"
    lengths: Literal["fixed", "uniform"] = "fixed"

    @property
    def inputs(self) -> int:
        """Numbers, three operators and the end."""
        return self.modulus + len(OPERATORS) + 1

    @property
    def outputs(self) -> int:
        """The numbers."""
        return self.modulus

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """The end."""
        return "last" if self.lengths == "fixed" else "some"

    def written(self, token: int) -> str:
        """See Task: numbers, operators, # for the end."""
        return str(token) if token < self.modulus else f"{OPERATORS}#"[token - self.modulus]

    @property
    def notes(self) -> str:
        """What is calculated."""
        drawn = "" if self.lengths == "fixed" else ", lengths drawn from 1 to T"
        return f"modulo {self.modulus}, operators {' '.join(self.operators)}{drawn}"

    def total_steps(self, length: int) -> int:
        """The expression and the end."""
        return length + 1

    def answers(self, length: int) -> Float64:
        """Return how probable each answer is, (m,)."""
        laws = _laws(self.modulus, self.operators, (length + 1) // 2)
        mean: Float64 = laws.mean(axis=0)
        return mean if self.lengths == "uniform" else laws[-1]

    def baseline(self, length: int) -> float:
        """The entropy of the answer."""
        known = self.answers(length)
        return -math.fsum(p * math.log(p) for p in known.tolist() if p)

    def chance(self, length: int) -> float:
        """The share of the most frequent answer."""
        return float(self.answers(length).max())

    def memory(self, length: int) -> Memory:
        """Bits of the answer."""
        return Memory("bits", self.baseline(length) / math.log(2))

    def check_length(self, length: int) -> None:
        """An expression has an odd number of symbols."""
        if length < 1 or length % 2 == 0:
            raise ValueError(f"an expression does not have {length} symbols; an odd number, at least 1")

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        numbers = generator.integers(0, self.modulus, (n, (length + 1) // 2)).astype(np.int32)
        kinds = np.array([OPERATORS.index(operator) for operator in self.operators], dtype=np.uint8)
        operators = kinds[generator.integers(0, len(kinds), (n, length // 2))]
        x = np.zeros((n, length + 1), dtype=np.uint8)
        x[:, :length:2] = numbers
        x[:, 1:length:2] = self.modulus + operators
        end = np.full((n, 1), length, dtype=np.int32)
        if self.lengths == "uniform":
            end = 2 * generator.integers(1, numbers.shape[1] + 1, (n, 1)).astype(np.int32) - 1
        y = np.take_along_axis(self._values(numbers, operators), end // 2, axis=1)
        after = np.arange(length + 1) - end
        x[after == 0] = self.inputs - 1
        x[after > 0] = 0
        return Split(x, y, at=end if self.readout == "some" else None)

    def _values(self, numbers: Int32, operators: NDArray[np.uint8]) -> Int32:
        """Return the value of the expression up to each number, (N, (T + 1)/2)."""
        values = numbers.copy()
        total, term = np.zeros_like(numbers[:, 0]), numbers[:, 0]
        for k, operator in enumerate(operators.T, start=1):
            number = numbers[:, k]
            times = operator == OPERATORS.index("*")
            total = np.where(times, total, total + term) % self.modulus
            signed = np.where(operator == OPERATORS.index("-"), -number, number)
            term = np.where(times, term * number, signed) % self.modulus
            values[:, k] = (total + term) % self.modulus
        return values


@cache
def _laws(modulus: int, operators: str, numbers: int) -> Float64:
    """Return the distributions of the values of expressions of 1, 2, ... numbers, (numbers, m).

    Goes through the joint distribution of the sum of all terms but the last, and the last term, which the next number
    multiplies or becomes; whether it is added or subtracted, a uniform number stays one.
    """
    every = np.arange(modulus)
    products = np.zeros((modulus, modulus))  # from a term to the term times a uniform number
    np.add.at(products, (every[:, None], np.outer(every, every) % modulus), 1 / modulus)
    times = operators.count("*") / len(operators)
    joint = np.zeros((modulus, modulus))
    joint[0] = 1 / modulus
    laws = []
    for _ in range(numbers):
        law = np.array([joint[(value - every) % modulus, every].sum() for value in every])
        laws.append(law)
        joint = times * joint @ products + (1 - times) * np.outer(law, np.full(modulus, 1 / modulus))
    return np.array(laws)
