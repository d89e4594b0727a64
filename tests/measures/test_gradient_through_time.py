"""The gradient through time, against numbers worked by hand and PyTorch's own cells.

Planted and found: float32; the mean over the batch in the loss; steps counted from the wrong one; a state that is
detached; squares that leave the range of numbers; sequences of different lengths not aligned.
"""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from unroll import registry
from unroll.analysis.finding import Words
from unroll.measures import DoesNotApplyError
from unroll.measures.gradient_through_time import GradientThroughTime
from unroll.measures.gradient_through_time.compute import compute, gradients, last_scored, summary
from unroll.measures.gradient_through_time.sentences import sentences
from unroll.measures.gradient_through_time.table import reaches
from unroll.models import Model
from unroll.models.gru import GRU
from unroll.models.linear import Linear
from unroll.models.lstm import LSTM
from unroll.models.network import Network
from unroll.models.tanh_rnn import TanhRNN
from unroll.running.examining import examine
from unroll.streams import KeyedStreams
from unroll.study import Study, Trial, expand
from unroll.tasks import Task
from unroll.tasks.adding import Adding
from unroll.testing.models import batch
from unroll.training import Training
from unroll.training.examples import Examples


class Leaky(Network):
    """h_t = a h_{t-1} + x_t, and h is the answer."""

    def __init__(self, a: float):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        h = x_t if state is None else self.a * state + x_t
        return h, h

    def initialise(self, generator: Any) -> None:
        raise NotImplementedError


def half_square(outputs: Tensor, rows: Tensor) -> Tensor:
    return (outputs.square() / 2).sum(dim=1)


def test_a_sequence_worked_by_hand():
    """L = h_3^2 / 2 with h_3 = a^2 x_1: dL/dh_2 = h_3 a = .125, dL/dh_1 = .0625."""
    x = torch.tensor([[[1.0], [0.0], [0.0]]], dtype=torch.float64)
    found = gradients(Leaky(0.5), x, torch.tensor([2]), half_square)
    assert set(found) == {""}
    np.testing.assert_allclose(10 ** found[""], [0.0625, 0.125], rtol=1e-14)
    assert summary(found[""]) == pytest.approx({"gradient_reach": 2.0, "gradient_slope": math.log(2)})


def test_many_sequences_are_a_root_mean_and_end_together():
    """The second answers one step earlier: dL/dh_1 = h_2 a = .25, which is one step before the answer."""
    x = torch.tensor([[[1.0], [0.0], [0.0]], [[1.0], [0.0], [9.0]]], dtype=torch.float64)
    found = gradients(Leaky(0.5), x, torch.tensor([2, 1]), half_square)[""]
    np.testing.assert_allclose(10**found, [0.0625, math.sqrt((0.125**2 + 0.25**2) / 2)], rtol=1e-14)
    same = gradients(Leaky(0.5), x[:1].expand(7, 3, 1), torch.full((7,), 2), half_square)[""]
    np.testing.assert_allclose(10**same, [0.0625, 0.125], rtol=1e-14)


def test_small_gradients_keep_their_size_until_there_are_no_numbers_left():
    found = gradients(Leaky(1e-3), torch.ones(2, 150, 1, dtype=torch.float64), torch.full((2,), 149), lambda y, _: y)
    ages = np.arange(149, 0, -1)
    np.testing.assert_allclose(found[""][ages <= 102], -3.0 * ages[ages <= 102], rtol=1e-12)
    assert np.isneginf(found[""][ages > 108]).all()
    assert summary(found[""])["gradient_reach"] == 1.0
    assert summary(found[""])["gradient_slope"] == pytest.approx(math.log(1e3), rel=1e-3)


def test_what_grows_is_told_and_what_is_no_number_is_refused():
    ones = torch.ones(1, 200, 1, dtype=torch.float64)
    found = gradients(Leaky(50.0), ones, torch.tensor([199]), lambda y, _: y / 1e300)[""]
    assert np.isfinite(found).all()
    assert summary(found) == pytest.approx({"gradient_reach": 199.0, "gradient_slope": -math.log(50)})
    with pytest.raises(ValueError, match="not a number"):
        gradients(Leaky(math.nan), ones, torch.tensor([199]), lambda y, _: y)
    with pytest.raises(DoesNotApplyError, match="after one step: no state leads to it"):
        gradients(Leaky(0.5), ones, torch.tensor([0]), lambda y, _: y)


def test_nothing_arrives():
    found = gradients(Leaky(0.0), torch.ones(2, 4, 1, dtype=torch.float64), torch.tensor([3, 3]), half_square)[""]
    assert np.isneginf(found).all()
    assert summary(found) == {"gradient_reach": 0.0}


MODELS: dict[type[Model], tuple[type[nn.RNNCellBase], Model]] = {
    TanhRNN: (nn.RNNCell, TanhRNN(hidden=5)),
    GRU: (nn.GRUCell, GRU(hidden=5)),
    LSTM: (nn.LSTMCell, LSTM(hidden=5)),
}


@pytest.mark.parametrize("of", MODELS)
def test_pytorchs_cells_have_the_same_gradients(of: type[Model]):
    cell_of, model = MODELS[of]
    network: Any = model.build(2, 1, "last").double()
    network.initialise(KeyedStreams(3).generator("init"))
    cell = cell_of(2, 5).double()
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in network.recurrence.state_dict().items()})
    B, T = 3, 9
    x, y = batch(B, T, 2), torch.linspace(-1, 1, B, dtype=torch.float64)
    squares, of_h = np.zeros(T - 1), np.zeros(T - 1)
    for b, t in product(range(B), range(T - 1)):
        state: Any = None
        for step in range(t + 1):
            state = cell(x[b : b + 1, step], state)
        start = [part.detach().requires_grad_() for part in (state if of is LSTM else (state,))]
        state = tuple(start) if of is LSTM else start[0]
        for step in range(t + 1, T):
            state = cell(x[b : b + 1, step], state)
        h = state[0] if of is LSTM else state
        (network.readout(h)[0, 0] - y[b]).square().backward()
        squares[t] += sum(float(part.grad.square().sum()) for part in start)
        of_h[t] += float(start[0].grad.square().sum())
    found = gradients(network.eval(), x, torch.full((B,), T - 1), lambda out, rows: (out[:, 0] - y[rows]).square())
    np.testing.assert_allclose(found[""], np.log10(np.sqrt(squares / B)), rtol=0, atol=1e-12)
    assert ("h" in found) == (of is LSTM)
    if of is LSTM:
        np.testing.assert_allclose(found["h"], np.log10(np.sqrt(of_h / B)), rtol=0, atol=1e-12)


def test_parts_of_the_sequences_one_after_the_other_are_all_of_them(monkeypatch: pytest.MonkeyPatch):
    network: Any = LSTM(hidden=4, layers=2).build(2, 1, "last").double()
    network.initialise(KeyedStreams(3).generator("init"))
    x, ends = batch(6, 12, 2), torch.tensor([11, 3, 11, 7, 5, 11])
    loss = lambda out, rows: (out[:, 0] - rows).square()  # noqa: E731
    together = gradients(network, x, ends, loss)
    monkeypatch.setattr("unroll.measures.gradient_through_time.compute.AT_ONCE", 400)
    for name, apart in gradients(network, x, ends, loss).items():
        np.testing.assert_allclose(apart, together[name], rtol=0, atol=1e-12)


def trial_of(task: str, model: str, length: int, **settings: Any) -> Trial:
    study = Study(
        name="one",
        factors={"task": [task], "model": [model], "length": [length], "seed": [1]},
        task={"train": 8, "test": 8, **settings},
        **({} if model == "linear" else {"model": {"hidden": 4}}),
        train={"epochs": 1},
    )
    return expand(study)[0]


def fits(task: Task, length: int) -> bool:
    try:
        task.check_length(length)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", registry.tasks.names())
def test_every_task_gives_a_curve_up_to_its_last_answer(name: str, tmp_path: Path):
    kind = registry.tasks.load(name)
    (tmp_path / "own.csv").write_text("a,b\n" + "".join(f"{n % 7},{n % 5}\n" for n in range(2_000)))
    task = kind(**{"file": str(tmp_path / "own.csv")} if "file" in kind.model_fields else {})
    length = next(steps for steps in (4, 5, 8, 30, 64, 200) if fits(task, steps))
    network = LSTM(hidden=4).build(task.inputs, task.outputs, "last" if task.readout == "last" else "every").double()
    network.initialise(KeyedStreams(3).generator("init"))  # type: ignore[attr-defined]
    split = task.sequences(KeyedStreams(1).generator("x"), 5, length)
    found = compute(task, network.eval(), split)
    curve = found.arrays["log10_gradient"]
    assert list(curve.axes["step"]) == list(range(1, len(curve.values) + 1))
    assert len(curve.values) < split.x.shape[1]
    assert np.isfinite(curve.values).all()
    assert 1 <= found.metrics["gradient_reach"] <= len(curve.values)


def test_the_last_scored_position_of_each_sequence():
    x = torch.zeros(3, 5, 1)
    at = torch.tensor([[0, 2, 4], [1, 2, 3], [0, 1, 2]], dtype=torch.int32)
    y = torch.tensor([[1, 2, 3], [1, 2, -1], [5, -1, -1]], dtype=torch.int32)
    ends, targets = last_scored(Examples(x, y, at, None, 0))
    assert (ends.tolist(), targets.tolist()) == ([4, 2, 0], [3, 2, 5])
    every = torch.tensor([[1, 2, 3, 4, 5], [1, -1, 7, -1, -1], [-1] * 4 + [6]])
    ends, targets = last_scored(Examples(x, every, None, None, 0))
    assert (ends.tolist(), targets.tolist()) == ([4, 2, 4], [5, 7, 6])
    ends, targets = last_scored(Examples(x, torch.tensor([[1], [2], [3]]), None, None, 0))
    assert (ends.tolist(), targets.tolist()) == ([4, 4, 4], [1, 2, 3])
    ends, targets = last_scored(Examples(x, torch.arange(15.0).view(3, 5, 1), None, None, 0))
    assert (ends.tolist(), targets[:, 0].tolist()) == ([4, 4, 4], [4.0, 9.0, 14.0])


def test_the_trained_network_is_looked_at_in_float64_and_left_as_it_is():
    """float32 ends at 1e-45: of a chain that shrinks by 1e-2 and more a step, 40 steps are beyond it."""
    training = Training(trial_of("adding", "tanh_rnn", 40))
    with torch.no_grad():
        training.network.recurrence.weight_hh_l0.mul_(1e-2)
    training.network.train()
    before = {name: tensor.clone() for name, tensor in training.network.state_dict().items()}
    (found,) = examine(training.trial, training.network)
    assert found.error is None
    assert found.arrays["log10_gradient"].values[0] < -60
    assert np.isfinite(found.arrays["log10_gradient"].values).all()
    assert training.network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in training.network.state_dict().items())
    assert {tensor.dtype for tensor in training.network.state_dict().values()} == {torch.float32}
    (again,) = examine(training.trial, training.network)
    assert again.metrics == found.metrics
    other = training.trial.replace(protocol="notebook")
    assert examine(other, training.network)[0].metrics == found.metrics


def test_a_model_without_a_state_says_why_not():
    reason = GradientThroughTime().why_not(Adding(), Linear())
    assert "keeps no state" in reason
    assert GradientThroughTime().why_not(Adding(), LSTM()) == ""
    trial = trial_of("odd_numbers", "linear", 4)
    assert examine(trial, Training(trial).network) == ()


def found_of(model: str, reach: list[float], length: int = 20, condition: str = "") -> pd.DataFrame:
    """Return an examination's frame of one condition, as ``Results.examination`` gives it."""
    about = {"condition": f"{model} {length} {condition}", "task": "adding", "model": model, "length": length}
    rows = [{**about, "key": str(seed), "quantity": "gradient_reach", "value": v} for seed, v in enumerate(reach)]
    rows += [{**about, "quantity": "gradient_slope", "value": 0.5}]
    rows += [{**about, "quantity": "log10_gradient", "step": t, "value": 0.0} for t in range(1, length)]
    return pd.DataFrame(rows).assign(note="")


def test_a_sentence_tells_how_far_the_gradient_reaches_and_ranks_nothing():
    words = Words({"adding": "the adding problem"}, {"lstm": "the LSTM", "gru": "the GRU"})
    found = pd.concat([found_of("lstm", [19, 12, 17]), found_of("gru", [4, 5]), found_of("gru", [9, 9], length=10)])
    (said,) = sentences(reaches(found), words)
    assert said.sentence == (
        "After training at T = 20, the gradient of the last answer reaches back 17 in the LSTM and 4.5 in the GRU, of "
        "19 steps."
    )
    (same,) = sentences(reaches(pd.concat([found_of("lstm", [19, 19]), found_of("gru", [19])])), words)
    assert same.sentence == (
        "After training at T = 20, the gradient of the last answer reaches back 19 of 19 steps in the LSTM and the GRU."
    )
    assert "LSTM 12 to 19 (n = 3) and GRU 4 to 5 (n = 2)" in said.evidence
    assert not said.compares
    two = pd.concat([found_of("lstm", [3]), found_of("lstm", [4], condition="other")])
    assert list(sentences(reaches(two), words)) == []
    missing = found_of("lstm", []).iloc[:0]
    assert list(sentences(reaches(missing), words)) == []


def test_a_row_without_a_number_says_why():
    without = pd.DataFrame(
        [{"condition": "c", "task": "adding", "model": "lstm", "length": 20, "note": "not recorded"}]
    )
    table = reaches(without.assign(quantity=None, value=np.nan))
    assert table[["n", "without", "note"]].to_numpy().tolist() == [[0, 1, "not recorded"]]
    assert np.isnan(table["reach"][0])
