"""Which backend computes a cell, and why."""

import sys

import pytest

from unroll.errors import BackendError
from unroll.kernels import isas, pick

CELLS = ["tanh_rnn", "relu_rnn", "lstm", "gru"]
has_native = pytest.mark.skipif(not isas(), reason="this installation has no native kernels")


@pytest.fixture
def without_native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "unroll.kernels._native", None)


@pytest.mark.parametrize("cell", [*CELLS, None])
def test_the_reference_is_always_there(cell: str | None) -> None:
    picked = pick(cell, backend="reference")
    assert (picked.backend, picked.reason, picked.isa) == ("reference", "asked for", "")


@has_native
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("backend", ["auto", "native"])
def test_native_with_its_instruction_set(cell: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNROLL_ISA", raising=False)
    picked = pick(cell, backend=backend)
    assert (picked.backend, picked.isa) == ("native", isas()[0])
    assert isas()[0] in picked.reason
    for isa in isas():
        monkeypatch.setenv("UNROLL_ISA", isa)
        assert pick(cell, backend=backend).isa == isa


@has_native
def test_an_instruction_set_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLL_ISA", "v9")
    with pytest.raises(BackendError, match=r'UNROLL_ISA is "v9", which cannot run here\. Available: '):
        pick("lstm")


@pytest.mark.usefixtures("without_native")
def test_without_kernels_it_says_what_is_lost_and_how_to_get_it() -> None:
    assert isas() == ()
    picked = pick("lstm")
    assert picked.backend == "reference"
    assert "as fast or several times slower, by cell, size and processor" in picked.reason
    assert "compiler" in picked.reason
    with pytest.raises(BackendError, match=r"no native kernels.*Set train\.backend to 'auto' or 'torch'"):
        pick("lstm", backend="native")


def test_what_has_no_kernel() -> None:
    assert pick(None).reason == "the model has no recurrent cell of its own"
    assert pick("peephole").backend == "reference"
    assert "not on cuda:0" in pick("lstm", device="cuda:0").reason
    with pytest.raises(BackendError, match=r"not on cuda.*Set train\.backend"):
        pick("lstm", device="cuda", backend="native")
    with pytest.raises(BackendError, match='Unknown backend "fast"'):
        pick("lstm", backend="fast")
