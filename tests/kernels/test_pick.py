"""Which backend computes a cell, and why."""

import pytest

from unroll.errors import BackendError
from unroll.kernels import pick


@pytest.mark.parametrize("cell", ["tanh_rnn", "lstm", "gru", None])
def test_the_reference_is_always_there(cell: str | None) -> None:
    for backend in ("auto", "reference"):
        picked = pick(cell, backend=backend)
        assert picked.backend == "reference"
        assert picked.reason


def test_a_reason_for_each_choice() -> None:
    assert pick("lstm", backend="reference").reason == "asked for"
    assert pick(None).reason == "the model has no recurrent cell of its own"


def test_a_backend_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(BackendError, match=r"Set train\.backend to 'auto' or 'reference'"):
        pick("lstm", backend="native")
