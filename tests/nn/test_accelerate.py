"""accelerate: every recurrent layer of a model, in place."""

from __future__ import annotations

import pytest
import torch

import unroll.nn
from tests.kernels.oracle import needs_native
from unroll.nn import accelerate


class Classifier(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(20, 6)
        self.encoders = torch.nn.ModuleList(
            [torch.nn.LSTM(6, 8, batch_first=True), torch.nn.GRU(8, 5, batch_first=True)]
        )
        self.projected = torch.nn.LSTM(5, 8, proj_size=3, batch_first=True)
        self.shared = self.encoders[0]
        self.head = torch.nn.Linear(3, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)
        for encoder in (*self.encoders, self.projected):
            x, _ = encoder(x)
        return self.head(x[:, -1])


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@needs_native
def test_layers_are_swapped_in_place() -> None:
    model = Classifier()
    tokens = torch.randint(0, 20, (4, 9))
    before, parameters, layers = model(tokens), list(model.parameters()), list(model.encoders)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    called: list[str] = []
    model.encoders[0].register_forward_hook(lambda *_: called.append("hook"))

    swaps = accelerate(model)

    assert [(s.name, s.layer, s.swapped) for s in swaps] == [
        ("encoders.0", "LSTM", True),
        ("encoders.1", "GRU", True),
        ("projected", "LSTM", False),
    ]
    assert "proj_size" in swaps[2].reason
    assert isinstance(model.encoders[0], unroll.nn.LSTM)
    assert model.shared is model.encoders[0]
    assert all(a is b for a, b in zip(model.encoders, layers, strict=True))
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    after = model(tokens)
    assert called == ["hook"]
    assert torch.allclose(after, before, atol=1e-6)
    after.sum().backward()
    optimizer.step()
    assert not torch.equal(model(tokens), after)


@needs_native
def test_a_model_that_is_one_layer_and_a_second_time() -> None:
    model = torch.nn.GRU(2, 3)
    assert accelerate(model)[0].swapped
    assert isinstance(model, unroll.nn.GRU)
    (again,) = accelerate(model)
    assert not again.swapped
    assert "already" in again.reason


def test_without_kernels_nothing_is_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "unroll.kernels._native", None)
    model = torch.nn.LSTM(2, 3)
    (swap,) = accelerate(model)
    assert not swap.swapped
    assert "no native kernels" in swap.reason
    assert type(model) is torch.nn.LSTM


def test_subclasses_are_left_alone() -> None:
    class Mine(torch.nn.LSTM):
        pass

    assert accelerate(Mine(2, 3)) == ()
