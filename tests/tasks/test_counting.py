"""Counting, against words that are written out, and its baseline against all of them.

Planted and found: the end asked a step late; c asked for from the first b on; answers beyond the end that are scored; a
baseline by the number of the answer instead of its step.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.counting import Counting
from unroll.testing.tasks import TaskConformance


class TestTwo(TaskConformance):
    lengths = (5, 12)
    ragged = True

    def task(self, **given: Any) -> Counting:
        return Counting(**given)

    def oracle(self, task: Counting, length: int, seen: Any) -> Any:
        """As many of each letter as there are a; the classes are b, c and the end, so a letter's is its id less 1."""
        letters = Counter(seen.tolist())
        last = int(seen[-1])
        return last - 1 if letters[last] < letters[0] else last


class TestThree(TestTwo):
    def task(self, **given: Any) -> Counting:
        return Counting(symbols=3, **given)


@pytest.mark.parametrize("symbols", [2, 3])
def test_the_answers_are_the_rest_of_the_word(symbols: Any) -> None:
    split = Counting(symbols=symbols, train=500, test=1).dataset(KeyedStreams(1), 6).train
    seen = set()
    for x, y, at in zip(split.x.tolist(), split.y.tolist(), split.at.tolist(), strict=True):
        n = x.index(1)
        seen.add(n)
        word = [letter for letter in range(symbols) for _ in range(n)]
        assert x == word + [0] * (symbols * 6 - len(word))
        following = [*word[1:], symbols]  # b is the class 0, so a letter's class is one less, and the end the last
        for answer, step in zip(y, at, strict=True):
            assert answer == (following[step] - 1 if step < len(word) else -1)
        assert at[: (symbols - 1) * n] == list(range(n, symbols * n))
    assert seen == set(range(1, 7))


@pytest.mark.parametrize("symbols", [2, 3])
@pytest.mark.parametrize("length", [1, 2, 5, 13])
def test_baseline_and_chance_are_those_of_all_words(symbols: Any, length: int) -> None:
    """Every n once: by step, the shares of what follows."""
    at: dict[int, Counter[int]] = {}
    for n in range(1, length + 1):
        following = [*[letter for letter in range(symbols) for _ in range(n)][1:], symbols]
        for step in range(n, symbols * n):
            at.setdefault(step, Counter())[following[step]] += 1
    answers = sum(counts.total() for counts in at.values())
    entropy = sum(k * math.log(counts.total() / k) for counts in at.values() for k in counts.values())
    task = Counting(symbols=symbols)
    assert task.baseline(length) == pytest.approx(entropy / answers, abs=1e-12)
    assert task.chance(length) == pytest.approx(sum(max(counts.values()) for counts in at.values()) / answers)


def test_the_numbers_by_hand() -> None:
    baselines = {10: (0.2926, 0.855), 30: (0.1747, 0.940), 50: (0.1262, 0.962)}
    assert {t: (round(Counting().baseline(t), 4), round(Counting().chance(t), 3)) for t in baselines} == baselines
    assert Counting().solved.metric == "test_sequence_accuracy"
    assert (Counting().memory(9), Counting(symbols=3).total_steps(9)) == (None, 27)
