"""Whole updates, evaluations and single steps by the native kernels: a recurrent layer under a linear readout.

Imports no torch.

An update is gather, forward, readout, loss, backward, gradient norm, its bounds and what the optimizer makes of it, in
one call for as many updates as there is time for: see ``native/update``. Axes: N sequences, T steps, I inputs, H
hidden, O outputs, S scored positions of a sequence. The products of the recurrence in an update may be of bfloat16,
see ``pick.products_in``; evaluations and steps are float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unroll.axes import Float64, Int64
from unroll.kernels.pick import native

COHORT, COHORT_UNITS = 16, 16
"""How many networks are updated in one call, and of how many hidden units, at most; ``native/update/call.hpp``."""
Readout = Literal["last", "every", "some"]
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Rule:
    """An optimizer with its constants, as torch.optim names them, and the bounds on its gradient, infinite for none."""

    name: str
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    alpha: float = 0.99
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = math.inf
    clip_value: float = math.inf


@dataclass(frozen=True)
class Made:
    """Updates that were made: of each its loss, gradient norm, and what the loss is a mean over."""

    losses: Float64
    norms: Float64
    scored: Int64


@dataclass(frozen=True)
class Counted:
    """Of each sequence the sum of its losses and over how many; of classes those asked, and of these those right.

    furthest: of numbers the largest error, without its sign; 0 of classes.
    """

    losses: Float64
    furthest: Float64
    scored: Int64
    asked: Int64
    right: Int64


class Sequences:
    """A split as the kernels read it: arrays are kept, not copied, and checked once.

    x: (N, T, I), or symbols below I (N, T), uint8, uint16 or int32. y: (N, S, O), with S = 1 for the last step, T for
    every one; or classes below O, int32 (N, S), below 0 where not scored. at: int32 (N, S), the step of each position,
    rising, for "some". asked: bool (N, S). Raises ValueError for what does not fit together.

    ``form``: what is the same of the splits of a cohort: sizes of a sequence, kinds of data, readout.
    """

    def __init__(
        self,
        x: Numbers,
        y: Numbers,
        at: Numbers | None,
        asked: Numbers | None,
        inputs: int,
        outputs: int,
        readout: Readout,
    ):
        self.held = native().Split(x, y, at, asked, inputs, outputs, readout)
        self.form = (x.shape[1:], y.shape[1:], y.dtype.kind, inputs, outputs, readout)


class Updates:
    """A layer with its readout and optimizer. ``weights`` is changed in place, and so is the optimizer's ``state``.

    weights: one vector, w_ih (G*H, I), w_hh (G*H, H), b_ih, b_hh (G*H,), the readout's w (O, H) and b (O,), gates in
    torch's order. state: a vector as long as it for each of "average" (Adam), "square" (Adam, RMSprop) and "velocity"
    (with momentum); ``before``: how many updates were made before. products: "float32", or
    what multiplies bfloat16.
    """

    def __init__(
        self,
        cell: str,
        hidden: int,
        isa: str,
        rule: Rule,
        weights: Numbers,
        state: dict[str, Numbers],
        before: int,
        products: str = "float32",
    ):
        self.layer, self.products = (isa, cell, hidden), products
        self.rule, self._rule = rule, native().rule(*(getattr(rule, field.name) for field in fields(rule)))
        self._weights, self._state = weights, state
        self._gradient = np.zeros_like(weights)
        powers = [_power(rule.beta1, before), _power(rule.beta2, before)]
        self._powers = np.array(powers) if "average" in state else None

    def kept(self) -> tuple[Any, ...]:
        """Return the optimizer and all that updates change."""
        state = (self._state.get(name) for name in ("average", "square", "velocity"))
        return self._rule, self._weights, self._gradient, *state, self._powers

    def make(
        self, sequences: Sequences, order: Int64, batch: int, rates: Float64, seconds: float, made: list[Made]
    ) -> None:
        """Make updates on the sequences with these numbers, one batch after another; note them in ``made``.

        One at least, and none begins after ``seconds``; the one whose loss is no finite number is the last, and changes
        nothing. What a signal's handler raises comes out: those that were made till then are noted all the same.
        """
        wanted = Wanted(self, sequences, order, batch, rates, seconds)
        try:
            make([wanted])
        finally:
            made.append(wanted.made())

    def evaluate(self, sequences: Sequences, first: int, count: int) -> Counted:
        """Sum up the losses of ``count`` sequences from the one with the number ``first`` on."""
        losses, furthest = np.zeros(count), np.zeros(count)
        scored, asked, right = (np.zeros(count, dtype=np.int64) for _ in range(3))
        native().evaluate(*self.layer, sequences.held, self._weights, first, losses, furthest, scored, asked, right)
        return Counted(losses, furthest, scored, asked, right)


class Wanted:
    """Updates of one network that are asked for, see ``Updates.make``, and what has come of them.

    ``in_cohorts``: whether they can be made together with others'; ``alike``: what is the same of all in a cohort.
    """

    def __init__(
        self, updates: Updates, sequences: Sequences, order: Int64, batch: int, rates: Float64, seconds: float
    ):
        self.isa, cell, hidden = updates.layer
        self.products = updates.products
        self.alike = (self.isa, cell, hidden, updates.rule, sequences.form, len(order), batch, seconds)
        self.in_cohorts = self.products == "float32" and hidden <= COHORT_UNITS
        self._found = Made(np.zeros(len(rates)), np.zeros(len(rates)), np.zeros(len(rates), dtype=np.int64))
        self._done = np.zeros(1, dtype=np.int64)
        self.asked = native().Asked(
            cell, hidden, sequences.held, *updates.kept(), order, batch, rates, seconds,
            self._found.losses, self._found.norms, self._found.scored, self._done,
        )  # fmt: skip

    def made(self) -> Made:
        """Return the updates that were made."""
        done, found = int(self._done[0]), self._found
        return Made(found.losses[:done], found.norms[:done], found.scored[:done])


def make(wanted: Sequence[Wanted]) -> None:
    """Make the updates that one network asks for, or several of one cohort: at most ``COHORT`` of ``COHORT_UNITS``.

    A cohort's networks are alike in cell, sizes, optimizer, batch and how many sequences are asked for; float32. Each
    comes to the bits that it comes to alone, however many there are. All make as many updates: the one in which some
    loss is no finite number is the last of all. What a signal's handler raises comes out, see ``Updates.make``.
    """
    first, *others = wanted
    if others:
        native().update_cohort(first.isa, [one.asked for one in wanted])
    else:
        native().update(first.isa, first.products, first.asked)


@dataclass(frozen=True)
class State:
    """Where B sequences are: h (B, H), and of an LSTM c (B, H)."""

    h: Numbers
    c: Numbers | None


class Steps:
    """A layer with its readout that goes on step by step; ``weights`` as of ``Updates``, and only read."""

    def __init__(self, cell: str, hidden: int, outputs: int, isa: str, weights: Numbers):
        self._isa, self._cell, self._hidden, self._outputs, self._weights = isa, cell, hidden, outputs, weights

    def go(self, x: Numbers, state: State | None) -> tuple[Numbers, State]:
        """Read x (B, T, I) from a state on, None for zeros; return the output at the last step, (B, O), and the state.

        All are of the weights' type.

        Read in one call or step by step, it comes to the same bits.
        """
        zeros = np.zeros((len(x), self._hidden), self._weights.dtype)
        h, c = (zeros, zeros if self._cell == "lstm" else None) if state is None else (state.h, state.c)
        h, c = h.copy(), None if c is None else c.copy()
        out = np.empty((len(x), self._outputs), self._weights.dtype)
        native().steps(self._isa, self._cell, self._weights, np.ascontiguousarray(x), h, c, out)
        return out, State(h, c)


def _power(base: float, exponent: int) -> float:
    """One factor after another, as the updates multiply: the same bits wherever a training goes on."""
    product = 1.0
    for _ in range(exponent):
        product *= base
    return product
