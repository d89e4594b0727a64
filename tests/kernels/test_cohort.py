"""Networks updated side by side come to the bits that each has alone: every cell, kind of data and optimizer.

Faults planted here, each seen to be found: the gradient of a lane bounded by its neighbour's norm; a cell state that
goes on from the update before; positions read where the first lane reads; a lane that goes on after its loss is no
number, or is counted as a step of Adam; parts of sums that are counted anew in each block of sequences; the sequences
of its neighbour; the rate, the powers of Adam or the bound on the norm of the first for all, or its mean over as many;
states that begin where a block of another size has left them; a weight that is no number left out where its symbol is
not there. Terms of the loss in other partial sums are not: its rounding to float32 hides their order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.oracle import CELLS, needs_native
from unroll.kernels import isas
from unroll.kernels.gates import GATES
from unroll.kernels.updates import COHORT, COHORT_UNITS, Made, Rule, Sequences, Updates, Wanted, make

pytestmark = needs_native

N = 12
RULES = {
    Rule("adam", clip_norm=0.3): ("average", "square"),
    Rule("adamw", beta1=0.8, weight_decay=0.1): ("average", "square"),
    Rule("sgd"): (),
    Rule("sgd", momentum=0.9, weight_decay=0.01, clip_norm=0.2): ("velocity",),
    Rule("rmsprop", alpha=0.9, clip_value=0.01): ("square",),
    Rule("rmsprop", momentum=0.5): ("square", "velocity"),
}


class Network:
    """A network's weights, data and optimizer, of a seed."""

    def __init__(self, case: Any, seed: int):
        self.case = case
        draw = np.random.default_rng(seed)
        T, I, H, O, S = case.T, case.inputs, case.H, case.outputs, case.positions  # noqa: E741
        GH = GATES[case.cell] * H
        size = GH * (I + H + 2) + O * (H + 1)
        self.weights = draw.uniform(-1, 1, size).astype(np.float32)
        self.state = {name: np.zeros_like(self.weights) for name in RULES[case.rule]}
        before = seed % 5  # of its optimizer
        for values in self.state.values():
            values[:] = draw.random(size) / 8 if before else 0
        x: Any = draw.standard_normal((N, T, I)).astype(np.float32)
        if case.symbols:
            x = draw.integers(0, I, (N, T)).astype(np.uint8)
        y: Any = draw.standard_normal((N, S, O)).astype(np.float32)
        if case.classes:
            y = draw.integers(-1, O, (N, S)).astype(np.int32)
            y[:, draw.integers(0, S)] = draw.integers(0, O, N)
        at = np.sort(draw.permuted(np.tile(np.arange(T), (N, 1)), axis=1)[:, :S], axis=1).astype(np.int32)
        self.sequences = Sequences(x, y, at if case.readout == "some" else None, None, I, O, case.readout)
        self.order = draw.integers(0, N, case.drawn)
        self.rates = draw.uniform(0.001, 0.1, math.ceil(case.drawn / case.batch))
        self.updates = Updates(case.cell, H, case.isa, case.rule, self.weights, self.state, before)

    def want(self, drawn: int | None = None) -> Wanted:
        order = self.order[:drawn]
        rates = self.rates[: math.ceil(len(order) / self.case.batch)]
        return Wanted(self.updates, self.sequences, order, self.case.batch, rates, math.inf)

    def bits(self, made: Made) -> list[bytes]:
        powers = self.updates.kept()[-1]
        arrays = [self.weights, *self.state.values(), made.losses, made.norms, made.scored]
        return [array.tobytes() for array in [*arrays, *([] if powers is None else [powers])]]


class Case:
    def __init__(self, cell: str, readout: Any, classes: bool, symbols: bool, rule: Rule, isa: str, **sizes: int):
        self.cell, self.readout, self.classes, self.symbols, self.rule, self.isa = (
            cell,
            readout,
            classes,
            symbols,
            rule,
            isa,
        )
        self.T, self.inputs, self.H, self.outputs = sizes["T"], sizes["inputs"], sizes["H"], sizes["outputs"]
        self.batch, self.drawn = sizes["batch"], sizes["batch"] * 2 + sizes["batch"] // 2
        self.positions = {"last": 1, "every": self.T, "some": max(1, self.T // 3)}[readout]


def alone(case: Case, seed: int, spoil: bool, updates: int | None = None) -> tuple[Network, Made]:
    network = Network(case, seed)
    if spoil:
        network.weights[-1] = math.nan
    wanted = network.want(None if updates is None else updates * case.batch)
    make([wanted])
    return network, wanted.made()


def compare(case: Case, seeds: list[int], spoiled: set[int]) -> None:
    most = min(len(alone(case, seed, seed in spoiled)[1].losses) for seed in seeds)
    found = [alone(case, seed, seed in spoiled, most) for seed in seeds]
    networks = [Network(case, seed) for seed in seeds]
    for network, seed in zip(networks, seeds, strict=True):
        if seed in spoiled:
            network.weights[-1] = math.nan
    wanted = [network.want() for network in networks]
    make(wanted)
    for (one, made), network, asked in zip(found, networks, wanted, strict=True):
        assert network.bits(asked.made()) == one.bits(made)


cases = st.builds(
    Case,
    st.sampled_from(CELLS),
    st.sampled_from(("last", "every", "some")),
    st.booleans(),
    st.booleans(),
    st.sampled_from(list(RULES)),
    st.sampled_from(isas() or [""]),
    T=st.integers(1, 40),
    inputs=st.integers(1, 6),
    H=st.integers(1, COHORT_UNITS),
    outputs=st.integers(1, 6),
    batch=st.integers(1, 9),
)


def case(cell: str, isa: str, **changes: Any) -> Case:
    usual = {"T": 35, "inputs": 3, "H": 7, "outputs": 2, "batch": 3}
    kind = {
        name: changes.pop(name, default)
        for name, default in {"readout": "some", "classes": True, "symbols": False}.items()
    }
    rule = changes.pop("rule", Rule("adam", clip_norm=0.3))
    return Case(cell, kind["readout"], kind["classes"], kind["symbols"], rule, isa, **{**usual, **changes})


@settings(max_examples=150, deadline=None)
@given(
    cases,
    st.lists(st.integers(0, 99), min_size=2, max_size=COHORT, unique=True),
    st.sets(st.integers(0, 99), max_size=3),
)
def test_each_lane_has_the_bits_of_a_network_alone(case: Case, seeds: list[int], spoiled: set[int]):
    """``spoiled``: networks whose first loss is no number."""
    compare(case, seeds, spoiled)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("isa", isas())
def test_batches_of_several_blocks(cell: str, isa: str):
    """66 sequences are two blocks, each with an odd number of chunks of steps; 65 are two that are not of one size."""
    compare(case(cell, isa, batch=66), [1, 2, 3], set())
    compare(case(cell, isa, batch=65, T=3), [1, 2, 3], set())
    compare(case(cell, isa, batch=70, classes=False, readout="every", symbols=True), list(range(COHORT)), set())


@pytest.mark.parametrize("isa", isas())
def test_a_weight_that_is_no_number_counts_also_where_its_symbol_is_not(isa: str):
    one = case("gru", isa, symbols=True, readout="every", T=1, inputs=6, batch=1)

    def spoiled(seed: int) -> Network:
        network = Network(one, seed)
        network.weights[0] = math.nan
        return network

    networks, others = ([spoiled(seed) for seed in range(COHORT)] for _ in range(2))
    wanted = [network.want(1) for network in networks]
    make(wanted)
    for network, asked, other in zip(networks, wanted, others, strict=True):
        alone = other.want(1)
        make([alone])
        assert np.isnan(alone.made().losses).all()
        assert network.bits(asked.made()) == other.bits(alone.made())


@pytest.mark.parametrize("isa", isas())
def test_one_that_diverges_leaves_the_others_as_they_are(isa: str):
    """Of sixteen the rates of one are so large that it diverges in an update of its own; all have made as many then."""

    def wild(network: Network) -> Network:
        network.rates[:] = 1e30
        return network

    usual = case("relu_rnn", isa, rule=Rule("sgd"), classes=False, readout="last", T=12)
    networks = [Network(usual, seed) for seed in range(COHORT)]
    wild(networks[5])
    wanted = [network.want() for network in networks]
    make(wanted)
    counts = {len(one.made().losses) for one in wanted}
    assert counts == {2}
    assert not math.isfinite(wanted[5].made().losses[-1])
    for seed, (network, one) in enumerate(zip(networks, wanted, strict=True)):
        by_itself = Network(usual, seed)
        if seed == 5:
            wild(by_itself)
        asked = by_itself.want(2 * usual.batch)
        make([asked])
        assert network.bits(one.made()) == by_itself.bits(asked.made()), seed


def test_no_cohort_of_networks_that_are_not_alike():
    isa = isas()[0]
    one = Network(case("gru", isa), 1)
    others = {
        "one cell": Network(case("lstm", isa), 2),
        "same sizes": Network(case("gru", isa, H=8), 2),
        "data of one kind": Network(case("gru", isa, classes=False), 2),
        "one optimizer": Network(case("gru", isa, rule=Rule("sgd")), 2),
        "as many sequences": Network(case("gru", isa, batch=4), 2),
        "its own weights": one,
    }
    for words, other in others.items():
        with pytest.raises(ValueError, match=words):
            make([one.want(), other.want()])
    with pytest.raises(ValueError, match="at most 16 hidden units"):
        make([Network(case("gru", isa, H=17), seed).want() for seed in (1, 2)])
    with pytest.raises(ValueError, match="1 to 16 networks"):
        make([Network(case("gru", isa), seed).want() for seed in range(17)])
