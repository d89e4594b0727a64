"""Objectives against numbers worked out by hand and against sums in float64, however batches are cut.

Planted and found: unscored positions counted in the mean; batches weighed by their sequences; an accuracy over all
scored positions; the highest class among equal logits; positions of ``at`` read one step late.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unroll import registry
from unroll.objectives.cross_entropy import CrossEntropy
from unroll.objectives.mse import MSE
from unroll.tasks import Split
from unroll.training.examples import Examples


def test_cross_entropy_by_hand():
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], [[0.2, 0.2, 0.6], [1 / 3, 1 / 3, 1 / 3]]]))
    targets = torch.tensor([[0, -1], [1, 2]], dtype=torch.int32)
    right = -np.log([0.5, 0.2, 1 / 3])
    objective = CrossEntropy()
    assert objective.scored(targets) == 3
    assert objective.loss(logits, targets).item() == pytest.approx(right.mean())
    assert objective.each(logits, targets).tolist() == pytest.approx([right[0], right[1:].mean()])
    asked = torch.tensor([[True, False], [False, True]])
    counts = objective.counts(logits, targets, asked)
    assert counts == {"accuracy": (1.0, 2), "sequence_accuracy": (1.0, 2)}, "of equal logits the lowest class counts"
    assert objective.counts(logits, targets, None)["accuracy"] == (1.0, 3)


def scores(n: int, positions: int, classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets of which some are not scored; each sequence has one that is."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(-1, classes, (n, positions)).astype(np.int32)
    targets[:, 0] = np.abs(targets[:, 0])
    return torch.from_numpy(generator.normal(size=(n, positions, classes))), torch.from_numpy(targets)


@given(st.integers(1, 20), st.integers(1, 6), st.integers(2, 5), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_a_mean_over_batches_is_the_mean_over_scored_positions(n, positions, classes, batch, seed):
    logits, targets = scores(n, positions, classes, seed)
    objective = CrossEntropy()
    parts = [(logits[i : i + batch], targets[i : i + batch]) for i in range(0, n, batch)]
    total = sum(objective.loss(*part).item() * objective.scored(part[1]) for part in parts)
    p = torch.log_softmax(logits, -1).numpy()
    rows, columns = np.nonzero(targets.numpy() >= 0)
    losses = -p[rows, columns, targets.numpy()[rows, columns]]
    assert total / objective.scored(targets) == pytest.approx(losses.mean())
    by_sequence = [losses[rows == row].mean() for row in range(n)]
    assert objective.each(logits, targets).numpy() == pytest.approx(np.array(by_sequence))


@given(st.integers(2, 30), st.integers(1, 4), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_no_answer_without_input_is_better_than_the_constant(n, positions, classes, seed):
    logits, targets = scores(n, positions, classes, seed)
    same = logits[:1].expand(n, -1, -1)
    constant = CrossEntropy().constant(targets.numpy())
    per_position = constant * (targets.numpy() >= 0).sum(axis=1)
    answers = CrossEntropy().each(same, targets).numpy() * (targets.numpy() >= 0).sum(axis=1)
    assert per_position.sum() <= answers.sum() + 1e-9


def test_the_constant_by_hand():
    targets = np.array([[0, 1], [0, -1], [1, 1], [1, 0]], dtype=np.int32)
    half, two, one = math.log(2), -math.log(2 / 3), -math.log(1 / 3)
    expected = [(half + two) / 2, half, (half + two) / 2, (half + one) / 2]
    assert CrossEntropy().constant(targets) == pytest.approx(np.array(expected))
    at = np.array([[0, 1], [0, 2], [1, 2], [1, 2]], dtype=np.int32)  # step 0: 0, 0; 1: 1, 1, 1; 2: 1, 0
    assert CrossEntropy().constant(targets, at) == pytest.approx(np.array([0, 0, half / 2, half / 2]))
    y = np.array([[[1.0], [3.0]], [[5.0], [7.0]]], dtype=np.float32)
    assert MSE().constant(y) == pytest.approx(np.array([(9 + 1) / 2, (1 + 9) / 2])), "one answer for all positions"


def test_what_is_asked_of_some_steps_is_what_is_answered_there():
    class Echo(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    x = np.array([[2, 0, 1, 0], [1, 1, 0, 2]], dtype=np.uint8)
    at = np.array([[0, 2], [1, 3]], dtype=np.int32)
    examples = Examples.of(Split(x, np.zeros((2, 2), dtype=np.int32), at=at), 3)
    assert examples.answers(Echo()).argmax(-1).tolist() == [[2, 1], [1, 2]]
    assert examples.inputs().dtype == torch.float32
    (chosen,) = examples.take(torch.tensor([1])).answers(Echo()).argmax(-1).tolist()
    assert chosen == [1, 2]
    assert examples.part(1, 5).answers(Echo()).argmax(-1).tolist() == [[1, 2]]


def test_every_objective_declares_its_score():
    for name in registry.objectives.names():
        objective = registry.objectives.load(name)()
        assert objective.name == name
        assert objective.score.name == f"test_{objective.kind}"
        assert objective.score.better == "lower"
        assert all(quantity.name.startswith("test_") for quantity in objective.counted)
