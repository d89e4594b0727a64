"""The protocol ``keyed``: golden values, uniformity, and nothing but (seed, stream, epoch) decides.

Faults that were planted and seen here: a key without the epoch; a key without the stream's name; 52 bits instead of 53; ``distinct``
without sorting what was chosen; ``order`` from one generator that goes on; NumPy's own permutation.
"""

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.models.gru import GRU
from unroll.models.lstm import LSTM
from unroll.models.tanh_rnn import TanhRNN
from unroll.streams import KeyedStreams
from unroll.streams.keyed import KeyedGenerator
from unroll.tasks.adding import Adding
from unroll.testing.untouched import global_generators_untouched

seeds = st.integers(0, 2**32 - 1)
streams_of = st.sampled_from(["data", "validation", "test", "init"])


def sha256(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def test_golden_words() -> None:
    """Philox4x64-10 by its definition (Salmon et al. 2011), in Python's whole numbers, under the documented key."""

    def words(key: tuple[int, int], count: int) -> list[int]:
        found: list[int] = []
        block = 0
        while len(found) < count:
            block += 1  # NumPy counts before it draws
            c, (k0, k1) = [block, 0, 0, 0], key
            for _ in range(10):
                p0, p1 = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
                mask = 2**64 - 1
                c = [(p1 >> 64) ^ c[1] ^ k0, p1 & mask, (p0 >> 64) ^ c[3] ^ k1, p0 & mask]
                k0, k1 = (k0 + 0x9E3779B97F4A7C15) & mask, (k1 + 0xBB67AE8584CAA73B) & mask
            found += c
        return found[:count]

    raw = hashlib.sha256(b"unroll/7/data/0").digest()
    drawn = words((int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:16], "little")), 10)
    expected = [(word >> 11) / 2**53 for word in drawn]
    np.testing.assert_array_equal(KeyedGenerator(7, "data").uniform(0.0, 1.0, (10,)), expected, strict=True)
    np.testing.assert_array_equal(KeyedGenerator(7, "data").permutation(10), np.argsort(np.array(drawn, dtype=object)))
    assert KeyedGenerator(7, "data").integers(-3, 9, (10,)).tolist() == [int(12 * u) - 3 for u in expected]


# A change of these is a change of every result under the protocol keyed; it must not happen.
GOLDEN_DATA = {
    "anywhere": "aa5465ef5c588d3ff25970c5c27754aeec201850ea689f82ad50bb12abd0568a",
    "halves": "524205c9c7bf942dc4d21ae54f020d51c8629bd19cc9ce65e21069b5bc1297a3",
}
GOLDEN_WEIGHTS: dict[Any, str] = {
    TanhRNN: "98aadf8ee5a88babe4857819a1a69414aab238160f9fb76d490b5d2dccdc6b00",
    LSTM: "eb1afa7106f5e6b5912ac27dadcc700df28efd4a7e2356e50326de14d205105a",
    GRU: "daed9c736853d775018f90bc0eb171a160987a2afa158dcb0be83bf1125ab68c",
}
GOLDEN_ORDER = {
    0: "1c2b88f4728bb958bc5091ef11db536bbcb51c0aa12bb8f44598d470e451f1a2",
    3: "44be3bbe9a5e7727b160ab2fe85d1eb04e8610aacd5c84b8acefc7a4d1c39a77",
}


@pytest.mark.parametrize("markers", GOLDEN_DATA)
def test_golden_data(markers: Any) -> None:
    """T = 10, seed 1: x and y of the training, validation and test split."""
    data = Adding(train=1000, validation=100, test=200, markers=markers).dataset(KeyedStreams(1), 10)
    arrays = [array for split in (data.train, data.validation, data.test) for array in (split.x, split.y)]
    assert sha256(*arrays) == GOLDEN_DATA[markers]


@pytest.mark.parametrize("model", GOLDEN_WEIGHTS)
def test_golden_weights(model: Any) -> None:
    """Hidden 64, seed 1: float32, in the order of the parameters."""
    network = model().build(2, 1, "last")
    network.initialise(KeyedStreams(1).generator("init"))
    assert sha256(*(parameter.detach().numpy() for parameter in network.parameters())) == GOLDEN_WEIGHTS[model]


@pytest.mark.parametrize("epoch", GOLDEN_ORDER)
def test_golden_order(epoch: int) -> None:
    """10,000 training sequences, seed 1."""
    assert sha256(KeyedStreams(1).order(epoch, 10_000)) == GOLDEN_ORDER[epoch]


@settings(deadline=None)
@given(seed=seeds, epochs=st.permutations(range(4)), names=st.permutations(["data", "validation", "test", "init"]))
def test_the_order_of_asking_changes_nothing(seed: int, epochs: list[int], names: list[str]) -> None:
    alone = {epoch: KeyedStreams(seed).order(epoch, 50).tolist() for epoch in range(4)}
    drawn = {name: KeyedStreams(seed).generator(name).uniform(0, 1, (5,)).tolist() for name in names}
    together = KeyedStreams(seed)
    generators = {name: together.generator(name) for name in names}
    assert {epoch: together.order(epoch, 50).tolist() for epoch in epochs} == alone
    assert {name: generators[name].uniform(0, 1, (5,)).tolist() for name in reversed(names)} == drawn
    assert len({tuple(values) for values in (*alone.values(), *drawn.values())}) == 8


@given(seed=seeds, other=seeds, name=streams_of)
def test_another_seed_is_another_stream(seed: int, other: int, name: str) -> None:
    a, b = (KeyedStreams(s).generator(name).uniform(0, 1, (3,)).tolist() for s in (seed, other))
    assert (a == b) == (seed == other)


def test_global_generators_are_left_alone() -> None:
    with global_generators_untouched():
        streams = KeyedStreams(3)
        generator = streams.generator("data")
        generator.uniform(0, 1, (10, 10))
        generator.integers(0, 5, (10,))
        generator.distinct(10, 5, 2)
        generator.permutation(10)
        streams.order(2, 10)


@given(
    seed=seeds,
    shape=st.lists(st.integers(0, 5), max_size=3).map(tuple),
    low=st.floats(-10, 10),
    width=st.floats(1e-3, 10),
)
def test_uniforms_have_their_shape_and_bounds(seed: int, shape: tuple[int, ...], low: float, width: float) -> None:
    high = low + width
    drawn = KeyedStreams(seed).generator("data").uniform(low, high, shape)
    assert (drawn.shape, drawn.dtype) == (shape, np.float64)
    assert ((drawn >= low) & (drawn <= high)).all()
    unit = KeyedStreams(seed).generator("data").uniform(0.0, 1.0, shape)
    assert ((unit >= 0) & (unit < 1)).all()
    assert (unit * 2.0**53 % 1 == 0).all()


@given(seed=seeds, low=st.integers(-(2**40), 2**40), width=st.integers(1, 2**40), n=st.integers(0, 20))
def test_whole_numbers_have_their_bounds(seed: int, low: int, width: int, n: int) -> None:
    drawn = KeyedStreams(seed).generator("data").integers(low, low + width, (n,))
    assert (drawn.shape, drawn.dtype) == ((n,), np.int64)
    assert ((drawn >= low) & (drawn < low + width)).all()


@given(seed=seeds, rows=st.integers(0, 6), population=st.integers(1, 12), data=st.data())
def test_distinct_numbers_are_distinct(seed: int, rows: int, population: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, population))
    drawn = KeyedStreams(seed).generator("data").distinct(rows, population, size)
    assert (drawn.shape, drawn.dtype) == ((rows, size), np.int64)
    assert all(len(set(row)) == size and set(row) <= set(range(population)) for row in drawn.tolist())


def test_more_distinct_numbers_than_there_are() -> None:
    with pytest.raises(ValueError, match="3 different numbers cannot be drawn out of 2"):
        KeyedStreams(1).generator("data").distinct(1, 2, 3)


@given(seed=seeds, epoch=st.integers(0, 1000), n=st.integers(0, 60))
def test_an_order_is_a_permutation(seed: int, epoch: int, n: int) -> None:
    order = KeyedStreams(seed).order(epoch, n)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))


def chi_square(counts: np.ndarray) -> float:
    """How far counts of equally likely events lie from each other, in standard deviations of chi-square."""
    expected, freedom = counts.sum() / counts.size, counts.size - 1
    return float(((counts - expected) ** 2 / expected).sum() - freedom) / (2 * freedom) ** 0.5


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_all_are_equally_likely(seed: int) -> None:
    """Ordered pairs and triples of distinct numbers, whole numbers, uniforms by digit, permutations of 4."""
    generator = KeyedStreams(seed).generator("data")
    pairs = generator.distinct(60_000, 5, 2) @ [5, 1]
    counts = np.bincount(pairs, minlength=25)
    assert np.flatnonzero(counts == 0).tolist() == [0, 6, 12, 18, 24]
    assert abs(chi_square(counts[counts > 0])) < 5
    triples = np.bincount(generator.distinct(60_000, 4, 3) @ [16, 4, 1])
    assert (triples > 0).sum() == 24
    assert abs(chi_square(triples[triples > 0])) < 5
    assert abs(chi_square(np.bincount(generator.integers(0, 7, (70_000,))))) < 5
    assert abs(chi_square(np.bincount((generator.uniform(0, 1, (100_000,)) * 100).astype(int)))) < 5
    orders = np.array([KeyedStreams(seed).order(epoch, 4) @ [64, 16, 4, 1] for epoch in range(4_800)])
    counts = np.bincount(orders)
    assert (counts > 0).sum() == 24
    assert abs(chi_square(counts[counts > 0])) < 5
