"""Settings of training: what does not go together is refused, and what is not used leaves no trace in the key.

Planted and found: alpha taken by any optimizer; a step schedule without a step; a default of a later setting in a key.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.study.builders import study, trial
from unroll.errors import StudyError
from unroll.study import TrainSettings, expand

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"alpha": 0.9}, r"train\.alpha is for optimizer 'rmsprop'; 'adam' would ignore it\. Give it in a \[\[where\]\]"),
    ({"optimizer": "sgd", "alpha": 0.9}, "'sgd' would ignore it"),
    ({"optimizer": "adamw", "momentum": 0.9}, "momentum is for sgd and rmsprop; adamw would ignore it"),
    ({"final_learning_rate": 1e-5}, "final_learning_rate is for schedule 'cosine'; 'constant' would ignore it"),
    ({"schedule": "step", "step_epochs": 3, "final_learning_rate": 1e-5}, "'step' would ignore it"),
    ({"step_epochs": 3}, "step_epochs is for schedule 'step'; 'constant' would ignore it"),
    ({"schedule": "cosine", "step_epochs": 3}, "'cosine' would ignore it"),
    ({"step_factor": 0.5}, "step_factor is for schedule 'step'"),
    ({"schedule": "step"}, r"needs train\.step_epochs"),
    ({"schedule": "cosine", "final_learning_rate": 1e-3}, "0.001 is not below train.learning_rate 0.001"),
    ({"schedule": "cosine", "learning_rate": 1e-3, "final_learning_rate": 1.0}, "from which the rate falls. Lower it"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED, ids=[str(settings) for settings, _ in REFUSED])
def test_what_nothing_would_read_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainSettings(**settings)
    with pytest.raises(StudyError, match=message):
        expand(study(train=settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"weight_decay": -1.0}, {"alpha": 1.0, "optimizer": "rmsprop"}, {"patience": 0}, {"patience": 2.5},
        {"schedule": "linear"}, {"schedule": "step", "step_epochs": 0}, {"schedule": "step", "step_factor": 1.0},
        {"schedule": "step", "step_epochs": 3, "step_factor": 0.0}, {"weight_decay": float("nan")},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrainSettings(**settings)


def test_a_setting_that_is_not_used_is_not_in_the_key() -> None:
    defaults = {
        "alpha": 0.99, "weight_decay": 0.0, "schedule": "constant", "final_learning_rate": 0.0, "step_epochs": "none",
        "step_factor": 0.1, "patience": "none",
    }  # fmt: skip
    assert trial(train=defaults).key == trial().key
    assert trial(train=defaults).spec == trial().spec
    assert not defaults.keys() & trial().spec["settings"]["train"].keys()
    used = trial(train={"schedule": "step", "step_epochs": 5}).spec["settings"]["train"]
    assert {name: value for name, value in used.items() if name in defaults} == {"schedule": "step", "step_epochs": 5}


def test_new_settings_are_factors_like_any_other() -> None:
    asked = study({"train.patience": ["none", 3], "train.weight_decay": [0.0, 0.1]})
    found = {(one.train.patience, one.train.weight_decay) for one in expand(asked)}
    assert found == {(None, 0.0), (None, 0.1), (3, 0.0), (3, 0.1)}
