"""tanh RNN, LSTM and GRU: the contract, PyTorch's own layers as the oracle, and their sizes.

Faults that were planted and seen here: a step that starts from zeros; a readout of the first step; initial weights from the
global generator; a bias that stays empty; the second layer left out; weights drawn in another order.
"""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from tests.notebook_oracle import seeded
from unroll.models import Model
from unroll.models.gru import GRU
from unroll.models.lstm import LSTM
from unroll.models.network import Network
from unroll.models.tanh_rnn import TanhRNN
from unroll.streams import KeyedStreams
from unroll.streams.notebook import NotebookStreams
from unroll.testing.models import ModelConformance, batch

OURS: dict[type[Model], type[nn.RNNBase]] = {TanhRNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}


class TestTanhRNN(ModelConformance):
    def model(self) -> Model:
        return TanhRNN(hidden=5)


class TestLSTM(ModelConformance):
    def model(self) -> Model:
        return LSTM(hidden=5)


class TestGRU(ModelConformance):
    def model(self) -> Model:
        return GRU(hidden=5)


class TestDeepTanhRNN(ModelConformance):
    def model(self) -> Model:
        return TanhRNN(hidden=3, layers=3)


class TestDeepLSTM(ModelConformance):
    def model(self) -> Model:
        return LSTM(hidden=3, layers=2)


class TestDeepGRU(ModelConformance):
    def model(self) -> Model:
        return GRU(hidden=1, layers=2)


def filled(model: Model, inputs: int, outputs: int, readout: Any, generator: Any = None) -> Network:
    network = model.build(inputs, outputs, readout)
    network.initialise(generator or KeyedStreams(3).generator("init"))
    return network


class Reference(nn.Module):
    """PyTorch's layers, batch first, as a newcomer writes them."""

    def __init__(self, layer: type[nn.RNNBase], inputs: int, hidden: int, layers: int, outputs: int, readout: str):
        super().__init__()
        self.layer: Any = layer(inputs, hidden, layers, batch_first=True)
        self.head, self.every = nn.Linear(hidden, outputs), readout == "every"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.layer(x)[0]
        return self.head(out if self.every else out[:, -1])


@settings(max_examples=20, deadline=None)
@given(
    hidden=st.sampled_from([1, 3, 7, 16, 33]),
    layers=st.integers(1, 3),
    readout=st.sampled_from(["last", "every"]),
    B=st.integers(1, 5),
    T=st.integers(1, 9),
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 3),
)
@pytest.mark.parametrize("form", OURS)
def test_values_and_gradients_are_pytorchs(
    form: Any, hidden: int, layers: int, readout: str, B: int, T: int, inputs: int, outputs: int
) -> None:
    """The same weights, in the order of their names, give the same outputs and the same gradients."""
    ours = filled(form(hidden=hidden, layers=layers), inputs, outputs, readout).double()
    with seeded(0):
        theirs = Reference(OURS[form], inputs, hidden, layers, outputs, readout).double()
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert mine.shape == other.shape
            other.copy_(mine)
    x = batch(B, T, inputs)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)
    for network in (ours, theirs):
        network(x).square().sum().backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("form", "count"), [(TanhRNN, 4_417), (LSTM, 17_473), (GRU, 13_121)])
def test_parameters_at_hidden_64(form: Any, count: int) -> None:
    """The notebook's first table."""
    with torch.device("meta"):
        network = form().build(2, 1, "last")
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize(("form", "gates"), [(TanhRNN, 1), (LSTM, 4), (GRU, 3)])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("hidden", [1, 7, 65])
def test_parameters_of_other_sizes(form: Any, gates: int, layers: int, hidden: int) -> None:
    with torch.device("meta"):
        network = form(hidden=hidden, layers=layers).build(2, 3, "every")
    first = gates * hidden * (2 + hidden + 2)
    later = gates * hidden * (hidden + hidden + 2) * (layers - 1)
    assert sum(parameter.numel() for parameter in network.parameters()) == first + later + (hidden + 1) * 3


@pytest.mark.parametrize("form", OURS)
@pytest.mark.parametrize(("hidden", "layers"), [(64, 1), (7, 3)])
@pytest.mark.parametrize("seed", [1, 12345])
def test_initial_weights_are_pytorchs_own(form: Any, hidden: int, layers: int, seed: int) -> None:
    """From its generator, bit for bit those that PyTorch gives to new layers after ``torch.manual_seed``."""
    ours = filled(form(hidden=hidden, layers=layers), 2, 1, "last", NotebookStreams(seed).generator("init"))
    with seeded(seed):
        theirs = Reference(OURS[form], 2, hidden, layers, 1, "last")
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("form", OURS)
def test_initial_weights_lie_within_their_bound(form: Any) -> None:
    network = filled(form(hidden=25), 2, 1, "last")
    for parameter in network.parameters():
        assert parameter.abs().max() <= 0.2 * (1 + 1e-6)
    weights = torch.cat([parameter.flatten() for parameter in network.parameters()])
    assert weights.abs().max() > 0.19
    assert abs(weights.mean().item()) < 5 * (0.2 / 3**0.5) / len(weights) ** 0.5
    assert weights.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.1)


@pytest.mark.parametrize("form", OURS)
def test_sizes_are_checked_without_torch(form: Any) -> None:
    assert (form().hidden, form().layers, form().cell) == (64, 1, form.name)
    for wrong in ({"hidden": 0}, {"hidden": 65_537}, {"hidden": 1.0}, {"hidden": True}, {"layers": 0}, {"units": 3}):
        with pytest.raises(ValidationError):
            form(**wrong)
