"""The Mackey-Glass series against classical Runge-Kutta, slope by slope, in Python.

Planted and found: a delay of 16.9 and of 17.1; the delayed value of a half step taken from before it; a power of 8; one
phase for all sequences; the value of the step itself asked for; a library's slopes k3 and k4, twice as steep.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.mackey_glass import LINEAR, MackeyGlass, _solve
from unroll.testing.tasks import TaskConformance


class TestMackeyGlass(TaskConformance):
    lengths = (4,)
    no_oracle = "a chaotic series, of which what came before its first step is not shown"

    def task(self, **given: Any) -> MackeyGlass:
        return MackeyGlass(**given)


def solved(start: float, units: int) -> list[float]:
    h, series = 0.1, [start] * 171
    for _ in range(10 * (units - 1)):
        old, next_old, x = series[-171], series[-170], series[-1]

        def slope(x: float, past: float) -> float:
            return 0.2 * past / (1 + past**10) - 0.1 * x

        middle = (old + next_old) / 2
        k1 = slope(x, old)
        k2 = slope(x + h / 2 * k1, middle)
        k3 = slope(x + h / 2 * k2, middle)
        k4 = slope(x + h * k3, next_old)
        series.append(x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return series[170::10]


def test_it_is_classical_runge_kutta() -> None:
    starts = np.array([1.1, 1.2, 1.2987])
    values = _solve(starts, 151)
    for column, start in enumerate(starts):
        assert values[:, column] == pytest.approx(solved(float(start), 151), abs=1e-12)


@pytest.mark.parametrize("ahead", [1, 84])
def test_what_is_asked_comes_so_many_steps_later(ahead: int) -> None:
    split = MackeyGlass(ahead=ahead, train=6, test=1).dataset(KeyedStreams(1), 100).train
    x, y = split.x[:, :, 0], split.y[:, :, 0]
    assert x.shape == y.shape == (6, 100)
    assert (x[:, ahead:] == y[:, : 100 - ahead]).all()
    assert (x != y).any()
    assert MackeyGlass(ahead=ahead).notes == f"{ahead} ahead"


def test_the_variance_at_a_step_is_what_is_said() -> None:
    """Whatever the step: their phases differ; and the last value again is a far better answer, as the field knows."""
    split = MackeyGlass(train=1_500, test=1).dataset(KeyedStreams(3), 300).train
    x, y = split.x[:, :, 0].astype(float), split.y[:, :, 0].astype(float)
    assert MackeyGlass().baseline(300) == pytest.approx(0.0511, abs=1e-4)
    assert y.var(axis=0).mean() == pytest.approx(0.0511, rel=0.01)
    assert y.var(axis=0).min() > 0.045
    assert np.square(y - x).mean() / 0.0511 == pytest.approx(0.022, abs=0.001)
    assert np.square(y[:, 10:] - y[:, :-10]).mean() / 0.0511 == pytest.approx(1.55, abs=0.03)
    assert MackeyGlass().solved.below == pytest.approx(0.0025 * 0.0511, rel=2e-3)


@pytest.mark.parametrize("ahead", LINEAR)
def test_the_current_value_tells_what_is_said(ahead: int) -> None:
    """A straight line of it, fitted to some sequences and tried on others; other distances are not told."""
    split = MackeyGlass(ahead=ahead).sequences(KeyedStreams(4).generator("test"), 2_000, 8)
    x, y = split.x[:, :, 0], split.y[:, :, 0]
    slope, base = np.polyfit(x[1_000:].ravel(), y[1_000:].ravel(), 1)
    losses = np.square(y - slope * x - base)[:1_000].mean(axis=1)
    second = MackeyGlass(ahead=ahead).second(8)
    assert abs(losses.mean() - second.loss) < 4 * losses.std() / len(losses) ** 0.5 + 0.01 * second.loss
    assert MackeyGlass(ahead=2).second(8) is None
