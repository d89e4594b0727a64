"""What a trial's names stand for: looked up in one place, made once, and never another's.

Planted and found: settings that are equal and not the same (1, 1.0 and true) share a model; a backend of what the class
declares in place of what the trial's settings make of it.
"""

from __future__ import annotations

from typing import Any

import pytest

import unroll
from unroll import registry
from unroll.errors import BackendError, UnknownNameError
from unroll.kernels import pick
from unroll.models.lstm import LSTM
from unroll.models.resolve import resolve
from unroll.models.tanh_rnn import TanhRNN
from unroll.study import Settings, Trial
from unroll.tasks.adding import Adding


def trial(**parts: Any) -> Trial:
    """Return a trial of the adding problem."""
    study = unroll.Study(
        name="s",
        factors={"task": ["adding"], "model": ["lstm"], "length": [4], "seed": [1], **parts.pop("factors", {})},
    )
    (one,) = unroll.expand(study)
    return one.replace(**parts)


def test_a_trial_has_its_task_and_its_model_with_its_settings() -> None:
    one = trial(factors={"model.hidden": [7], "task.markers": ["halves"]})
    task, model = resolve(one)
    assert task == Adding(markers="halves")
    assert model == LSTM(hidden=7)
    other = resolve(one.replace(seed=2, length=9))
    assert other.task is task
    assert other.model is model


def test_settings_that_are_equal_and_not_the_same_are_not_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loose(LSTM):
        name = "loose"
        summary = "takes anything"
        version = "1"
        what: Any = None

    monkeypatch.setattr(registry.models, "_registered", {})
    unroll.register(Loose)
    values = [1, 1.0, True, (1, 2), (1.0, 2), (True, 2)]
    base = trial()
    made = [
        resolve(base.replace(model="loose", model_settings=Settings({**base.model_settings, "what": value}))).model
        for value in values
    ]
    assert [repr(model.what) for model in made] == [repr(value) for value in values]


def test_what_is_not_known_here_is_said() -> None:
    with pytest.raises(UnknownNameError, match='Unknown model "no_such"'):
        resolve(trial(model="no_such"))


def test_the_backend_follows_from_the_model_with_its_settings_and_what_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Either(TanhRNN):
        name = "either"
        summary = "a cell of its own, or one that kernels have"
        version = "1"
        own: bool = False

        @property
        def cell(self) -> str | None:  # type: ignore[override]
            return None if self.own else "tanh_rnn"

    monkeypatch.setattr(registry.models, "_registered", {})
    unroll.register(Either)

    def asked(own: bool, backend: str) -> Trial:
        factors = {"model": ["either"], "model.own": [own], "train.backend": [backend]}
        return trial(factors=factors)

    assert (
        resolve(asked(True, "auto")).backend(asked(True, "auto")).reason.startswith("the model has no recurrent cell")
    )
    assert resolve(asked(False, "reference")).backend(asked(False, "reference")).reason == "asked for"
    assert resolve(asked(False, "auto")).backend(asked(False, "auto")) == pick("tanh_rnn")
    native = asked(True, "auto")
    native = native.replace(train=native.train.model_copy(update={"backend": "native"}))
    with pytest.raises(BackendError, match="the model has no recurrent cell"):
        resolve(native).backend(native)
