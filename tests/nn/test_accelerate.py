"""accelerate and decelerate: every recurrent layer of a model, in place.

Planted and found: a kind of layer passed over in silence; ``decelerate`` that leaves the class; None taken for a model.
"""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm

import unroll
import unroll.nn
from tests.kernels.oracle import needs_native
from unroll.nn import accelerate, decelerate


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


class Mine(torch.nn.LSTM):
    pass


class Ours(unroll.nn.GRU):
    pass


def quantised() -> torch.nn.Module:
    model = torch.nn.Sequential(torch.nn.LSTM(2, 3))
    with pytest.warns():  # torch's own: quantization moves to another package
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.LSTM})[0]


@needs_native
@pytest.mark.parametrize(
    ("layer", "kind", "reason"),
    [
        (lambda: Mine(2, 3), "Mine", "a subclass of torch.nn.LSTM, which may compute something else"),
        (lambda: Ours(2, 3), "Ours", "already"),
        (lambda: weight_norm(torch.nn.GRU(2, 3), "weight_hh_l0"), "ParametrizedGRU", "parametrized"),
        (lambda: torch.nn.LSTM(2, 3).half(), "LSTM", "its parameters are float16"),
        (lambda: torch.nn.LSTM(2, 3, device="meta"), "LSTM", "not on meta"),
        (lambda: torch.nn.LSTMCell(2, 3), "LSTMCell", "one step a call"),
        (lambda: torch.nn.GRUCell(2, 3), "GRUCell", "one step a call"),
        (lambda: torch.nn.RNNCell(2, 3), "RNNCell", "one step a call"),
        (quantised, "LSTM", "quantised"),
    ],
    ids=["subclass", "subclass of ours", "parametrized", "half", "meta", "LSTM cell", "GRU cell", "RNN cell", "int8"],
)
def test_what_is_left_alone_says_why(layer: object, kind: str, reason: str) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), layer())  # type: ignore[operator]
    before = type(model[1])
    (swap,) = accelerate(model)
    assert (swap.name, swap.layer, swap.swapped) == ("1", kind, False)
    assert reason in swap.reason
    assert type(model[1]) is before


@needs_native
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_layer_is_left_alone() -> None:
    (swap,) = accelerate(torch.nn.Sequential(torch.jit.script(torch.nn.GRU(2, 3))))
    assert not swap.swapped
    assert "TorchScript" in swap.reason


@needs_native
def test_the_way_back() -> None:
    model = torch.nn.Sequential(torch.nn.GRU(2, 3), torch.nn.LSTMCell(3, 3), unroll.nn.RNN(2, 3), Ours(2, 3))
    layers, parameters = list(model), list(model.parameters())
    x = torch.randn(4, 5, 2)
    before = model[0](x)[0]
    accelerate(model)
    swaps = unroll.decelerate(model)
    assert [(s.name, s.layer, s.swapped) for s in swaps] == [
        ("0", "GRU", True),
        ("2", "RNN", True),
        ("3", "Ours", False),
    ]
    assert "subclass of unroll.nn.GRU" in swaps[2].reason
    assert [type(layer) for layer in model] == [torch.nn.GRU, torch.nn.LSTMCell, torch.nn.RNN, Ours]
    assert all(a is b for a, b in zip(model, layers, strict=True))
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert torch.equal(model[0](x)[0], before)
    assert [s.name for s in decelerate(model)] == ["3"]
    assert accelerate(model)[0].swapped


@needs_native
def test_a_layer_on_the_way_back_is_torchs_own_in_every_respect() -> None:
    """Its attributes too: a pickle of it asks for nothing of unroll."""
    layer = torch.nn.LSTM(2, 3)
    plain = copy.copy(layer.__dict__)
    accelerate(layer)
    decelerate(layer)
    assert layer.__dict__.keys() == plain.keys()
    file = io.BytesIO()
    torch.save(layer, file)
    assert b"unroll" not in file.getvalue()


@needs_native
def test_quantization_passes_over_our_layers_and_takes_them_after_the_way_back() -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(2, 3))
    accelerate(model)

    def quantize() -> torch.nn.Module:
        with pytest.warns():
            return torch.ao.quantization.quantize_dynamic(model, {torch.nn.LSTM})

    assert isinstance(quantize()[0], torch.nn.LSTM)  # in silence: that is why there is a way back
    decelerate(model)
    assert type(quantize()[0]).__module__.startswith("torch.ao.nn.quantized")


@pytest.mark.parametrize("given", [None, "lstm", torch.nn.LSTM, {"weight": 1}], ids=str)
def test_what_is_no_model(given: object) -> None:
    for swap in (accelerate, decelerate):
        with pytest.raises(TypeError, match=rf"{swap.__name__} needs a torch\.nn\.Module, \w+ came\."):
            swap(given)  # type: ignore[arg-type]
