"""Updates with products in bfloat16: what asks for them, what its bits depend on, what cannot have them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.oracle import needs_native
from tests.training.test_native import finish, trial
from unroll import Study, expand, run
from unroll.errors import BackendError, StudyError
from unroll.kernels import isas
from unroll.kernels.pick import HALF_INSTRUCTIONS, half_instructions
from unroll.running.planning import check
from unroll.study import Trial
from unroll.training import Training
from unroll.training import native as natively
from unroll.training.native import numerics_of

needs_half = pytest.mark.skipif(
    not half_instructions(), reason="this processor has neither AMX nor AVX-512 BF16, or the kernels lack them"
)
PICK = sys.modules[half_instructions.__module__]
HOW = {"epochs": 2, "batch": 16, "precision": "bf16"}


def only(monkeypatch: pytest.MonkeyPatch, *instructions: str) -> None:
    """As on a processor that has these and no others."""
    monkeypatch.setattr(PICK, "half_instructions", lambda: instructions)


def study(**more: object) -> Study:
    factors = {"task": ["odd_numbers"], "model": ["gru"], "length": [16], "seed": [1], **more.pop("factors", {})}
    task = {"train": 60, "validation": 20, "test": 20, "min_terms": 14, "max_terms": 18}
    return Study(name="one", factors=factors, task=task, train={**HOW, **more.pop("train", {})}, **more)


@needs_native
@needs_half
@pytest.mark.parametrize("model", ["tanh_rnn", "gru", "lstm"])
def test_a_training_is_near_that_in_float32_and_not_the_same(model: str) -> None:
    one = trial(model, train=HOW)
    half, whole = (
        finish(Training(one)),
        finish(Training(one.replace(train={**one.train.model_dump(), "precision": "float32"}))),
    )
    near = np.abs(half.histories["loss"] - whole.histories["loss"]) / whole.histories["loss"]
    assert 0 < near.max() < 0.03
    assert half.digest != whole.digest


@needs_native
@needs_half
@pytest.mark.parametrize("task", ["adding", "copy", "odd_numbers"])
@pytest.mark.parametrize("model", ["tanh_rnn", "gru", "lstm"])
def test_the_bits_do_not_depend_on_when_somebody_looks_or_where_it_went_on(
    model: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trial(model, task, train=HOW)
    for instruction in half_instructions():
        only(monkeypatch, instruction)
        digests = {finish(Training(one, look=look)).digest for look in (0.0, 0.05)}
        steps = Training(one).run()
        frozen = [next(steps).freeze() for _ in range(24)]
        digests |= {finish(Training(one, checkpoint, look=0.05)).digest for checkpoint in frozen[::5]}
        assert len(digests) == 1


@needs_native
@needs_half
def test_numerics_name_the_instruction_and_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = numerics_of(trial("gru"))
    for instruction in half_instructions():
        only(monkeypatch, instruction)
        found = numerics_of(trial("gru", train=HOW))
        assert found.pop("products") == f"bfloat16, {HALF_INSTRUCTIONS[instruction]}"
        assert found.pop("cpu")
        assert found == whole


@needs_native
def test_the_fastest_instruction_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "amx_bf16", "avx512_bf16")
    assert natively.products_of(trial("gru", train=HOW)) == "amx_bf16"
    assert natively.products_of(trial("gru")) == "float32"


REFUSED = {
    "a processor without them": ({}, "this processor has neither AMX nor AVX-512 BF16"),
    "two layers": ({"model": {"layers": 2}}, 'native code does not make the updates of "gru": it has not one layer'),
    "a network of its own": ({"factors": {"model": ["feedforward"]}}, "its network is not a recurrent layer"),
    "a fitted model": ({"factors": {"model": ["linear"]}}, "it is fitted, and makes none"),
}


@needs_native
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_have_them_is_refused_before_anything_is_planned(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *([] if "processor" in case else ["amx_bf16"]))
    changes, why = REFUSED[case]
    asked = study(**changes)
    with pytest.raises(StudyError, match=rf"train\.precision: .*{why}.*Set train\.precision to 'float32'"):
        check(asked)
    with pytest.raises(StudyError, match=why):
        run(asked, store=tmp_path / "a.db")
    assert not (tmp_path / "a.db").exists()
    with pytest.raises(BackendError, match=why):
        Training(expand(asked)[0])


@needs_native
def test_a_set_of_instructions_that_is_held_to_less_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    held = isas()[-1]
    if held == isas()[0]:
        pytest.skip("this processor has one set")
    monkeypatch.setenv("UNROLL_ISA", held)
    with pytest.raises(BackendError, match=f"UNROLL_ISA holds the kernels to {held}"):
        natively.products_of(trial("gru", train=HOW))


@pytest.mark.parametrize(
    ("settings", "held"), [({"device": "cuda"}, "train.device 'cuda'"), ({"backend": "torch"}, "train.backend 'torch'")]
)
def test_what_excludes_the_native_kernels_is_refused_with_the_study(settings: dict, held: str) -> None:
    with pytest.raises(StudyError, match=f"'bf16' is of the native kernels, which {held} excludes"):
        check(study(train=settings))


def test_the_key_holds_it_unless_it_is_float32() -> None:
    def one(**how: str) -> Trial:
        return trial("gru", train=how)

    assert one(precision="float32").key == one().key != one(precision="bf16").key
    assert "precision" not in one(precision="float32").spec["settings"]["train"]
    assert one(precision="bf16").spec["settings"]["train"]["precision"] == "bf16"
