"""Learning rates: each update's against PyTorch's own schedulers, in float64, and in a whole training.

Planted and found: the rate of the update before; cosine over the epochs instead of the updates; a step counted from the
first update of the second epoch; a training that leaves the optimizer's first rate in place.
"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.test_loop import finish, trial
from unroll.study import TrainSettings
from unroll.training import Training, train
from unroll.training.schedules import learning_rate


def of_torch(asked: TrainSettings, per_epoch: int) -> list[float]:
    """Return the rate of each update by PyTorch's schedulers."""
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64)], lr=asked.learning_rate)
    schedulers = torch.optim.lr_scheduler
    if asked.schedule == "cosine":
        total = per_epoch * asked.epochs
        scheduler = schedulers.CosineAnnealingLR(optimizer, total, eta_min=asked.final_learning_rate)
    elif asked.schedule == "step":
        scheduler = schedulers.StepLR(optimizer, asked.step_epochs, gamma=asked.step_factor)
    else:
        scheduler = schedulers.ConstantLR(optimizer, factor=1.0)
    rates = []
    for _ in range(asked.epochs):
        for _ in range(per_epoch):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if asked.schedule == "cosine":
                scheduler.step()
        if asked.schedule != "cosine":
            scheduler.step()
    return rates


@settings(max_examples=60, deadline=None)
@given(
    schedule=st.sampled_from(["constant", "cosine", "step"]),
    rate=st.floats(1e-6, 10.0),
    epochs=st.integers(1, 12),
    per_epoch=st.integers(1, 9),
    data=st.data(),
)
def test_each_rate_is_pytorchs(schedule: str, rate: float, epochs: int, per_epoch: int, data: st.DataObject) -> None:
    more: dict[str, object] = {}
    if schedule == "cosine":
        more = {"final_learning_rate": data.draw(st.floats(0.0, rate / 2))}
    if schedule == "step":
        more = {"step_epochs": data.draw(st.integers(1, 5)), "step_factor": data.draw(st.floats(0.05, 0.95))}
    asked = TrainSettings(epochs=epochs, learning_rate=rate, schedule=schedule, **more)
    rates = [learning_rate(asked, done, per_epoch) for done in range(per_epoch * epochs)]
    for mine, theirs in zip(rates, of_torch(asked, per_epoch), strict=True):
        assert abs(mine - theirs) <= 1e-12 * rate  # near its end torch's recursion itself rounds by that much
    assert abs(rates[0] - rate) <= math.ulp(rate)  # of the cosine two terms are added, each rounded


SCHEDULES = [
    {"schedule": "cosine"},
    {"schedule": "cosine", "final_learning_rate": 5e-4},
    {"schedule": "step", "step_epochs": 1},
    {"schedule": "step", "step_epochs": 2, "step_factor": 0.5},
]


@pytest.mark.parametrize("how", SCHEDULES, ids=str)
def test_a_training_makes_each_update_with_its_rate(how: dict) -> None:
    one = trial(train={"backend": "torch", **how})
    training = Training(one)
    used, step = [], training.optimizer.step
    group = training.optimizer.param_groups[0]
    training.optimizer.step = lambda: (used.append(group["lr"]), step())  # type: ignore[assignment,method-assign]
    finish(training.run())
    assert used == pytest.approx(of_torch(one.train, 5), rel=1e-12)
    assert len(set(used)) > 1


def test_a_constant_rate_is_no_schedule() -> None:
    digests = {finish(train(trial(train=how))).digest for how in ({}, {"schedule": "constant"}, *SCHEDULES)}
    assert len(digests) == 1 + len(SCHEDULES)
