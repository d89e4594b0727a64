"""The backend that is recorded is the one that computes.

Faults planted here, each seen to be found: what a model declares taken for what its layers do; a layer left alone
passed over where the native backend is asked for; unroll's own layers left in a network that is asked for PyTorch's; of
two layers only the first looked at.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest
import torch

from tests.working import work_on
from unroll import Study, expand, nn, registry
from unroll.errors import BackendError
from unroll.kernels import isas, ops
from unroll.models import Model
from unroll.models.network import Network
from unroll.models.recurrent_network import RecurrentNetwork
from unroll.running.messages import Order
from unroll.study import Trial
from unroll.training.network import backend_of

pytestmark = pytest.mark.skipif(not isas(), reason="no native kernels here")


class OwnGRU(torch.nn.GRU):
    """A subclass, which may compute something else."""


class Declaring(Model):
    """Declares the cell, and builds whatever layer the test wants."""

    name = "declaring"
    summary = "a layer of the test's choice"
    version = "1"
    cell = "gru"
    layer: ClassVar[Any] = None

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        return RecurrentNetwork(type(self).layer(inputs, 4), outputs, readout)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.models, "_registered", {})
    registry.models.register("declaring", Declaring)


def trial(backend: str, model: str = "declaring") -> Trial:
    factors = {"task": ["adding"], "model": [model], "length": [4], "seed": [1]}
    settings = {"epochs": 1, "backend": backend}
    (only,) = expand(Study(name="a", factors=factors, task={"train": 8, "test": 8}, train=settings))
    return only


@pytest.mark.parametrize(
    ("layer", "cell", "asked", "used"),
    [
        (torch.nn.GRU, "gru", "auto", "native"),
        (torch.nn.GRU, "gru", "native", "native"),
        (torch.nn.GRU, "gru", "reference", "reference"),
        (OwnGRU, "gru", "auto", "reference"),
        (OwnGRU, "gru", "reference", "reference"),
        (torch.nn.GRU, None, "auto", "reference"),
        (nn.GRU, None, "auto", "native"),
        (nn.GRU, "gru", "reference", "reference"),
    ],
)
def test_what_is_recorded_is_what_computes(
    layer: Any, cell: str | None, asked: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unroll.nn.layer import Native

    monkeypatch.setattr(Declaring, "layer", layer)
    monkeypatch.setattr(Declaring, "cell", cell)
    seen = []

    class Watched(RecurrentNetwork):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append("native" if isinstance(self.recurrence, Native) else "reference")
            return super().forward(x)

    monkeypatch.setattr("tests.training.test_backend.RecurrentNetwork", Watched)
    outcome, _ = work_on(Order(trial(asked)))
    assert outcome.error is None, outcome.error
    assert set(seen) == {used} == {outcome.numerics["backend"]}


class Two(RecurrentNetwork):
    """A second layer, which cannot be swapped, on the outputs of the first."""

    def __init__(self, recurrence: torch.nn.RNNBase, outputs: int, readout: Literal["last", "every"]) -> None:
        super().__init__(recurrence, outputs, readout)
        self.second = OwnGRU(4, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.recurrence(x.transpose(0, 1))
        _, last = self.second(hidden.transpose(0, 1))
        return self.readout(last[0])

    def initialise(self, generator: Any) -> None:
        super().initialise(generator)
        for parameter in self.second.parameters():
            torch.nn.init.constant_(parameter, 0.1)


@pytest.mark.parametrize(("asked", "used"), [("auto", "mixed"), ("reference", "reference")])
def test_layers_that_can_and_cannot_be_swapped_are_a_mixed_backend(
    asked: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Declaring, "layer", torch.nn.GRU)
    monkeypatch.setattr("tests.training.test_backend.RecurrentNetwork", Two)
    found = backend_of(trial(asked))
    assert found.backend == used
    assert ("but for OwnGRU second: it is a subclass of torch.nn.GRU" in found.reason) == (used == "mixed")
    calls = []
    forward = ops.forward

    def spy(*args: Any, **named: Any) -> Any:
        calls.append(args[0])
        return forward(*args, **named)

    monkeypatch.setattr(ops, "forward", spy)
    outcome, _ = work_on(Order(trial(asked)))
    assert outcome.error is None, outcome.error
    assert outcome.numerics["backend"] == used
    assert (outcome.numerics["kernel instructions"] != "") == bool(calls) == (used == "mixed")
    with pytest.raises(BackendError, match=r'"declaring" cannot run on it \(OwnGRU second: it is a subclass'):
        backend_of(trial("native"))


def test_a_layer_that_cannot_be_swapped_is_an_error_where_the_native_backend_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Declaring, "layer", OwnGRU)
    with pytest.raises(BackendError, match=r'"declaring" cannot run on it \(OwnGRU recurrence: it is a subclass'):
        backend_of(trial("native"))
    outcome, _ = work_on(Order(trial("native")))
    assert outcome.error is not None
    assert outcome.error["type"] == "BackendError"


@pytest.mark.parametrize("model", ["gru", "lstm", "tanh_rnn"])
def test_our_own_models_run_where_they_say(model: str) -> None:
    assert backend_of(trial("auto", model)).backend == "native"
    assert backend_of(trial("reference", model)).reason == "asked for"
