"""Brackets, against a stack in Python, and its baselines against all words, counted.

Planted and found: a depth before the bracket, not after it; the kind below the top; a walk that passes D; baselines of
a walk that does not turn at D; a bracket that closes another kind.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from unroll.tasks.brackets import Brackets
from unroll.testing.tasks import TaskConformance


class TestDepth(TaskConformance):
    lengths = (3, 12)

    def task(self, **settings: Any) -> Brackets:
        return Brackets(**{"pairs": 2, "depth": 3, **settings})

    def oracle(self, task: Brackets, length: int, seen: Any) -> Any:
        """A stack in Python."""
        stack: list[int] = []
        for symbol in seen.tolist():
            if symbol < task.pairs:
                stack.append(symbol)
            else:
                assert stack.pop() == symbol - task.pairs
        assert len(stack) <= task.depth
        return len(stack) if task.ask == "depth" else 1 + stack[-1] if stack else 0


class TestTop(TestDepth):
    def task(self, **settings: Any) -> Brackets:
        return Brackets(**{"pairs": 3, "depth": 3, "ask": "top", **settings})


def words(length: int, depth: int) -> list[tuple[float, list[int]]]:
    """Every sequence of depths with its probability."""
    found = [(1.0, [0])]
    for _ in range(length):
        longer = []
        for p, path in found:
            ups = [1] if path[-1] == 0 else [-1] if path[-1] == depth else [1, -1]
            longer += [(p / len(ups), [*path, path[-1] + up]) for up in ups]
        found = longer
    return [(p, path[1:]) for p, path in found]


def test_baseline_and_chance_are_those_of_all_words() -> None:
    for depth in (1, 2, 3):
        for length in (1, 2, 7):
            entropy = best = 0.0
            for step in range(length):
                shares = [math.fsum(p for p, path in words(length, depth) if path[step] == d) for d in range(depth + 1)]
                entropy -= sum(p * math.log(p) for p in shares if p) / length
                best += max(shares) / length
            assert Brackets(depth=depth).baseline(length) == pytest.approx(entropy, abs=1e-12)
            assert Brackets(depth=depth).chance(length) == pytest.approx(best)


def test_the_numbers_by_hand() -> None:
    """At T = 100 and D = 8, as the walk's distribution gives them."""
    depth, top = Brackets(), Brackets(pairs=2, ask="top")
    assert (round(depth.baseline(100), 3), round(depth.chance(100), 3)) == (1.402, 0.305)
    assert (round(top.baseline(100), 3), round(top.chance(100), 3)) == (0.850, 0.463)
    assert depth.memory(100) is None
    assert (depth.inputs, depth.outputs, top.inputs, top.outputs) == (2, 9, 4, 3)
    with pytest.raises(ValidationError, match="only asks whether anything is open"):
        Brackets(ask="top")
