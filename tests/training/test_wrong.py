"""The share of wrong answers, as the first paper counts them: of the trained weights, on the test split.

Planted and found: squared errors compared with the bound, as one code of the field does; training sequences counted.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.test_loop import finish
from unroll import Study, expand
from unroll.running.planning import plan
from unroll.training import Training, single_thread
from unroll.training.examples import Examples


def study(markers: str) -> Study:
    return Study(
        name="wrong",
        factors={"task": ["adding"], "model": ["gru"], "length": [11], "seed": [1]},
        task={"train": 64, "validation": 8, "test": 50, "markers": markers},
        model={"hidden": 4},
        train={"epochs": 2, "batch": 16, "learning_rate": 0.02},
    )


def test_it_is_the_share_of_answers_that_are_too_far_off():
    one = expand(study("hs97"))[0]
    with single_thread():
        training = Training(one)
        result = finish(training.run())
        with torch.no_grad():
            outputs = training.test.answers(training.network.eval())
    errors = np.abs(outputs.numpy() - training.test.y.numpy()).ravel()
    assert result.all_metrics["test_wrong"] == pytest.approx((errors > 0.04).mean())
    assert 0 < result.all_metrics["test_wrong"] < 1
    assert "test_wrong" not in result.metrics, "the digest knows nothing of it"
    (declared,) = (trial.declared for trial in plan(study("hs97"), [one]).trials)
    assert [quantity["name"] for quantity in declared["quantities"]] == ["test_wrong"]
    assert isinstance(training.test, Examples)


def test_other_variants_have_none():
    one = expand(study("anywhere"))[0]
    with single_thread():
        assert "test_wrong" not in finish(Training(one).run()).all_metrics
    assert not plan(study("anywhere"), [one]).trials[0].declared["quantities"]
