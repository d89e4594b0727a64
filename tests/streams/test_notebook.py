"""The protocol ``notebook``: the draws of the notebook's own code, to the bit, without its global generators.

Faults that were planted and seen here: test data before training data; the sampler's word before the DataLoader's;
the global NumPy generator instead of one of the trial's own; more distinct numbers asked for than there are.
"""

import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.notebook_oracle import draws, run
from unroll import registry
from unroll.streams.notebook import NotebookStreams
from unroll.tasks.adding import Adding
from unroll.testing.untouched import global_generators_untouched

CASES = [
    (cell, length, seed) for cell in ("tanh_rnn", "lstm", "gru") for length in (10, 25) for seed in (1, 2, 3, 12345)
]


def ours(cell: str, length: int, seed: int, epochs: int, train: int, test: int, skip: int = 0) -> dict[str, Any]:
    streams = NotebookStreams(seed)
    data = Adding(train=train, test=test).dataset(streams, length)
    with torch.device("meta"):
        network = registry.models.load(cell)().build(2, 1, "last")
    network.to_empty(device="cpu").initialise(streams.generator("init"))
    return {
        "train": (data.train.x, data.train.y),
        "test": (data.test.x, data.test.y),
        "weights": dict(network.named_parameters()),
        "orders": [streams.order(epoch, train) for epoch in range(skip, epochs)],
    }


def assert_same(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    for split in ("train", "test"):
        for a, b in zip(mine[split], theirs[split], strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
    for a, b in zip(mine["weights"].values(), theirs["weights"].values(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(mine["orders"], theirs["orders"], strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize(("cell", "length", "seed"), CASES)
def test_the_notebooks_draws(cell: str, length: int, seed: int) -> None:
    """Data, initial weights and the order of three epochs, with 1,003 training sequences: the last batch is short."""
    sizes: dict[str, int] = {"epochs": 3, "train": 1_003, "test": 201}
    with global_generators_untouched():
        mine = ours(cell, length, seed, **sizes)
        theirs = draws(cell, length, seed, **sizes)
    assert_same(mine, theirs)


@pytest.mark.parametrize("cell", ["tanh_rnn", "lstm", "gru"])
def test_the_notebooks_draws_at_its_own_size(cell: str) -> None:
    assert_same(ours(cell, 10, 1, 3, 10_000, 2_000), draws(cell, 10, 1))


@pytest.mark.parametrize("n", [1, 63, 64, 65, 130])
def test_sizes_around_the_batch(n: int) -> None:
    assert_same(ours("gru", 7, 9, 4, n, 3), draws("gru", 7, 9, epochs=4, train=n, test=3))


def test_epochs_may_be_left_out_but_not_gone_back_to() -> None:
    """As a training does that goes on from a checkpoint."""
    whole = ours("gru", 5, 3, 6, 100, 10)["orders"]
    np.testing.assert_array_equal(ours("gru", 5, 3, 6, 100, 10, skip=4)["orders"], whole[4:])
    streams = NotebookStreams(3)
    streams.order(2, 10)
    for epoch in (2, 0):
        with pytest.raises(ValueError, match=f"epoch {epoch} was drawn already; the next one is 3"):
            streams.order(epoch, 10)


def test_the_oracle_trains_and_leaves_no_trace() -> None:
    with global_generators_untouched():
        whole = run("tanh_rnn", 5, 1, epochs=2, train=130, test=50)
        start = run("tanh_rnn", 5, 1, updates=4, train=130, test=50)
    assert (len(whole["losses"]), len(whole["epoch_losses"]), whole["test_mse"] > 0) == (6, 2, True)
    np.testing.assert_array_equal(start["losses"], whole["losses"][:4])
    np.testing.assert_array_equal(start["grad_norms"], whole["grad_norms"][:4])


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 20))
def test_the_number_sequences_are_drawn_from_pythons_generator(seed: int, n: int) -> None:
    """``randint`` and ``choice``, as the second notebook calls them, are whole numbers drawn row by row."""
    theirs = random.Random(seed)
    choices = [1, 3, 5, 7, 9, 11, 13]
    expected = [[theirs.randint(5, 12), theirs.choice(choices)] for _ in range(n)]
    with global_generators_untouched():
        drawn = NotebookStreams(seed, "python").generator("data").integers(0, np.array([8, 7]), (n, 2))
    assert [[5 + a, choices[b]] for a, b in drawn.tolist()] == expected


def test_initial_weights_do_not_depend_on_who_draws_the_data() -> None:
    weights = [NotebookStreams(3, draws).generator("init").uniform(0, 1, (4,)) for draws in ("numpy", "python")]
    np.testing.assert_array_equal(*weights)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    draws=st.sampled_from(["numpy", "python"]),
    name=st.sampled_from(["data", "init"]),
    rows=st.integers(0, 4),
    population=st.integers(2, 9),
    data=st.data(),
)
def test_all_generators_keep_the_contract(
    seed: int, draws: Any, name: str, rows: int, population: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, population))
    with global_generators_untouched():
        generator = NotebookStreams(seed, draws).generator(name)
        unit = generator.uniform(0.0, 1.0, (rows, 3))
        whole = generator.integers(-2, population, (rows,))
        columns = generator.integers(0, np.array([1, population]), (rows, 2))
        distinct = generator.distinct(rows, population, size)
        order = generator.permutation(population)
    assert (unit.shape, unit.dtype, whole.dtype, order.dtype) == ((rows, 3), np.float64, np.int64, np.int64)
    assert ((unit >= 0) & (unit < 1)).all()
    assert ((whole >= -2) & (whole < population)).all()
    assert (columns.shape, columns.dtype) == ((rows, 2), np.int64)
    assert ((columns >= 0) & (columns < [1, population])).all()
    assert (distinct.shape, distinct.dtype) == ((rows, size), np.int64)
    assert all(len(set(row)) == size and set(row) <= set(range(population)) for row in distinct.tolist())
    assert sorted(order.tolist()) == list(range(population))
    with pytest.raises(ValueError, match=r"\d|larger"):
        generator.distinct(1, population, population + 1)
