"""Brackets: how deep they are nested, or which bracket would close what is open."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from unroll.axes import Float64
from unroll.declarations import Line
from unroll.streams.base import Generator
from unroll.tasks.base import Split
from unroll.tasks.symbols import Symbols

OPENING, CLOSING = "([{<", ")]}>"


class Brackets(Symbols):
    r"""A counter, or a stack: brackets open and close, and at each step it is asked what is open.

    ::

        x           (  [  ]  (  )  )  [
        ask depth   1  2  1  2  1  0  1
        ask top     )  ]  )  )  )  0  ]       what would close now, 0 where nothing is open

    ``pairs`` kinds of brackets, never more than ``depth`` D open at once. At depth 0 a bracket opens, at depth D one
    closes, in between both are as likely; each kind is. Tokens: the opening brackets 0, ..., pairs - 1, then the
    closing ones. A sequence is the beginning of a word of Dyck's language, so every length will do. ``ask``: "depth",
    D + 1 classes, is the counter; "top", pairs + 1 classes, is the stack, and needs two kinds of brackets, for with one
    of them it only asks whether anything is open.

    What must follow is sure in both, and no probability of a next symbol is asked for, which would give the length away
    (Deletang et al. 2023).

    Baseline and chance know the step, not the brackets: the depth after t steps is a walk between 0 and D, whose
    distribution is followed step by step; the kind on top is as likely each. At T = 100 and D = 8 the depth has 1.402
    nats (chance 0.305), the top of two kinds 0.850 (0.463). No amount of memory is told: a bracket that stays open is
    asked for at each step.

    LSTMs learn to count (Suzgun et al. 2019); of the order of D log(pairs) units can hold such a stack, and fewer
    cannot (Hewitt et al. 2020).
    """

    name = "brackets"
    title = "brackets"
    in_a_sentence = "the bracket problem"
    summary = "nested brackets: how deep, or what would close now, at every step"
    version = "1"
    tags = ("classification", "formal languages")
    sources = ("suzgun2019lstm", "hewitt2020rnns", "deletang2023neural")
    pitfalls = (
        "Probabilities of next symbols give away how long words are expected to be: here every answer is sure.",
        "A generator that cuts off or rejects words changes how long and how deep they are.",
    )

    pairs: Annotated[int, Field(ge=1, le=100)] = 1
    depth: Annotated[int, Field(ge=1, le=250)] = 8
    ask: Literal["depth", "top"] = "depth"

    @model_validator(mode="after")
    def _asked(self) -> Self:
        if self.ask == "top" and self.pairs == 1:
            raise ValueError(
                'with one kind of brackets "top" only asks whether anything is open. '
                'Set task.pairs = 2, or ask for "depth"'
            )
        return self

    @property
    def inputs(self) -> int:
        """Opening and closing brackets."""
        return 2 * self.pairs

    @property
    def outputs(self) -> int:
        """Depths from 0 to D, or nothing and each closing bracket."""
        return self.depth + 1 if self.ask == "depth" else self.pairs + 1

    @property
    def readout(self) -> Literal["every"]:
        """Every step."""
        return "every"

    def written(self, token: int) -> str:
        """See Task: four kinds of brackets, and of more of them numbers."""
        if self.pairs > len(OPENING):
            return f"{token % self.pairs}{'()'[token // self.pairs]}"
        return OPENING[token] if token < self.pairs else CLOSING[token - self.pairs]

    def written_answer(self, place: int) -> str:
        """See Task: how deep, or what closes."""
        return str(place) if self.ask == "depth" or place == 0 else self.written(self.pairs + place - 1)

    @property
    def notes(self) -> str:
        """How many kinds, how deep, and what is asked."""
        kinds = "one kind" if self.pairs == 1 else f"{self.pairs} kinds"
        return f"{kinds} of brackets, depth up to {self.depth}, asked for {self.ask}"

    def baseline(self, length: int) -> float:
        """The mean entropy of what is asked, by step; see the class."""
        return math.fsum(float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in self._classes(length)) / length

    def chance(self, length: int) -> float:
        """The mean probability of the likeliest class, by step."""
        return math.fsum(float(p.max()) for p in self._classes(length)) / length

    @property
    def memoryless(self) -> bool:
        """The current bracket has opened or closed, and tells a part of the answer."""
        return False

    def second(self, length: int) -> Line:
        """The best answer from the current bracket and its step, without any before."""
        loss = accuracy = 0.0
        for opened, closed in self._depths(length):
            for p in (self._after_opening(opened), closed if self.ask == "depth" else self._on_top(closed)):
                total = p.sum()
                loss -= float((p[p > 0] * np.log(p[p > 0] / total)).sum())
                accuracy += float(p.max())
        return Line("current bracket", "who sees the current bracket alone", loss / length, accuracy / length)

    def _classes(self, length: int) -> Iterator[Float64]:
        """Yield the probabilities of the classes after each step."""
        for opened, closed in self._depths(length):
            at = opened + closed
            yield at if self.ask == "depth" else self._on_top(at)

    def _depths(self, length: int) -> Iterator[tuple[Float64, Float64]]:
        """Yield the probabilities of the depths after each step, (D + 1,): with an opening bracket, and a closing."""
        at = np.zeros(self.depth + 1)
        at[0] = 1.0
        up = np.full(self.depth + 1, 0.5)
        up[0], up[-1] = 1.0, 0.0
        for _ in range(length):
            opened, closed = np.zeros_like(at), np.zeros_like(at)
            opened[1:] = (at * up)[:-1]
            closed[:-1] = (at * (1.0 - up))[1:]
            at = opened + closed
            yield opened, closed

    def _on_top(self, at: Float64) -> Float64:
        """Return the probabilities of nothing and of each kind on top, of those of the depths."""
        return np.array([at[0], *[at[1:].sum() / self.pairs] * self.pairs])

    def _after_opening(self, opened: Float64) -> Float64:
        """Return those after an opening bracket: which is on top then is sure."""
        return opened if self.ask == "depth" else opened.sum(keepdims=True)

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        rows = np.arange(n)
        drawn = np.ascontiguousarray(generator.integers(0, 2 * self.pairs, (n, length)).astype(np.uint8).T)
        stacks = np.zeros((self.depth + 1, n), dtype=np.uint8)  # by height: the kind of bracket that is open there
        depth = np.zeros(n, dtype=np.intp)
        x = np.empty((length, n), dtype=np.uint8)
        y = np.empty((length, n), dtype=np.int32)
        for step, symbol in enumerate(drawn):
            opens = (depth == 0) | ((symbol < self.pairs) & (depth < self.depth))
            kind = symbol % self.pairs
            x[step] = np.where(opens, kind, self.pairs + stacks[depth, rows])
            depth += np.where(opens, 1, -1)
            stacks[depth[opens], rows[opens]] = kind[opens]
            y[step] = depth if self.ask == "depth" else np.where(depth == 0, 0, 1 + stacks[depth, rows])
        return Split(np.ascontiguousarray(x.T), np.ascontiguousarray(y.T))
