"""No output before t changes when the values after t change: every task, representation and model, as in training.

The sequences of a task are changed after their t-th term, from the rule on: everything that follows (scale, code,
windows, network) is what a trial does. Planted and found: the scale of the whole sequence, the notebook's own leak; a
code by the largest value of the window; a network that sees a step ahead.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch

from unroll import registry
from unroll.capabilities import Continues
from unroll.models import Model
from unroll.models.network import Network
from unroll.streams import KeyedStreams
from unroll.tasks.numbers import Numbers
from unroll.tasks.representation import REPRESENTATIONS, PrefixMax
from unroll.tasks.windows import draw

FAMILIES = [name for name in registry.tasks.names() if issubclass(registry.tasks.load(name), Continues)]
MODELS = [name for name in registry.models.names() if name != "mgu"]
LENGTH = 5


def task_of(family: str, **settings: Any) -> Numbers:
    made: Numbers = registry.tasks.load(family)(train=30, validation=10, test=10, split="none", **settings)
    return made


def representations(family: str) -> tuple[str, ...]:
    return get_args(registry.tasks.load(family).model_fields["representation"].annotation)


def network_of(name: str, task: Numbers) -> Network:
    """A network with a readout on every step, so that every output can be looked at."""
    form: type[Model] = registry.models.load(name)
    network = form(**({"hidden": 4} if "hidden" in form.model_fields else {})).build(1, 1, "every")
    network.initialise(KeyedStreams(1).generator("init"))
    if form.fitted:
        x = torch.from_numpy(task.dataset(KeyedStreams(1), LENGTH).train.x)
        network.fit(x[:, :-1], x[:, 1:])
    return network.eval()


def leaks(task: Numbers, network: Network, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether an input or output that belongs to term t or before changes with the terms after t."""
    offsets = draw(task, KeyedStreams(1), LENGTH, ()).train.offsets
    x = torch.from_numpy(task.dataset(KeyedStreams(1), LENGTH).train.x)
    with torch.no_grad():
        y = network(x)
    terms = type(task).terms
    found = False
    for t in range(LENGTH - 1, task.counts(LENGTH)[1] - 1):

        def changed(self: Numbers, parameters: np.ndarray, n: int, length: int, t: int = t) -> np.ndarray:
            values = terms(self, parameters, n, length).copy()
            values[:, t + 1 :] = 500.0 - 3.0 * values[:, t + 1 :]
            return values

        with monkeypatch.context() as patch:
            patch.setattr(type(task), "terms", changed)
            other = torch.from_numpy(task.dataset(KeyedStreams(1), LENGTH).train.x)
        with torch.no_grad():
            after = network(other)
        known = torch.from_numpy(offsets[:, None] + np.arange(LENGTH) <= t)
        assert known.any()
        assert known.all() or not torch.equal(other, x)  # what comes after t did change
        found |= not torch.equal(other[known], x[known]) or not torch.equal(after[known], y[known])
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_changes_before_what_has_changed(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for representation in representations(family):
        task = task_of(family, representation=representation)
        for model in MODELS:
            assert not leaks(task, network_of(model, task), monkeypatch), (representation, model)


@pytest.mark.parametrize("representation", ["raw", "difference"])
def test_the_scale_of_the_whole_is_a_leak(representation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of("odd_numbers", representation=representation, scale="whole")
    assert leaks(task, network_of("tanh_rnn", task), monkeypatch)


def test_a_code_that_looks_ahead_is_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    class WindowMax(PrefixMax):
        def encode(self, values: np.ndarray) -> np.ndarray:
            return values / np.abs(values).max(axis=1, keepdims=True)

    task = task_of("odd_numbers", representation="prefix_max")
    network = network_of("gru", task)
    monkeypatch.setitem(REPRESENTATIONS, "prefix_max", WindowMax())
    assert leaks(task, network, monkeypatch)


def test_a_network_that_looks_ahead_is_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of("fibonacci")
    network = network_of("persistence", task)
    monkeypatch.setattr(network, "forward", lambda x: torch.roll(x, -1, dims=1))
    assert leaks(task, network, monkeypatch)
