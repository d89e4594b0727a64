"""Codes of numbers: hand-worked, undone exactly, and blind to the future.

Planted and found: a prefix maximum that holds the value itself; a signed divisor in the encoding alone; division by
zero left undefined; a code by the largest of the whole sequence.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from unroll.tasks.representation import REPRESENTATIONS, PrefixMax

numbers = st.one_of(st.just(0.0), st.floats(1e-6, 1e12), st.floats(-1e12, -1e-6))
sequences = st.tuples(st.integers(1, 3), st.integers(1, 9)).flatmap(
    lambda shape: arrays.arrays(np.float64, shape, elements=numbers)
)

BY_HAND = {
    "raw": [2, 0, -3, 6],
    "difference": [0, -2, -3, 9],
    "last_value": [0, -1, -3, 3],
    "prefix_max": [1, 0, -1.5, 2],
}
"""The codes of 2, 0, -3, 6."""
FROM_ZERO = {"raw": [0, 0, 4], "difference": [0, 0, 4], "last_value": [0, 0, 4], "prefix_max": [0, 0, 4]}
"""The codes of 0, 0, 4: division by zero is division by 1."""


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_codes_by_hand(name: str) -> None:
    code = REPRESENTATIONS[name]
    np.testing.assert_allclose(code.encode(np.array([[2.0, 0, -3, 6]])), [BY_HAND[name]])
    np.testing.assert_allclose(code.encode(np.array([[0.0, 0, 4]])), [FROM_ZERO[name]])
    assert code.name == name


@pytest.mark.parametrize("name", REPRESENTATIONS)
@settings(max_examples=100, deadline=None)
@given(values=sequences, known=st.integers(1, 9))
@example(values=np.array([[0.0, 0.0, 0.0]]), known=1)
@example(values=np.array([[1.0, 1e-6, 1.0]]), known=1)
def test_decoding_undoes_encoding(name: str, values: np.ndarray, known: int) -> None:
    """After any prefix, to the rounding of the value and of the one before it."""
    code, known = REPRESENTATIONS[name], min(known, values.shape[1])
    codes = code.encode(values)
    assert np.isfinite(codes).all()
    for t in range(known, values.shape[1]):
        decoded, past = code.decode(codes[:, t], code.start(values[:, :t]))
        size = np.abs(values[:, t - 1 : t + 1]).max(axis=1)
        assert (np.abs(decoded - values[:, t]) <= 4e-16 * size).all()
        assert (past.last == decoded).all()


@pytest.mark.parametrize("name", REPRESENTATIONS)
@settings(max_examples=50, deadline=None)
@given(values=arrays.arrays(np.float64, (2, 12), elements=st.one_of(st.just(0.0), st.floats(0.5, 1e3))))
def test_decoding_goes_on_from_what_it_decoded(name: str, values: np.ndarray) -> None:
    """Value after value, from the decoded ones before it, the errors stay rounding errors."""
    code = REPRESENTATIONS[name]
    codes, past = code.encode(values), code.start(values[:, :1])
    for t in range(1, values.shape[1]):
        decoded, past = code.decode(codes[:, t], past)
        assert (np.abs(decoded - values[:, t]) <= 1e-11 * values.max(initial=1.0)).all()


@pytest.mark.parametrize("name", ["raw", "difference"])
@given(values=arrays.arrays(np.int64, (2, 8), elements=st.integers(-(2**40), 2**40)))
def test_whole_numbers_come_back_to_the_bit(name: str, values: np.ndarray) -> None:
    code, exact = REPRESENTATIONS[name], values.astype(np.float64)
    codes, past = code.encode(exact), code.start(exact[:, :1])
    for t in range(1, 8):
        decoded, past = code.decode(codes[:, t], past)
        np.testing.assert_array_equal(decoded, exact[:, t])


def changed_before(encode: object, values: np.ndarray) -> bool:
    """Whether a code changes when only later values do."""
    codes = encode(values)  # type: ignore[operator]
    for t in range(values.shape[1] - 1):
        later = values.copy()
        later[:, t + 1 :] = 100.0 - 2.0 * later[:, t + 1 :]
        if not np.array_equal(encode(later)[:, : t + 1], codes[:, : t + 1]):  # type: ignore[operator]
            return True
    return False


@pytest.mark.parametrize("name", REPRESENTATIONS)
@settings(max_examples=50, deadline=None)
@given(values=sequences)
def test_codes_look_only_back(name: str, values: np.ndarray) -> None:
    assert not changed_before(REPRESENTATIONS[name].encode, values)


def test_a_code_that_looks_ahead_is_found() -> None:
    """The notebook's scale, the largest of the whole sequence, is what the test above must catch."""
    assert changed_before(lambda v: v / np.abs(v).max(axis=1, keepdims=True), np.array([[1.0, 3, 5, 7]]))


@given(values=sequences)
def test_prefix_max_does_not_see_the_scale(values: np.ndarray) -> None:
    values[:, 0] = 2.0  # from the first number on that is not zero
    np.testing.assert_array_equal(PrefixMax().encode(values * 4.0), PrefixMax().encode(values))
