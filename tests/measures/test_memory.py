"""Effective memory, against a network that remembers exactly the last k steps, and nothing before.

Planted and found: 12 in the place of 6; the noise without its factor T.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.builders import trials
from unroll.measures.memory.table import memory
from unroll.streams import KeyedStreams
from unroll.tasks.adding import Adding

TESTED = 4000


def loss_of_perfect_memory(length: int, steps: int, markers: str, seed: int = 0) -> float:
    """Return the MSE on real test sequences of somebody who sees the last steps and takes 1/2 for what came before."""
    split = Adding(train=1, test=TESTED, markers=markers).dataset(KeyedStreams(seed), length).test
    value, marker = split.x[:, length - steps :, 0], split.x[:, length - steps :, 1]
    answer = (value * marker).sum(axis=1) + 0.5 * (2 - marker.sum(axis=1))
    return float(np.mean((answer - split.y[:, 0]) ** 2))


@pytest.mark.parametrize("markers", ["anywhere", "halves"])
@pytest.mark.parametrize(("length", "steps"), [(10, 10), (10, 4), (50, 11), (50, 40), (51, 20), (200, 0)])
def test_a_perfect_memory_of_k_steps_is_found(length: int, steps: int, markers: str):
    loss = loss_of_perfect_memory(length, steps, markers)
    (row,) = memory(trials({("gru", length): [loss]}, tested=TESTED)).to_dict("records")
    assert row["amount"] == pytest.approx(steps, abs=3 * row["noise"] + 0.5)


def test_the_noise_is_what_test_sets_scatter_by():
    length, steps = 40, 15
    losses = [loss_of_perfect_memory(length, steps, "anywhere", seed) for seed in range(200)]
    (row,) = memory(trials({("gru", length): losses}, tested=TESTED)).to_dict("records")
    assert row["noise"] == pytest.approx(np.std(row["each_seed"], ddof=1), rel=0.2)


def test_by_hand():
    frame = trials({("gru", 100): [1 / 12, 0.2, 1 / 60, "failed"], ("gru", 200): ["waiting"]})
    (row,) = memory(frame).to_dict("records")
    assert row["n"] == 3
    assert row["each_seed"] == pytest.approx([50.0, 0.0, 90.0]), "more than 1/6 is no memory, not a negative one"
    assert (row["amount"], row["amount_low"], row["amount_high"]) == pytest.approx((50.0, 0.0, 90.0))


def test_data_that_are_given_have_as_many_test_sequences_as_were_tested():
    """Their number is no setting of the task, so that the column of it is empty."""
    frame = trials({("gru", 100): [1 / 12]}, tested=100).assign(test_sd=0.05)
    given = frame.assign(**{"task.test": np.nan, "memoryless_sequences": 400.0})
    ((drawn,), (other,)) = (memory(one).to_dict("records") for one in (frame, given))
    assert other["noise"] == pytest.approx(drawn["noise"] / 2)
    assert other["amount"] == drawn["amount"]


def test_one_seed_has_no_spread_and_other_tasks_have_no_such_memory():
    (row,) = memory(trials({("gru", 10): [0.01]})).to_dict("records")
    assert row["amount_low"] is None
    assert memory(trials({("gru", 10): [0.01]}, task="copying")).empty
