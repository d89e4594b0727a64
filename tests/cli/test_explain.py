"""``unroll explain``.

Planted and found: a count that forgets the second bias; sizes of the task that are not passed on; a state's axis of
sequences shown as a number; LaTeX that is shown as it is written.
"""

from __future__ import annotations

import doctest
import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll import registry
from unroll.cli import formula
from unroll.cli.explain import facts
from unroll.models.gru import GRU
from unroll.models.sized import Sized
from unroll.tasks.copy import Copy

MODELS = ("tanh_rnn", "lstm", "gru", "feedforward", "linear")


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(formula).failed == 0


@given(st.sampled_from(MODELS), st.data())
@settings(max_examples=25, deadline=None)
def test_parameters_are_those_of_the_network_that_torch_builds(name: str, data: st.DataObject):
    form = registry.models.load(name)
    inputs, outputs = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    given_: dict[str, Any] = {}
    if issubclass(form, Sized):
        given_ = {"hidden": data.draw(st.integers(1, 40)), "layers": data.draw(st.integers(1, 3))}
    model = form(**given_)
    found = facts(model, inputs, outputs, "every")
    network = model.build(inputs, outputs, "every")
    assert found["count"] == sum(one.numel() for one in network.parameters())
    assert found["count"] == sum(row["count"] for row in found["parameters"] if row["trained"])
    assert {row["name"]: tuple(row["shape"]) for row in found["parameters"]} == {
        name: tuple(value.shape) for name, value in network.state_dict().items()
    }
    outcome, state = network.step(torch.zeros(5, inputs))
    assert list(outcome.shape) == [5, outputs]
    held = [one for one in (state if isinstance(state, tuple) else (state,)) if isinstance(one, torch.Tensor)]
    assert [[5 if size == "B" else size for size in shape] for shape in found["shapes"]["state"]] == [
        list(one.shape) for one in held
    ]


@pytest.mark.parametrize("name", registry.models.names())
def test_each_model_explains_itself_without_latex(name: str, unroll):
    done = unroll("explain", name)
    assert done.code == 0
    assert "\\" not in done.out
    assert "``" not in done.out
    assert " = " in done.out
    assert "Shapes" in done.out


def test_equations_sizes_and_settings(unroll):
    done = unroll("explain", "gru", "--task", "adding", "--set", "hidden=8", "--set", "model.layers=2")
    assert "h_t = (1 - z) n + z h_{t-1}" in done.out
    assert "(24, 2)" in done.out
    assert "(2, B, 8)" in done.out
    found = json.loads(unroll("explain", "gru", "--set", "parameters=1000", "--json").out)
    assert found["settings"]["hidden"] == GRU(parameters=1000).width(1, 1)
    assert abs(found["count"] - 1000) < 100


def test_what_is_wrong_is_told_with_the_next_step(unroll):
    unknown = unroll("explain", "gruu")
    assert (unknown.code, 'Did you mean "gru"?' in unknown.err) == (2, True)
    wrong = unroll("explain", "gru", "--set", "hiden=8", "--set", "layers=0")
    assert wrong.code == 2
    assert 'Did you mean "hidden"?' in wrong.err
    assert "at least 1" in wrong.err
    assert "is not NAME=VALUE" in unroll("explain", "gru", "--set", "hidden").err


def test_a_task_that_a_model_cannot_do_is_refused_as_in_a_study(unroll):
    refused = unroll("explain", "persistence", "--task", "copy")
    assert (refused.code, refused.out) == (2, "")
    assert '(task "copy")' in refused.err
    assert "persistence continues sequences of one number per step" in " ".join(refused.err.split())


def test_a_task_that_reads_some_steps_is_given_every_output(unroll, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Copy, "readout", property(lambda task: "some"))
    shapes = json.loads(unroll("explain", "gru", "--task", "copy", "--json").out)["shapes"]
    assert shapes["outputs"] == ["B", "T", 9]


def test_a_third_party_s_model_without_a_docstring_and_one_that_counts_wrong(unroll, monkeypatch: pytest.MonkeyPatch):
    class Plain(GRU):
        name = "plain"
        summary = "somebody's"
        title = "Plain"

    class Wrong(Plain):
        name = "wrong"

        def count(self, hidden: int, inputs: int, outputs: int) -> int:
            return super().count(hidden, inputs, outputs) - hidden

    for form in (Plain, Wrong):
        monkeypatch.setitem(registry.models._registered, form.name, form)
    done = unroll("explain", "plain", "--set", "hidden=4")
    assert done.out.startswith("Plain: somebody's")
    assert "Parameters: 89 to train" in done.out
    wrong = unroll("explain", "wrong")
    assert wrong.code == 1
    assert "Correct its method count" in wrong.err
