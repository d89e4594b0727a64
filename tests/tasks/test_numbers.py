"""Families of number sequences: the contract, hand-worked numbers, and the notebook's traps as settings.

Planted and found: nothing dropped; a test part that overlaps that of validation; one window too many of a sequence; a
baseline that is not about the mean; a truth after prompts that do not follow the rule; a baseline over long sequences
cut into more parts than there are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from unroll.streams import KeyedStreams
from unroll.streams.notebook import NotebookStreams
from unroll.tasks import numbers, windows
from unroll.tasks.alternating import Alternating
from unroll.tasks.announce import Announce
from unroll.tasks.fibonacci import Fibonacci
from unroll.tasks.geometric import Geometric
from unroll.tasks.linear_recurrence import LinearRecurrence
from unroll.tasks.numbers import Numbers
from unroll.tasks.odd_numbers import OddNumbers
from unroll.tasks.sine import Sine
from unroll.tasks.windows import Windows, draw
from unroll.testing.numbers import NumbersConformance


class TestOddNumbers(NumbersConformance):
    too_short = (0, -1)

    def task(self, **settings: Any) -> Numbers:
        return OddNumbers(**settings)


class TestFibonacci(NumbersConformance):
    def task(self, **settings: Any) -> Numbers:
        return Fibonacci(**settings)


class TestLinearRecurrence(NumbersConformance):
    def task(self, **settings: Any) -> Numbers:
        return LinearRecurrence(**settings)


class TestThirdOrder(NumbersConformance):
    def task(self, **settings: Any) -> Numbers:
        return LinearRecurrence(
            coefficients=(0.5, 0.25, -0.5), constant=1.0, starts=((0, 4), (0.0, 2.0, 0.5), (-1, 1)), **settings
        )


class TestGeometric(NumbersConformance):
    def task(self, **settings: Any) -> Numbers:
        return Geometric(**settings)


class TestSine(NumbersConformance):
    def task(self, **settings: Any) -> Numbers:
        return Sine(**settings)


class TestAlternating(NumbersConformance):
    def task(self, **settings: Any) -> Numbers:
        return Alternating(**settings)


class TestAlternatingOverManyPatterns(NumbersConformance):
    """More patterns than are parted: so many of them are drawn, and here fewer than elsewhere, which costs less."""

    lengths = (9, 10)

    @pytest.fixture(autouse=True)
    def fewer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(windows, "PARTED", 10_000)

    def task(self, **settings: Any) -> Numbers:
        return Alternating(period=9, **settings)


class TestAnnounce(NumbersConformance):
    def task(self, **settings: Any) -> Numbers:
        return Announce(**settings)


FAMILIES = (OddNumbers, Fibonacci, LinearRecurrence, Geometric, Sine, Alternating, Announce)

FIRST_TERMS: list[tuple[Numbers, list[float], list[float]]] = [
    (OddNumbers(), [7, 2], [7, 9, 11, 13, 15]),
    (Fibonacci(), [0, 2, 0], [0, 2, 2, 4, 6, 10, 16]),
    (LinearRecurrence(), [3, 1, 0], [3, 1, -1, -3, -5]),
    (LinearRecurrence(coefficients=(0, 1), constant=0.5, starts=((0, 9), (0, 9))), [1, 4, 0.5], [1, 4, 1.5, 4.5, 2, 5]),
    (Geometric(), [3, 2], [3, 6, 12, 24]),
    (Geometric(), [-4, 0.5], [-4, -2, -1, -0.5]),
    (Sine(), [12, 0, 2], [0, 1, 3**0.5, 2, 3**0.5, 1, 0, -1]),
    (Alternating(), [1, -4, 2], [1, -4, 2, 1, -4, 2, 1]),
    (Announce(), [0.25], [0.25, 0, 0, 0, 0.25, 0]),
]


@pytest.mark.parametrize(("task", "parameters", "terms"), FIRST_TERMS)
def test_terms_by_hand(task: Numbers, parameters: list[float], terms: list[float]) -> None:
    found = task.terms(np.array([parameters, parameters]), len(terms), 4)
    np.testing.assert_allclose(found, [terms, terms], atol=1e-11)


TRUTHS: list[tuple[Numbers, list[float], list[float] | None]] = [
    (OddNumbers(), [1, 3, 5, 7, 9], [11, 13, 15]),
    (OddNumbers(), [101], [103, 105, 107]),
    (OddNumbers(), [1, 4, 7], None),
    (Fibonacci(), [1, 1, 2, 3, 5, 8], [13, 21, 34]),
    (Fibonacci(), [2, 1], [3, 4, 7]),
    (Fibonacci(), [1], None),
    (Fibonacci(), [1, 2, 4], None),
    (LinearRecurrence(), [10, 20, 30], [40, 50, 60]),
    (Geometric(), [1, 3], [9, 27, 81]),
    (Geometric(), [1, 3, 8], None),
    (Geometric(), [0, 0], None),
    (Sine(), [0, 1, 0], [-1, 0, 1]),
    (Sine(), [0, 0, 0], None),
    (Sine(), [1, 1, 9], None),
    (Alternating(), [1, 2, -3, 1], [2, -3, 1]),
    (Alternating(), [1, 2], None),
    (Alternating(), [1, 2, -3, 4], None),
    (Announce(), [0.5, 0, 0], [0.5, 0, 0]),
    (Announce(), [0.5, 0], [0, 0.5, 0]),
    (Announce(), [0.5, 0, 0, 0.5, 0], [0, 0.5, 0]),
    (Announce(), [0.5, 0, 0, 0, 0], None),
    (Announce(), [0.5, 0, 0.1], None),
    (OddNumbers(steps=(2.0, 4.0)), [1, 5, 9], [13, 17, 21]),
    (OddNumbers(steps=(2.0, 4.0)), [1], None),
    (
        LinearRecurrence(coefficients=((0.0, 2.0), 1.0), constant=(0.0, 3.0), starts=((0, 1), (0, 1))),
        [1, 1, 4, 10, 25],
        [61, 148, 358],
    ),
    (LinearRecurrence(coefficients=((0.0, 2.0), 1.0), constant=(0.0, 3.0), starts=((0, 1), (0, 1))), [1, 1, 4], None),
]


@pytest.mark.parametrize(("task", "prompt", "truth"), TRUTHS)
def test_truth_by_hand(task: Numbers, prompt: list[float], truth: list[float] | None) -> None:
    found = task.truth(np.array(prompt, dtype=np.float64), 3, 3)
    if truth is None:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_allclose(found, truth, atol=1e-12)


def test_odd_numbers_and_fibonacci_are_cases_of_the_linear_recurrence() -> None:
    cases = [
        (OddNumbers, {"coefficients": (1,), "constant": 2, "starts": ((1, 13, 2),), "min_terms": 5, "max_terms": 12}),
        (Fibonacci, {"coefficients": (1, 1), "starts": ((0, 2), (1, 3)), "min_terms": 6, "max_terms": 14}),
    ]
    for named, settings in cases:
        general = LinearRecurrence(**settings)
        assert general.rule == named().rule
        for streams in (KeyedStreams(3), NotebookStreams(3, "python")):
            for split in ("none", "parameters"):
                prompt = named().prompt
                ours = named(split=split).dataset(type(streams)(3), 5).train.x
                theirs = LinearRecurrence(split=split, **settings).dataset(type(streams)(3), 5, prompt).train.x
                np.testing.assert_array_equal(ours, theirs)


def test_rules_in_words() -> None:
    assert OddNumbers().rule == "x(t+1) = x(t) + 2"
    assert Fibonacci().rule == "x(t+1) = x(t) + x(t-1)"
    assert LinearRecurrence().rule == "x(t+1) = 2 x(t) - x(t-1)"
    odd = LinearRecurrence(coefficients=(-1.0, 0.0, 0.5, 0.123), constant=-3.0, starts=((0, 1),) * 4)
    assert odd.rule == "x(t+1) = -x(t) + 1/2 x(t-2) + 0.123 x(t-3) - 3"


def test_the_ranges_are_the_notebooks() -> None:
    """Starts 1, 3, ..., 13 with 5 to 12 terms; 0..2 and 1..3 with 6 to 14: all of them come, and nothing else."""
    for task, starts, lengths, window in (
        (OddNumbers, {(v,) for v in range(1, 14, 2)}, range(5, 13), 1),
        (Fibonacci, {(a, b) for a in range(3) for b in range(1, 4)}, range(6, 15), 2),
    ):
        raw = task(representation="raw", split="none")
        assert {tuple(map(int, raw.parameters(np.array([k]))[0][:window])) for k in range(raw.tuples())} == starts
        assert raw.counts(5) == (lengths[0], lengths[-1])
        x = raw.dataset(NotebookStreams(1, "python"), 5).train.x[..., 0].astype(int)
        assert starts <= {tuple(row[:window]) for row in x.tolist()}


def test_windows_slide_by_one() -> None:
    """Each window is the one before it moved by a term, or the beginning of another sequence."""
    for task in (OddNumbers, Fibonacci):
        x = task(representation="raw", split="none", train=50).dataset(KeyedStreams(1), 5).train.x[..., 0]
        slid = sum(np.array_equal(a[1:], b[:-1]) for a, b in pairwise(x))
        assert len(x) - slid <= 50


def test_the_whole_scale_is_by_the_largest_of_the_sequence() -> None:
    """The last window of a sequence ends at 1, none goes beyond it; a sequence of zeros stays zero."""
    data = OddNumbers(representation="raw", scale="whole", split="none", train=50, min_terms=6)
    y = data.dataset(KeyedStreams(1), 5).train.y
    assert y.max() == 1.0
    assert (y[:, -1] == 1.0).sum() == 50
    zeros = LinearRecurrence(representation="raw", scale="whole", split="none", starts=((0, 0), (0, 0)))
    assert not zeros.dataset(KeyedStreams(1), 5).train.x.any()
    np.testing.assert_array_equal(
        OddNumbers(representation="raw", scale="whole").scales(np.array([[1, 9], [0.5, 0]])), [9, 1]
    )
    np.testing.assert_array_equal(OddNumbers().scales(np.array([[1, 9], [0.5, 0]])), [1, 1])


def test_parts_are_three_fifths_and_one_fifth_each() -> None:
    drawn = draw(Announce(train=30_000, validation=10_000, test=10_000), KeyedStreams(1), 5, (0.5, 0, 0, 0, 0))
    tuples = [len(np.unique(windows.ids)) for windows in (drawn.train, drawn.validation, drawn.test)]
    assert Announce().tuples() == 2001
    assert sum(tuples) in (2000, 2001), "but for the prompt"
    assert tuples[1:] in ([400, 400], [399, 400])


def test_dropped_windows_by_hand() -> None:
    """Odd numbers, T = 5: an input is known by its first number; those of test and of the prompt are held back."""
    task = OddNumbers(train=400, validation=200, test=200)
    for seed in range(1, 6):
        drawn = draw(task, KeyedStreams(seed), 5, task.prompt)
        trained, validated, tested = (
            {row[0] for row in windows.values} for windows in (drawn.train, drawn.validation, drawn.test)
        )
        (start,) = {task.parameters(np.array([k]))[0, 0] for k in drawn.test.ids}
        assert tested == {start + 2 * k for k in range(7)}, "nothing is dropped of test"
        assert not trained & (validated | tested | {1.0})
        assert not validated & (tested | {1.0})
        assert drawn.dropped["train"] > 0
        assert drawn.dropped["test"] == 0


REFUSED: list[tuple[type[Numbers], dict[str, Any], str]] = [
    (OddNumbers, {"scale": "whole"}, 'scale "whole" would change nothing'),
    (OddNumbers, {"min_terms": 9, "max_terms": 8}, "min_terms 9 is larger than max_terms 8"),
    (LinearRecurrence, {"starts": ((0, 9),)}, "has 2 values and task.starts 1 ranges"),
    (LinearRecurrence, {"coefficients": (1.0, 0.0)}, "is 0: leave it out"),
    (LinearRecurrence, {"starts": ((0, 1), (3, 1))}, r"\[3\.0, 1\.0\] is not a range"),
    (LinearRecurrence, {"starts": ((0, 1), (1, 3, 0))}, "is not a range"),
    (LinearRecurrence, {"coefficients": (1.0,), "starts": ((1, 2),)}, "2 parameter tuples cannot be parted"),
    (Announce, {"representation": "prefix_max"}, "representation"),
    (Announce, {"scale": "whole"}, "scale"),
]


@pytest.mark.parametrize(("form", "settings", "message"), REFUSED)
def test_settings_that_make_no_sense_are_refused(form: type[Numbers], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        form(**settings)


def test_lengths_that_make_no_sense_are_refused() -> None:
    with pytest.raises(
        ValueError, match="12 is too long: a window of 12 terms and the next one do not fit into 12 terms"
    ):
        OddNumbers().check_length(12)
    OddNumbers().check_length(11)
    with pytest.raises(ValueError, match="leave the range of float32 numbers"):
        Fibonacci(representation="raw", max_terms=300).check_length(6)
    Fibonacci(max_terms=300).check_length(6)
    with pytest.raises(ValueError, match="1 is too short"):
        Announce(representation="difference").check_length(1)


def test_splits_that_cannot_be_parted_say_so() -> None:
    class Same(OddNumbers):
        def terms(self, parameters: np.ndarray, n: int, length: int) -> np.ndarray:
            return np.tile(np.arange(n) % 3.0, (len(parameters), 1))  # all inputs in every sequence

    few = {"train": 2, "validation": 2, "test": 2, "min_terms": 12, "representation": "raw"}
    with pytest.raises(ValueError, match=r"odd_numbers at T = 5: after 1,000 draws a split still has no input, as"):
        Same(**few).dataset(KeyedStreams(1), 5)
    assert len(Same(**few, split="none").dataset(KeyedStreams(1), 5).test)


def test_windows_that_only_rounding_tells_apart_are_the_same() -> None:
    """5, 3, 1.8, ... from its second term on is 3, 1.8, ...; a shifted sine is a sine of another phase."""
    five, three = (Geometric().terms(np.array([[start, 0.6]]), 9, 4) for start in (5.0, 3.0))
    waves = [Sine().terms(np.array([[8.0, phase, 1.5]]), 9, 4) for phase in (1 / 16, 3 / 16)]
    for one, other in ((five[:, 1:], three[:, :-1]), (waves[0][:, 1:], waves[1][:, :-1])):
        rows = Windows(np.concatenate([one, other]), np.zeros(2), np.zeros(2), np.ones(2)).rows()
        assert rows[0] == rows[1]
        nearly = Windows(one * (1 + 1e-9), np.zeros(1), np.zeros(1), np.ones(1)).rows()
        assert nearly[0] != rows[0]
    assert not np.array_equal(five[:, 1:], three[:, :-1])


def test_announce_holds_its_value_for_the_length() -> None:
    data = Announce(train=50).dataset(KeyedStreams(1), 7)
    assert data.train.x.shape == (50, 7, 1)
    assert not data.train.x[:, 1:].any()
    np.testing.assert_array_equal(data.train.x[:, 0], data.train.y)
    assert Announce().baseline(7) == pytest.approx(1 / 3, rel=2e-3)


@pytest.mark.parametrize("settings", [{"scale": "prefix"}, {"scale": "whole", "representation": "raw"}])
def test_a_baseline_is_summed_in_as_many_parts_as_fit(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    """Of very long sequences a few, or one: their windows are coded some at a time."""
    monkeypatch.setattr(numbers, "WORK", 20_000)
    whole = numbers._baseline.__wrapped__(Alternating(max_terms=301, **settings), 150)
    monkeypatch.setattr(numbers, "AT_ONCE", 1_000)
    assert numbers._baseline.__wrapped__(Alternating(max_terms=301, **settings), 150) == whole > 0
