"""Small trials of number sequences, trained, and networks that know a rule: for the tests of generation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unroll.generation import Trained
from unroll.models.network import Network
from unroll.study import Study, Trial, expand
from unroll.training import Result, Training, single_thread

WINDOWS = {"odd_numbers": 5, "fibonacci": 6}


def study(task: str = "odd_numbers", model: str = "tanh_rnn", seeds: tuple[int, ...] = (1,), **parts: Any) -> Study:
    """A study of trials that take a tenth of a second."""
    factors = {"task": [task], "model": [model], "length": [WINDOWS.get(task, 6)], "seed": list(seeds)}
    size = {"train": 60, "validation": 20, "test": 20, **parts.pop("task_settings", {})}
    hidden = {} if model in ("linear", "persistence", "drift") else {"hidden": 4}
    return Study(
        name=parts.pop("name", "small"),
        protocol=parts.pop("protocol", "keyed"),
        factors={**factors, **parts.pop("factors", {})},
        task=size,
        model={**hidden, **parts.pop("model_settings", {})},
        train={} if model in ("linear", "persistence", "drift") else {"epochs": 2, "batch": 32, "learning_rate": 0.01},
        **parts,
    )


def finish(trial: Trial) -> tuple[Training, Result]:
    """Train a trial to its end."""
    with single_thread():
        training = Training(trial)
        steps = training.run()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return training, end.value


def trained(task: str = "odd_numbers", model: str = "tanh_rnn", **parts: Any) -> Trained:
    """A trained model, without a store."""
    trial = expand(study(task, model, **parts))[0]
    training, _ = finish(trial)
    training.network.eval()
    return Trained(trial, training.task, training.network)


class Oracle(Network):
    """A network that continues by a rule of its last values, in float64: what a perfect model would do."""

    def __init__(self, rule: Callable[[list[Tensor]], Tensor], remembers: int):
        super().__init__()
        self._rule, self._remembers = rule, remembers

    def forward(self, x: Tensor) -> Tensor:
        """See Network."""
        state, outputs = None, []
        for t in range(x.shape[1]):
            output, state = self.step(x[:, t], state)
            outputs.append(output)
        return torch.stack(outputs, dim=1)

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """See Network."""
        state = [x_t, *(state or [x_t] * self._remembers)][: self._remembers]
        return self._rule(state), state

    def initialise(self, generator: object) -> None:
        """Nothing to fill."""


ORACLES = {
    "odd_numbers": Oracle(lambda last: 2 * last[0] - last[1], 2),
    "fibonacci": Oracle(lambda last: last[0] + last[1], 2),
}


def oracle(task: str, **parts: Any) -> Trained:
    """A perfect model of a task, which looks at the last two values."""
    raw = {"representation": "raw", **parts.pop("task_settings", {})}
    trial = expand(study(task, task_settings=raw, **parts))[0]
    from unroll.models.resolve import resolve

    return Trained(trial, resolve(trial).task, ORACLES[task])
