"""Numbers and lists in sentences."""

from __future__ import annotations

import doctest
import math

import pytest

from unroll import wording


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(wording).failed == 0


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1 / 6, 4, "0.1667"),
        (0.000123456, 3, "0.000123"),
        (0.0000123456, 3, "1.23e-05"),
        (123456.0, 3, "1.23e+05"),
        (100.0, 3, "100"),
        (-0.5, 3, "-0.500"),
        (None, 3, "–"),
        (math.nan, 3, "–"),
    ],
)
def test_numbers(value: float | None, digits: int, text: str):
    assert wording.number(value, digits) == text


def test_lists_and_capitals():
    assert wording.listed([]) == ""
    assert wording.listed(["one"]) == "one"
    assert wording.listed([1, 2, 3], "or") == "1, 2 or 3"
    assert wording.counted(0, "trial") == "no trials"
    assert wording.capital("the tanh RNN") == "The tanh RNN"
    assert wording.capital("") == ""
