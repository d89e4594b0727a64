"""The multiplication problem, against loops over its definition.

Planted and found: the sum for the product; a value of 0 instead of 1 on a marked first step; 7/144 for hs97's baseline.
"""

from typing import Any

import pytest

from tests.tasks.marked_oracle import check
from unroll.streams import KeyedStreams
from unroll.tasks.multiplication import Multiplication
from unroll.testing.tasks import TaskConformance


class TestAnywhere(TaskConformance):
    lengths = (2, 3, 10)
    too_short = (1, 0)

    def task(self, **given: Any) -> Multiplication:
        return Multiplication(**given)

    def oracle(self, task: Multiplication, length: int, seen: Any) -> Any:
        return [seen[seen[:, 1] == 1, 0].prod()]


class TestHs97(TestAnywhere):
    lengths = (11, 40)
    too_short = (10, 0)
    ragged = True

    def task(self, **given: Any) -> Multiplication:
        return Multiplication(markers="hs97", **given)


@pytest.mark.parametrize(("markers", "length"), [("anywhere", 5), ("halves", 7), ("hs97", 25), ("pascanu13", 25)])
def test_the_target_is_the_product_of_the_marked(markers: Any, length: int) -> None:
    split = Multiplication(train=300, test=1, markers=markers).dataset(KeyedStreams(3), length).train
    check(split, length, markers, lambda a, b: a * b, lowest=0.0, first=1.0)


def test_the_baselines_by_hand() -> None:
    """E[(UV)^2] - E[UV]^2 = 1/9 - 1/16; in hs97 one factor is 1 in 0.1 + 0.9/48 of the sequences at T = 100."""
    assert Multiplication().baseline(10) == pytest.approx(1 / 9 - 1 / 16) == pytest.approx(0.04861, abs=5e-6)
    p = 0.1 + 0.9 / 48
    expected = p / 3 + (1 - p) / 9 - (p / 2 + (1 - p) / 4) ** 2
    assert Multiplication(markers="hs97").baseline(100) == pytest.approx(expected)
    assert Multiplication().memory(10) is None
    assert Multiplication().solved.below == 0.003
