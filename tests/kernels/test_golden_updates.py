"""The bits of whole updates and evaluations against committed digests, as ``test_golden`` has it of the kernels.

``golden_updates.txt`` has a case and its digest a line: cell, readout, rule, whether targets are classes and inputs
symbols, T, I, H, O. ``tests/native/updates.cpp`` writes it, and computes the same without Python.

Planted, each seen to change digests: a batch gathered by the numbers of the one before it; a bias correction off by one
step; a step before the gradient is clipped; positions scored that are not to be; sums of the loss, of softmax and of
the norm in float32. A norm summed by the width of a vector changes none of them; the test in float64 finds it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kernels.oracle import needs_native
from tests.kernels.test_golden import FUSED, Stream, digest
from unroll.kernels.gates import GATES
from unroll.kernels.updates import Made, Rule, Sequences, Updates

pytestmark = needs_native

GOLDEN = [
    line.split() for line in Path(__file__).with_name("golden_updates.txt").read_text(encoding="utf-8").splitlines()
]
SEQUENCES, DRAWN, BATCH, SOME, FIRST = 90, 150, 66, 4, 7
RULES = {
    "sgd": Rule("sgd", momentum=0.9, weight_decay=0.01, clip_value=0.0625),
    "rmsprop": Rule("rmsprop", alpha=0.9),
    "adam": Rule("adam", clip_norm=0.25),
    "adamw": Rule("adamw", beta1=0.8, beta2=0.99, weight_decay=0.1),
}
STATE = {"sgd": ["velocity"], "rmsprop": ["square"], "adam": ["average", "square"], "adamw": ["average", "square"]}


def computed(isa: str, line: list[str], kind: type[np.floating[Any]]) -> int:
    cell, readout, rule, *numbers = line[:-1]
    return made_of(isa, cell, readout, rule, [int(number) for number in numbers], kind)


def made_of(isa: str, cell: str, readout: Any, rule: str, numbers: list[int], kind: type[np.floating[Any]]) -> int:
    classes, symbols, T, I, H, O = numbers  # noqa: E741
    S = {"last": 1, "every": T, "some": SOME}[readout]
    GH, stream = GATES[cell] * H, Stream()
    weights = stream.draw(-1, GH * I + GH * H + 2 * GH + O * H + O).astype(kind)
    x = None if symbols else stream.draw(1, SEQUENCES, T, I).astype(kind)
    y = None if classes else stream.draw(1, SEQUENCES, S, O).astype(kind)
    x = stream.below(I, SEQUENCES, T).astype(np.uint8) if x is None else x
    at = stream.below(T // S, SEQUENCES, S) + np.arange(S) * (T // S) if readout == "some" else None
    y = (stream.below(O + 1, SEQUENCES, S) - 1).astype(np.int32) if y is None else y
    asked = stream.below(2, SEQUENCES, S).astype(bool) if classes else None
    order = stream.below(SEQUENCES, DRAWN)
    steps = None if at is None else at.astype(np.int32)
    state, made = {name: np.zeros_like(weights) for name in STATE[rule]}, list[Made]()
    updates = Updates(cell, H, isa, RULES[rule], weights, state, 0)
    rates = np.ldexp(1.0, -5 - np.arange(math.ceil(DRAWN / BATCH)))
    updates.make(Sequences(x, y, steps, None, I, O, readout), order, BATCH, rates, math.inf, made)
    counted = updates.evaluate(Sequences(x, y, steps, asked, I, O, readout), FIRST, SEQUENCES - FIRST)
    # A vector that a rule has no use for is one of zeros.
    vectors = [state.get(name, np.zeros_like(weights)) for name in ("average", "square", "velocity")]
    sums = [made[0].losses, made[0].norms, counted.losses, counted.furthest]
    return digest([weights, *vectors, *sums, made[0].scored, counted.scored, counted.asked, counted.right])


@pytest.mark.skipif(not FUSED, reason="this processor has no fused multiply-add, and so other bits")
@pytest.mark.parametrize("line", GOLDEN, ids=" ".join)
def test_the_bits_of_updates_are_those_of_every_other_processor(line: list[str]) -> None:
    for isa in FUSED:
        assert f"{computed(isa, line, np.float32):x}" == line[-1], isa


@pytest.mark.skipif(len(FUSED) < 2, reason="this processor has one set of instructions with fused multiply-add")
@pytest.mark.parametrize("line", GOLDEN, ids=" ".join)
def test_the_order_of_sums_in_float64_does_not_follow_the_width(line: list[str]) -> None:
    """Rounded to float32, as in the digests, a norm hides in which order it was summed."""
    assert len({computed(isa, line, np.float64) for isa in FUSED}) == 1


@pytest.mark.skipif(len(FUSED) < 2, reason="this processor has one set of instructions with fused multiply-add")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_what_is_written_past_the_caches_is_what_is_read(cell: str, kind: type[np.floating[Any]]) -> None:
    """More than kCachedBytes (layout.hpp): AVX-512 writes gates past the caches, AVX2 does not. See also test_bits."""
    assert len({made_of(isa, cell, "last", "adam", [0, 0, 640, 2, 64, 1], kind) for isa in FUSED}) == 1
