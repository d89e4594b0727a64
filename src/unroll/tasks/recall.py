"""Associative recall: pairs of a key and a value are shown, and the values of keys are asked for."""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from unroll.axes import Float64, Int64
from unroll.declarations import Line
from unroll.exact import logarithm
from unroll.streams.base import Generator
from unroll.tasks.base import NOTHING, Memory, Split
from unroll.tasks.symbols import Symbols

POWER = 0.01
"""The exponent of the law by which queries stand near the pairs."""
SMALLEST = 2.0**-54
"""What stands in for a wait of 0, which has no logarithm: half of the shortest that is none."""
Alphabet = Annotated[int, Field(ge=2, le=100_000)]


class Recall(Symbols):
    r"""Keys with their values, and later keys whose values are asked for.

    ::

        one    k3 v8 k1 v5 k7 v2 ? ? k1              P = 3 pairs, T = 2
                                     v5              at the last of 2P + T + 1 steps
        many   k3 v8 k1 v5 . . k1 . . . k3 .         P = 2 pairs, T = 12 steps
                               v5       v8           at each query

    ``pairs`` P pairs of different keys, of ``keys`` kinds, with a value each, of ``values`` V kinds. Tokens: 0 for what
    is no symbol, the keys, the values; classes: the values. ``queries``:

    ``one``
        T steps that say nothing, the length, then one of the P keys, all equally likely. Values may occur twice. In Ba
        et al. (2016) T = 2
    ``many``
        T steps in all, the length, an even number: after the pairs the keys come once more each, every one in a slot of
        two steps of its own, its value is asked for at its own step, and the values of a sequence are different. With
        ``gap = "power"`` the slot i = 1, 2, ... is drawn with a weight of :math:`i^{0.01 - 1}`, first key first, among
        those left, so that most queries come soon; with "uniform" all slots are alike. ``fill`` says what stands
        between the queries: "blank", or "random", any symbol that is no key of the sequence, so that nothing looks like
        a query that is none (in the source's code fillers may be such keys). In Arora et al. (2024) keys = 4095,
        values = 4096, of 64 to 512 steps; their readout is over the whole alphabet

    The best predictor with no memory guesses: the baseline is ln V, an accuracy 1/V.

    **A second line matters**: a network that keeps a bag of the values, and not which belongs to which key, is far
    better than that. With many queries it has ln P and an accuracy of 1/P. With one query, of which the value occurs
    another k times with the chance of a binomial number,

    .. math:: \text{bag} = \sum_{k=0}^{P-1} \binom{P-1}{k} \frac{(V-1)^{P-1-k}}{V^{P-1}} \ln \frac{P}{k+1},

    1.187 nats and an accuracy of 0.384 for the defaults. What a table says of this task says that too: only what is
    better than the bag has bound values to keys. For the same reason a loss is read in bits, those that are known of an
    answer, at least, and not in pairs: of 4 pairs the bag alone would make 1.9.
    """

    name = "recall"
    title = "recall"
    in_a_sentence = "associative recall"
    summary = "the values of keys, asked for by their keys"
    version = "1"
    sources = ("arora2024zoology", "ba2016using")
    pitfalls = (
        "A network that keeps the values and not their keys is far better than chance: see the second line.",
        "Where fillers are drawn freely they may be keys of the sequence, and look like queries that nobody scores.",
        "Code that trains on all next tokens has a training loss that no memory can lower.",
        "Published results stop early on the test set.",
    )

    queries: Literal["one", "many"] = "one"
    pairs: Annotated[int, Field(ge=1, le=250)] = 4
    keys: Alphabet = 26
    values: Alphabet = 10
    gap: Literal["power", "uniform"] = "power"
    fill: Literal["blank", "random"] = "blank"

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.pairs > self.keys:
            raise ValueError(f"{self.pairs} pairs need as many different keys. Set task.keys to at least {self.pairs}")
        if self.queries == "many" and self.pairs > self.values:
            raise ValueError(
                f"with many queries, {self.pairs} pairs need as many different values. "
                f"Set task.values to at least {self.pairs}"
            )
        if self.queries == "one" and (self.gap, self.fill) != ("power", "blank"):
            raise ValueError('task.gap and task.fill belong to many queries. Set task.queries = "many" too')
        return self

    @property
    def inputs(self) -> int:
        """Nothing, keys and values."""
        return 1 + self.keys + self.values

    @property
    def outputs(self) -> int:
        """The values."""
        return self.values

    @property
    def readout(self) -> Literal["last", "every", "some"]:
        """The query at the end, or the queries."""
        return "last" if self.queries == "one" else "some"

    def written(self, token: int) -> str:
        """See Task: k3 for a key, v8 for a value, ? before the one query."""
        if token == 0:
            return "?" if self.queries == "one" else NOTHING
        return f"k{token - 1}" if token <= self.keys else self.written_answer(token - 1 - self.keys)

    def written_answer(self, place: int) -> str:
        """See Task: a value."""
        return f"v{place}"

    @property
    def notes(self) -> str:
        """How many pairs and queries."""
        asked = "one query" if self.queries == "one" else f"a query a pair, gap {self.gap}, fill {self.fill}"
        return f"{self.pairs} pairs of {self.keys} keys and {self.values} values, {asked}"

    def total_steps(self, length: int) -> int:
        """The pairs, the gap and the query, or the length."""
        return 2 * self.pairs + length + 1 if self.queries == "one" else length

    def baseline(self, length: int) -> float:
        """The logarithm of V."""
        return math.log(self.values)

    def chance(self, length: int) -> float:
        """1/V."""
        return 1 / self.values

    def bag(self) -> tuple[float, float]:
        """Return the loss and the accuracy of who knows which values there are, but not which key has which."""
        p, v = self.pairs, self.values
        if self.queries == "many":
            return math.log(p), 1 / p
        others = [math.comb(p - 1, k) * (v - 1) ** (p - 1 - k) / v ** (p - 1) for k in range(p)]
        loss = math.fsum(chance * math.log(p / (k + 1)) for k, chance in enumerate(others))
        return loss, _most_frequent(p, v) / p

    def second(self, length: int) -> Line:
        """The bag of values."""
        loss, accuracy = self.bag()
        return Line("bag", "who knows which values there are, but not which key has which", loss, accuracy)

    def memory(self, length: int) -> Memory:
        """Bits of an answer."""
        return Memory("bits", math.log2(self.values))

    def check_length(self, length: int) -> None:
        """With many queries an even number of steps, with a slot for each."""
        super().check_length(length)
        if self.queries == "many" and (length % 2 or length < 4 * self.pairs):
            least = 4 * self.pairs
            raise ValueError(
                f"{length} steps do not do for {self.pairs} pairs and their queries; {least}, or more, even"
            )

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        shown = 2 * self.pairs
        x = np.zeros((n, self.total_steps(length)), dtype=np.uint8 if self.inputs <= 256 else np.int32)
        keys = 1 + generator.distinct(n, self.keys, self.pairs)
        if self.queries == "one":
            values = generator.integers(0, self.values, (n, self.pairs))
        else:
            values = generator.distinct(n, self.values, self.pairs)
        x[:, :shown:2] = keys
        x[:, 1:shown:2] = 1 + self.keys + values
        if self.queries == "one":
            pair = generator.integers(0, self.pairs, (n, 1))
            x[:, -1:] = np.take_along_axis(keys, pair, axis=1)
            return Split(x, np.take_along_axis(values, pair, axis=1).astype(np.int32))
        at = shown + 2 * self._slots(generator, n, (length - shown) // 2)
        if self.fill == "random":
            x[:, shown:] = self._fillers(generator, keys, length - shown)
        np.put_along_axis(x, at, keys.astype(x.dtype), axis=1)
        order = np.argsort(at, axis=1)
        asked, answers = (np.take_along_axis(one, order, axis=1).astype(np.int32) for one in (at, values))
        return Split(x, answers, at=asked)

    def _slots(self, generator: Generator, n: int, slots: int) -> Int64:
        """Return the slot of each key's query, (n, P): drawn one after the other by their weights, without replacement.

        That is the order of exponential numbers, each divided by the weight of its slot, and so of the logarithms of
        these quotients.
        """
        if self.gap == "uniform":
            return generator.distinct(n, slots, self.pairs)
        exponential = -logarithm(1.0 - generator.uniform(0.0, 1.0, (n, slots)))
        waits = logarithm(np.maximum(exponential, SMALLEST)) + (1 - POWER) * logarithm(np.arange(1.0, slots + 1))
        first = np.argpartition(waits, self.pairs - 1, axis=1)[:, : self.pairs]
        order = np.argsort(np.take_along_axis(waits, first, axis=1), axis=1)
        return np.take_along_axis(first, order, axis=1)

    def _fillers(self, generator: Generator, keys: Int64, steps: int) -> Int64:
        """Return symbols that are no keys of their sequences, (n, steps): counted without those keys."""
        drawn = generator.integers(1, self.inputs - self.pairs, (len(keys), steps))
        for key in np.sort(keys, axis=1).T:
            drawn += drawn >= key[:, None]
        return drawn


@cache
def _most_frequent(p: int, v: int) -> float:
    """Return how often, on average, the most frequent of v values occurs among p draws.

    Numbers of occurrences that follow Poisson laws of mean p/v, under the condition that they add up to p, are those of
    p draws. So the chance that none is more than m is a term of the v-th power of a law that is cut after m, divided by
    that of their sum.
    """
    law = np.exp([k * math.log(p / v) - p / v - math.lgamma(k + 1) for k in range(p + 1)])
    whole = math.exp(p * math.log(p) - p - math.lgamma(p + 1))
    return math.fsum(1 - _power(np.where(np.arange(p + 1) <= most, law, 0.0), v)[p] / whole for most in range(p))


def _power(law: Float64, times: int) -> Float64:
    """Return the first terms of a law convolved with itself, by squaring."""
    result: Float64 = np.eye(1, len(law))[0]
    while times:
        if times & 1:
            result = np.convolve(result, law)[: len(law)]
        law = np.convolve(law, law)[: len(law)]
        times >>= 1
    return result
