"""Schedules: the learning rate of each update, a pure function of how many were made before it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from unroll.study import TrainSettings


def learning_rate(
    settings: TrainSettings,
    done: int,
    per_epoch: int,
    cos: Callable[[float], float] = math.cos,
    power: Callable[[float, int], float] = operator.pow,
) -> float:
    r"""Return the learning rate of the update that follows ``done`` updates, ``per_epoch`` of which are an epoch.

    With :math:`\eta` the ``learning_rate``, k = ``done``, n = ``per_epoch`` and E the ``epochs`` that were asked for:

    "constant"
        :math:`\eta` throughout.
    "cosine"
        :math:`\eta_\min + \frac12 (\eta - \eta_\min) (1 + \cos \pi k / (n E))` with :math:`\eta_\min` the
        ``final_learning_rate``: from :math:`\eta` at the first update it falls with each, and would be at
        :math:`\eta_\min` at the update after the last one. Early stopping does not shorten it.
    "step"
        :math:`\eta\, \gamma^{\lfloor \lfloor k / n \rfloor / s \rfloor}` with :math:`\gamma` the ``step_factor`` and s
        the ``step_epochs``: the same for all updates of an epoch.

    These are PyTorch's ``CosineAnnealingLR`` with ``T_max`` = n E, stepped after each update, and ``StepLR``, stepped
    after each epoch. Nothing of them is kept in a checkpoint: the rate follows from the place in the training.

    ``cos``: the cosine of an angle from 0 to pi; the C library's, or :func:`cosine`, which is the same everywhere.
    ``power``: of the factor; the C library's, or ``unroll.exact.power``, which is the same everywhere.

    Source: Loshchilov, I. and Hutter, F. (2017). SGDR: Stochastic gradient descent with warm restarts. ICLR. ("cosine",
    without restarts)
    """
    if settings.schedule == "cosine":
        least = settings.final_learning_rate
        share = done / (per_epoch * settings.epochs)
        return least + 0.5 * (settings.learning_rate - least) * (1.0 + cos(math.pi * share))
    if settings.schedule == "step":
        assert settings.step_epochs is not None  # noqa: S101 - the settings were checked
        return settings.learning_rate * power(settings.step_factor, done // per_epoch // settings.step_epochs)
    return settings.learning_rate


def cosine(angle: float) -> float:
    """Return the cosine of an angle from 0 to pi within 2^-52: by sums and products, which no library rounds otherwise.

    From pi/4 to 3 pi/4 it is a sine, beyond the cosine of what is left to pi; both by their series.
    """
    if angle > 0.75 * math.pi:
        return -cosine(math.pi - angle)
    if angle > 0.25 * math.pi:
        x = 0.5 * math.pi - angle
        return x * (1.0 + _series(x * x, 3))
    return 1.0 + _series(angle * angle, 2)


def _series(square: float, first: int) -> float:
    """Return the sum of (-square)^k / (first (first - 1) ... ) from k = 1 on, by Horner's rule."""
    total = 0.0
    for n in range(first + 16, first - 1, -2):
        total = (1.0 + total) * -square / (n * (n - 1))
    return total
