"""Modular arithmetic against Python's own, and its baseline by going through all expressions.

Planted and found: from left to right without precedence; a minus that is lost; the sum without its last term as the
answer; numbers after the end; the end one step late; ln m as the baseline.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.modular import Modular
from unroll.testing.tasks import TaskConformance


class TestModular(TaskConformance):
    lengths = (1, 3, 9)
    too_short = (4, 0, -1)

    def task(self, **settings: Any) -> Modular:
        return Modular(**settings)

    def oracle(self, task: Modular, length: int, seen: Any) -> Any:
        """Python works it out, from the text."""
        *symbols, end = seen.tolist()
        assert end == task.inputs - 1
        text = "".join(str(symbol) if symbol < task.modulus else "+-*"[symbol - task.modulus] for symbol in symbols)
        assert set(text[1::2]) <= set(task.operators)
        return value(text) % task.modulus


class TestModularOfManyLengths(TestModular):
    ragged = True
    lengths = (5, 9)

    def task(self, **settings: Any) -> Modular:
        return Modular(lengths="uniform", **settings)


class TestModularOfOtherNumbers(TestModular):
    def task(self, **settings: Any) -> Modular:
        return Modular(modulus=3, operators="-*", **settings)


def value(text: str) -> int:
    """A sum of terms, each a product; a minus belongs to the whole term."""
    terms = text.replace("-", "+-").split("+")
    return sum(math.prod(-int(part[1:]) if part[0] == "-" else int(part) for part in term.split("*")) for term in terms)


@pytest.mark.parametrize(("modulus", "operators", "length"), [(5, "+-*", 5), (3, "-*", 7), (4, "*", 5), (2, "+", 3)])
def test_the_baseline_is_that_of_all_expressions(modulus: int, operators: str, length: int):
    numbers, between = (length + 1) // 2, length // 2
    found: Counter[int] = Counter()
    for drawn in product(range(modulus), repeat=numbers):
        for chosen in product(operators, repeat=between):
            text = "".join(str(number) + operator for number, operator in zip(drawn, (*chosen, ""), strict=True))
            found[value(text) % modulus] += 1
    shares = [found[answer] / found.total() for answer in range(modulus)]
    task = Modular(modulus=modulus, operators=operators)
    assert task.answers(length) == pytest.approx(shares)
    assert task.baseline(length) == pytest.approx(-sum(share * math.log(share) for share in shares))
    assert task.chance(length) == pytest.approx(max(shares))


def test_numbers_by_hand():
    zeros = {3: 0.253, 5: 0.232, 9: 0.209, 19: 0.200}
    assert {length: round(Modular().answers(length)[0], 3) for length in zeros} == zeros
    assert Modular().baseline(5) == pytest.approx(1.6064, abs=5e-5)
    assert Modular().baseline(19) == pytest.approx(1.6094, abs=5e-5)
    assert Modular().memory(19).most == pytest.approx(math.log2(5), abs=1e-4)
    assert Modular(lengths="uniform").answers(5) == pytest.approx(
        np.mean([Modular().answers(length) for length in (1, 3, 5)], axis=0)
    )


def test_the_examples_of_the_source():
    """1 + 2 * 3 = 2, 1 - 1 - 1 = 4, 0 * 1 + 4 * 3 - 2 = 0, modulo 5: their order of operations is this one."""
    assert [value(text) % 5 for text in ("1+2*3", "1-1-1", "0*1+4*3-2")] == [2, 4, 0]
    numbers, operators = np.array([[0, 1, 4, 3, 2]], dtype=np.int32), np.array([[2, 0, 2, 1]], dtype=np.uint8)
    assert Modular()._values(numbers, operators).tolist() == [[0, 0, 4, 2, 0]]


def test_numbers_of_numbers_are_uniform():
    split = Modular(lengths="uniform").sequences(KeyedStreams(1).generator("data"), 20_000, 7)
    assert np.bincount(split.at[:, 0], minlength=8) / 20_000 == pytest.approx(
        [0, 0.25] * 4, abs=4 * (0.25 * 0.75 / 20_000) ** 0.5
    )
