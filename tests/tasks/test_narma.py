"""NARMA-10, against its formula in Python, from the inputs that are shown.

Planted and found: the sum over y(t-10), ..., y(t-1); u(t-10) for u(t-9), as one code of the field has it; y(t) asked
for in the place of y(t+1); sequences that run away and are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.narma import Narma
from unroll.testing.tasks import TaskConformance


class TestNarma(TaskConformance):
    lengths = (21,)
    too_short = (20, 1, 0)
    no_oracle = "it would need the outputs and the inputs before the first step: the test below waits until they fade"

    def task(self, **given: Any) -> Narma:
        return Narma(**given)


def follow(u: list[float], y: list[float]) -> list[float]:
    """Return y(t+1) for each u(t), from ten values of y and zeros for the inputs that nobody saw."""
    y = list(y)
    for t in range(len(u)):
        before = u[t - 9] if t >= 9 else 0.0
        y.append(0.3 * y[-1] + 0.05 * y[-1] * sum(y[-10:]) + 1.5 * before * u[t] + 0.1)
    return y[10:]


def test_the_shown_inputs_are_enough_from_step_40_on() -> None:
    split = Narma(train=40, test=1).dataset(KeyedStreams(1), 120).train
    assert split.at[0].tolist() == list(range(20, 120))
    errors = []
    for x, y in zip(split.x[:, :, 0].tolist(), split.y[:, :, 0].tolist(), strict=True):
        assert 0 <= min(x) <= max(x) < 0.5
        errors.append(np.array(follow(x, [0.39] * 10)[20:]) - y)
    assert np.sqrt(np.square(np.array(errors)[:, 20:]).mean()) < 0.01
    assert np.abs(np.array(errors)[:, 80:]).max() < 1e-4


def test_the_variance_is_what_is_said_and_nothing_runs_away() -> None:
    y = Narma(train=12_000, test=1).dataset(KeyedStreams(2), 60).train.y[:, :, 0].astype(float)
    assert y.var(axis=0).mean() == pytest.approx(0.01175, rel=0.02)
    assert np.abs(y).max() <= 1
    assert Narma().solved.below == pytest.approx(0.09 * 0.01175, rel=5e-3)
    assert Narma().chance(50) is None


def test_the_current_input_tells_what_is_said() -> None:
    """A straight line of u(t), fitted to some sequences and tried on others."""
    task = Narma(train=6_000, validation=0, test=6_000)
    data = task.dataset(KeyedStreams(3), 60)
    (u, y), (tried, answers) = ((split.x[:, 20:, 0], split.y[:, :, 0]) for split in (data.train, data.test))
    slope, base = np.polyfit(u.ravel(), y.ravel(), 1)
    losses = np.square(answers - slope * tried - base).mean(axis=1)
    assert not task.memoryless
    assert abs(losses.mean() - task.second(60).loss) < 4 * losses.std() / len(losses) ** 0.5 + 4e-5
