"""Values and all gradients of the native kernels, at odd sizes, on every instruction set that this machine has.

Faults planted in the C++ one at a time, each seen to make the kernels' tests fail; the first test that failed:

* b_hh left out of the packed bias                      test_operators: gradients of stacked models
* the LSTM's gates in the order i, f, o, g              test_operators: gradients of stacked models
* the GRU's reset gate left out of the gate deltas      test_operators: gradients of stacked models
* packed weights of padded units not set to zero        test_operators: opcheck
* the cell state saved after the step, not before       test_operators: gradients of stacked models
* arrays from DLPack capsules freed before the kernel   test_operators: two mapped axes
* gate deltas written over what forward saved           test_operators: opcheck
* a clamp that turns NaN into its bound                 test_activation: the ends
* a digit of the exponential's polynomial changed       test_activation: four units in the last place
* the floating-point mode not restored                  test_state: the floating point mode is as it was
* overlapping buffers not refused                       test_arguments: forward refuses
* weight sums not cleared between lanes and calls       test_bits: threads and repeats
* the longer tiles' last rows left out                  test_bits: threads and repeats
* the gradient of h0 from the wrong buffer              here: values and gradients
* gate deltas of finished sequences not set to zero     here: lengths end sequences early
* one long float32 sum in place of sums of sums         here: values and gradients
* the last row of each thread's part left out           test_bits: threads and repeats
* weight sums whose order depends on threads            test_bits: threads and repeats
* a meeting of the threads left out                     test_bits: threads and repeats
* the next lane packed while others still read          test_bits: lanes
* threads other than the first in the caller's mode      test_state: the caller's mode decides no bit
* signals never looked at                               test_interrupt: a handler that raises ends the call
* the handler run in the kernels' mode                  test_interrupt: a handler that does not raise
* blocks that are given back lost                       test_state: memory comes back
* gate deltas of padded units as they come out          here: an infinity reaches only what it reaches in torch
* inputs past a length gathered as they are             here: what lies past a length is not read
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from statistics import median

import pytest
import torch

from tests.kernels.grid import Size, some_sizes
from tests.kernels.oracle import CELLS, Problem, distance, error, needs_native
from unroll.kernels import isas, ops, reference

pytestmark = needs_native

UNIT = 2.0**-23  # in the last place of 1.0 in float32


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("size", some_sizes(), ids=str)
def test_values_and_gradients(cell: str, size: Size) -> None:
    """In float64 torch.nn's; in float32 at most twice as far from them as torch.nn's float32, plus four units.

    The median over draws of the largest difference: a single number's rounding, whether a sum cancels, and whether a
    rectified state grows, is luck, and the fewer numbers a layer has the more.
    """
    _, T, _, H = size
    draws = (25 if H <= 3 else 5) if T < 500 else (10 if H <= 3 else 1)
    largest, theirs, ours = defaultdict(list), defaultdict(list), defaultdict(list)
    for seed in range(draws):
        problem = Problem.random(cell, *size, seed=seed)
        right, single = problem.torch(), problem.torch(torch.float32)
        for name in right:
            largest[name].append(float(right[name].abs().max()))
            theirs[name].append(distance(single[name], right[name]))
        for isa in isas():
            native = problem.native(isa)
            for name in right:
                ours[isa, name].append(distance(native[name], right[name]))
            if seed < 4:
                double = problem.native(isa, torch.float64)
                assert double.keys() == native.keys() == right.keys()
                for name in right:
                    assert error(double[name], right[name]) < 1e-12, (isa, name)
    for (isa, name), seen in ours.items():
        assert median(seen) <= 2 * median(theirs[name]) + 4 * UNIT * median(largest[name]), (isa, name)


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_the_last_state_alone(cell: str, isa: str) -> None:
    problem = Problem.random(cell, 9, 11, 2, 20)
    right, got = problem.torch(every=False), problem.native(isa, torch.float64, every=False)
    assert got.keys() == right.keys()
    for name in right:
        assert error(got[name], right[name]) < 1e-12, name


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_by_differences(cell: str) -> None:
    inputs = tuple(t.requires_grad_() for t in Problem.random(cell, 3, 4, 2, 5).inputs.values())
    assert torch.autograd.gradcheck(lambda *a: tuple(t for t in ops.forward(cell, *a) if t is not None), inputs)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("without", [(), ("b_ih",), ("b_hh",), ("b_ih", "b_hh", "h0", "c0")], ids=str)
def test_the_reference_has_the_same_signature_and_values(cell: str, without: tuple[str, ...]) -> None:
    inputs = {n: t for n, t in Problem.random(cell, 6, 5, 2, 7).inputs.items() if n not in without}
    for every in (True, False):
        native, plain = ops.forward(cell, **inputs, every=every), reference.forward(cell, **inputs, every=every)
        for got, right in zip(native, plain, strict=True):
            assert (got is None) == (right is None)
            if got is not None:
                assert error(got, right) < 1e-12


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_nothing_is_read_before_it_is_written(cell: str, isa: str) -> None:
    from unroll.kernels import _native

    for size in [(5, 3, 3, 3), (17, 9, 2, 20)]:
        problem = Problem.random(cell, *size)
        first = problem.native(isa)
        _native.spoil_blocks()  # the blocks that the second run gets are full of NaN
        second = problem.native(isa)
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_a_nan_comes_out_again(cell: str, isa: str) -> None:
    for poisoned in ("x", "w_hh", "b_ih", "h0"):
        problem = Problem.random(cell, 4, 3, 2, 5)
        problem.inputs[poisoned].view(-1)[0] = float("nan")
        got = problem.native(isa)
        assert got["h_n"].isnan().any(), poisoned
        assert got["dw_hh"].isnan().any(), poisoned


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_an_infinity_reaches_only_what_it_reaches_in_torch(cell: str, isa: str) -> None:
    """In one number at a time, with units that fill the vectors and units that leave padding."""
    for H, dtype in itertools.product((1, 5, 16, 20, 33), (torch.float32, torch.float64)):
        for place, value in itertools.product(("x", "w_ih", "b_hh", "h0"), (float("inf"), float("-inf"))):
            problem = Problem.random(cell, 3, 4, 2, H)
            problem.inputs[place].view(-1)[-1] = value
            got, right = problem.native(isa, dtype), problem.torch(dtype)
            for name in right:
                one, other = got[name].double(), right[name].double()
                assert torch.equal(one.isfinite(), other.isfinite()), (H, place, name)
                assert torch.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True), (H, place, name)


@pytest.mark.parametrize("cell", CELLS)
def test_what_lies_past_a_length_is_not_read(cell: str) -> None:
    problem = Problem.random(cell, 4, 6, 2, 5)
    lengths = torch.tensor([6, 4, 2, 1])
    past = torch.arange(6) >= lengths.unsqueeze(1)
    found = []
    for beyond in (0.0, float("nan"), float("inf")):
        inputs = {n: t.float() for n, t in problem.inputs.items()}
        inputs["x"][past] = beyond
        inputs = {n: t.requires_grad_() for n, t in inputs.items()}
        states = ops.forward(cell, **inputs, lengths=lengths)
        dy = problem.incoming["y"].float()
        dy[past] = beyond
        grads = torch.autograd.grad([states.y, states.h_n], list(inputs.values()), [dy, states.h_n.detach()])
        found.append([*states[: 3 if cell == "lstm" else 2], *grads])
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_lengths_end_sequences_early(cell: str, isa: str) -> None:
    """Against each sequence alone."""
    problem = Problem.random(cell, 6, 7, 2, 5)
    lengths = torch.tensor([7, 7, 5, 2, 1, 1])
    inputs = {name: t.requires_grad_() for name, t in problem.inputs.items()}
    names = ("y", "h_n", "c_n")

    def losses(states: ops.States, rows: slice, T: int) -> torch.Tensor:
        parts = dict(zip(names, states, strict=True))
        weights = {n: t[rows, :T] if n == "y" else t[rows] for n, t in problem.incoming.items()}
        return torch.stack([(parts[n] * weights[n]).sum() for n in weights]).sum()

    together = ops.forward(cell, **inputs, lengths=lengths, isa=isa)
    got = torch.autograd.grad(losses(together, slice(None), 7), list(inputs.values()))
    loss = torch.zeros((), dtype=torch.float64)
    for b, T in enumerate(lengths.tolist()):
        row = slice(b, b + 1)
        alone = {n: t[row] if n in ("x", "h0", "c0") else t for n, t in inputs.items()}
        states = reference.forward(cell, **(alone | {"x": alone["x"][:, :T]}))
        assert together.y is not None
        assert torch.allclose(together.y[row, :T], states.y)
        assert not together.y[row, T:].any()
        loss = loss + losses(states, row, T)
    for name, one, other in zip(inputs, got, torch.autograd.grad(loss, list(inputs.values())), strict=True):
        assert error(one, other) < 1e-12, name
