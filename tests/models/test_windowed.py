"""Models without recurrence: feedforward, linear, persistence, drift; and matching models by their parameters.

Planted and found: a step with the oldest value first; a window that sees a step ahead; linear fitted also on steps with
unknown values, without fractions, with all lags, without weights for the first steps; the wider of two widths; further
layers left out of the count; relu forgotten.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from unroll.models import Model
from unroll.models.drift import Drift
from unroll.models.feedforward import Feedforward
from unroll.models.gru import GRU
from unroll.models.linear import Linear
from unroll.models.linear_network import LinearNetwork
from unroll.models.lstm import LSTM
from unroll.models.network import Network
from unroll.models.persistence import Persistence
from unroll.models.sized import Sized
from unroll.models.tanh_rnn import TanhRNN
from unroll.streams import KeyedStreams
from unroll.tasks.adding import Adding
from unroll.tasks.alternating import Alternating
from unroll.tasks.announce import Announce
from unroll.tasks.copy import Copy
from unroll.tasks.delay import Delay
from unroll.tasks.fibonacci import Fibonacci
from unroll.tasks.linear_recurrence import LinearRecurrence
from unroll.tasks.numbers import Numbers
from unroll.tasks.odd_numbers import OddNumbers
from unroll.tasks.sine import Sine
from unroll.testing.models import FittedConformance, ModelConformance, batch


class TestFeedforward(ModelConformance):
    def model(self) -> Model:
        return Feedforward(hidden=5, window=3)


class TestDeepFeedforward(ModelConformance):
    def model(self) -> Model:
        return Feedforward(hidden=4, window=9, layers=3)


class TestReLURNN(ModelConformance):
    def model(self) -> Model:
        return TanhRNN(hidden=5, nonlinearity="relu")


class TestLinear(FittedConformance):
    def model(self) -> Model:
        return Linear(window=3)


class TestPersistence(FittedConformance):
    sizes = ((1, 1, 1, 1), (3, 7, 1, 1))

    def model(self) -> Model:
        return Persistence()


class TestDrift(FittedConformance):
    sizes = ((1, 1, 1, 1), (3, 7, 1, 1))

    def model(self) -> Model:
        return Drift()


def filled(model: Model, inputs: int = 1, outputs: int = 1, readout: Any = "every") -> Network:
    network = model.build(inputs, outputs, readout)
    network.initialise(KeyedStreams(1).generator("init"))
    return network


def test_feedforward_is_a_perceptron_over_its_window() -> None:
    """By loops: the last three steps, the newest first, zeros before the first."""
    network = filled(Feedforward(hidden=4, window=3), 2, 1).double()
    x, (first, last) = batch(2, 5, 2), list(network.layers)  # type: ignore[arg-type]
    for b in range(2):
        for t in range(5):
            seen = [x[b, t - lag] if t >= lag else torch.zeros(2) for lag in range(3)]
            expected = last(torch.tanh(first(torch.cat(seen).double())))
            torch.testing.assert_close(network(x)[b, t], expected, rtol=0, atol=1e-14)


def test_feedforward_starts_as_pytorchs_linear_layers_do() -> None:
    network = filled(Feedforward(hidden=64, window=16))
    reference = nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 1))
    for ours, theirs in zip(network.parameters(), reference.parameters(), strict=True):
        assert ours.shape == theirs.shape
    for layer, bound in zip(network.layers, (1 / 4, 1 / 8), strict=True):  # type: ignore[arg-type]
        for parameter in (layer.weight, layer.bias):
            assert 0.8 * bound < parameter.abs().max() <= bound * (1 + 1e-6) or parameter.numel() == 1


def test_a_window_forgets_what_is_before_it() -> None:
    network, x = filled(Feedforward(hidden=8, window=4)).double(), batch(1, 9, 1)
    changed = x.clone()
    changed[:, 3] += 1.0
    same = (network(x) == network(changed)).flatten().tolist()
    assert same == [True] * 3 + [False] * 4 + [True] * 2


def fitted(task: Numbers, length: int, window: int = 8) -> LinearNetwork:
    data = task.dataset(KeyedStreams(1), length)
    network = filled(Linear(window=window), readout=task.readout)
    network.fit(torch.from_numpy(data.train.x), torch.from_numpy(data.train.y))
    assert isinstance(network, LinearNetwork)
    return network


RULES: list[tuple[Numbers, int, str]] = [
    (OddNumbers(representation="raw"), 5, "x(t+1) = 2 x(t) - x(t-1)"),
    (OddNumbers(representation="raw", scale="whole"), 5, "x(t+1) = 2 x(t) - x(t-1)"),
    (OddNumbers(representation="difference"), 5, "x(t+1) = x(t)"),
    (Fibonacci(representation="raw"), 6, "x(t+1) = x(t) + x(t-1)"),
    (LinearRecurrence(representation="raw"), 6, "x(t+1) = 2 x(t) - x(t-1)"),
    (
        LinearRecurrence(coefficients=(0.5, 0, -1 / 3), starts=((-3, 3),) * 3, representation="raw"),
        7,
        "x(t+1) = 1/2 x(t) - 1/3 x(t-2)",
    ),
    (Alternating(period=4, representation="raw"), 7, "x(t+1) = x(t-3)"),
    (Announce(), 6, "x(t+1) = x(t-5)"),
]


@pytest.mark.parametrize(("task", "length", "rule"), RULES)
def test_linear_recovers_the_rule_and_says_it(task: Numbers, length: int, rule: str) -> None:
    network = fitted(task, length)
    assert network.rule() == rule
    assert network.rule("u") == rule.replace("x(", "u(")


@settings(max_examples=30, deadline=None)
@given(
    coefficients=st.lists(st.sampled_from([-1.0, -0.75, -0.5, 0.25, 1 / 3, 0.5, 1.0]), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
)
def test_linear_recovers_any_short_rule(coefficients: list[float], seed: int) -> None:
    """Least squares finds the coefficients of a linear recurrence, exactly, whatever the window beyond its order."""
    order = len(coefficients)
    rows = np.random.default_rng(seed).normal(size=(50, order))
    for t in range(order, 9):
        rows = np.c_[rows, sum(c * rows[:, t - 1 - lag] for lag, c in enumerate(coefficients))]
    x = torch.from_numpy(rows.astype(np.float32))[..., None]
    network = filled(Linear(window=6))
    network.fit(x[:, :-1], x[:, 1:])
    assert isinstance(network, LinearNetwork)
    np.testing.assert_allclose(network.weights[-1, :order, 0], coefficients, rtol=0, atol=1e-15)
    assert not network.weights[-1, order:].any()


def test_linear_is_least_squares_where_nothing_is_exact() -> None:
    """Against NumPy's own solution, in float64, at every number of known values."""
    x, y = batch(40, 6, 1), batch(40, 6, 2)[..., 1:]
    network = filled(Linear(window=3))
    network.fit(x, y)
    values, targets = x.numpy()[..., 0], y.numpy()[..., 0]
    for known in (1, 2, 3):
        steps = [known - 1] if known < 3 else [2, 3, 4, 5]
        a = np.concatenate([values[:, [t - lag for lag in range(known)]] for t in steps])
        b = np.concatenate([targets[:, t] for t in steps])
        expected = np.linalg.lstsq(a, b, rcond=None)[0]
        np.testing.assert_allclose(network.weights[known - 1, :known, 0], expected, atol=1e-12)
    assert isinstance(network, LinearNetwork)
    assert network.rule().startswith("x(t+1) = ")


def test_linear_does_several_inputs_but_says_no_rule() -> None:
    data = Adding(train=300, test=50).dataset(KeyedStreams(1), 4)
    network = filled(Linear(window=4), 2, 1, "last")
    network.fit(torch.from_numpy(data.train.x), torch.from_numpy(data.train.y))
    error = (network(torch.from_numpy(data.test.x)) - torch.from_numpy(data.test.y)).square().mean()
    assert error < 1 / 6
    assert isinstance(network, LinearNetwork)
    assert network.rule() == ""


def test_a_perfect_oracle_goes_on_without_error() -> None:
    """Sixty-four steps on its own output, in float64: not one of them is wrong."""
    for task, length in ((OddNumbers(representation="raw"), 5), (Fibonacci(representation="raw"), 6)):
        network = fitted(task, length)
        for values in task.regimes(KeyedStreams(1), length, 64).values():
            x, state = torch.from_numpy(values), None
            for t in range(length):
                y, state = network.step(x[:, t : t + 1], state)
            for t in range(length, values.shape[1]):
                assert torch.equal(y[:, 0], x[:, t])
                y, state = network.step(y, state)


def test_trivial_predictors_by_hand() -> None:
    x = torch.tensor([[[1.0], [4.0], [9.0]]])
    assert filled(Persistence())(x).flatten().tolist() == [1, 4, 9]
    assert filled(Drift())(x).flatten().tolist() == [1, 7, 14]
    assert filled(Drift(), readout="last")(x).tolist() == [[14]]


@pytest.mark.parametrize("form", [Persistence, Drift])
def test_trivial_predictors_say_what_they_cannot_do(form: type[Model]) -> None:
    form().check_task(OddNumbers(representation="raw"))
    form().check_task(Announce())
    with pytest.raises(
        ValueError, match=f'{form.name} works on the numbers themselves, and task.representation is "di'
    ):
        form().check_task(Sine(representation="difference"))
    with pytest.raises(ValueError, match="adding has 2 inputs"):
        form().check_task(Adding())
    for other in (Linear(), Feedforward(), TanhRNN()):
        other.check_task(Adding())
    with pytest.raises(ValueError, match=r"linear is fitted to numbers, and copy asks for classes\. Leave out"):
        Linear().check_task(Copy())
    with pytest.raises(ValueError, match="linear is fitted to answers at the last or at every step, and delay asks at"):
        Linear().check_task(Delay())
    TanhRNN().check_task(Copy())


SIZED: tuple[type[Sized], ...] = (TanhRNN, LSTM, GRU, Feedforward)


def counted(model: Model, inputs: int, outputs: int) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in model.build(inputs, outputs, "last").parameters())


@settings(max_examples=40, deadline=None)
@given(
    form=st.sampled_from(SIZED),
    wanted=st.integers(1, 100_000),
    layers=st.integers(1, 3),
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 3),
)
def test_the_width_comes_nearest_to_the_parameters_asked_for(
    form: type[Sized], wanted: int, layers: int, inputs: int, outputs: int
) -> None:
    model = form(parameters=wanted, layers=layers)
    width = model.width(inputs, outputs)
    found = counted(model, inputs, outputs)
    assert found == model.count(width, inputs, outputs)
    for other in {max(1, width - 1), width + 1}:
        assert abs(found - wanted) <= abs(counted(form(hidden=other, layers=layers), inputs, outputs) - wanted)


@pytest.mark.parametrize("form", SIZED)
def test_models_of_one_size_are_within_a_few_parameters(form: type[Sized]) -> None:
    assert abs(counted(form(parameters=2_000), 1, 1) - 2_000) < 100


@pytest.mark.parametrize("form", SIZED)
def test_a_width_and_a_size_exclude_each_other(form: type[Sized]) -> None:
    with pytest.raises(
        ValidationError, match=r"model\.parameters = 500 chooses hidden, and model\.hidden = 8 is given"
    ):
        form(parameters=500, hidden=8)
    assert form(parameters="none") == form()
    assert form(**form(parameters=500).model_dump()) == form(parameters=500)
    for wrong in (0, -3, 1.5, True, "many"):
        with pytest.raises(ValidationError):
            form(parameters=wrong)


def test_relu_is_pytorchs_and_unbounded() -> None:
    network = filled(TanhRNN(hidden=6, nonlinearity="relu")).double()
    reference = nn.RNN(1, 6, nonlinearity="relu", batch_first=True).double()
    reference.load_state_dict(network.recurrence.state_dict())  # type: ignore[union-attr]
    x = batch(3, 7, 1) * 100
    torch.testing.assert_close(network(x), network.readout(reference(x)[0]))  # type: ignore[operator]
    assert filled(TanhRNN(hidden=6)).double()(x).abs().max() < network(x).abs().max()
