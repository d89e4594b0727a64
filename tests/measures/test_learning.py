"""After how many updates the criterion is met, in sentences.

Planted and found: the mean for the median; trials that never meet it counted with nought; models that make no updates
told to have failed; lengths that are put together.
"""

from __future__ import annotations

import pandas as pd

from tests.analysis.telling import WORDS
from unroll.measures import known
from unroll.measures.base import About
from unroll.measures.learning.sentences import sentences


def trials(*rows: tuple[str, int, float | None], batch: int = 8) -> pd.DataFrame:
    """Rows of model, length and updates, on the adding problem."""
    frame = pd.DataFrame(rows, columns=["model", "length", "updates_to_solve"])
    return frame.assign(
        task="adding",
        state="complete",
        seconds_per_epoch=[None if model == "linear" else 1.0 for model in frame["model"]],
        **{"train.batch": batch, "solved_metric": "test_mse", "score_name": "test_mse"},
    )


def said(frame: pd.DataFrame) -> list[str]:
    return [finding.sentence for finding in sentences(WORDS, frame, ())]


def test_each_model_has_the_median_of_the_trials_that_meet_it():
    frame = trials(*[("gru", 50, n) for n in (100, 200, 3000, None)], ("lstm", 50, 40), ("tanh_rnn", 50, None))
    assert said(frame) == [
        "On the adding problem, the GRU meets the criterion in training after 200 updates of 8 sequences (3 of 4 "
        "trials) and the LSTM after 40; the tanh RNN does not meet it."
    ]
    (finding,) = sentences(WORDS, frame, ())
    assert "GRU 100, 200, 3,000; LSTM 40; tanh RNN none" in finding.evidence


def test_it_is_told_on_which_sequences_the_criterion_was_looked_for():
    frame = trials(("gru", 50, 100), ("lstm", 50, None))
    (sentence,) = said(frame.assign(validation_mse=[0.1, 0.2]))
    assert sentence == (
        "On the adding problem, the GRU meets the criterion in validation after 100 updates of 8 sequences; the LSTM "
        "does not meet it."
    )
    unwatched = frame.assign(solved_metric="test_accuracy", updates_to_solve=None)
    assert said(unwatched) == [], "without validation nobody knows the accuracy of an epoch"
    assert said(unwatched.assign(validation_accuracy=0.5)) == [
        "On the adding problem, the GRU and the LSTM do not meet the criterion in validation."
    ]


def test_lengths_are_told_apart_and_fitted_models_left_out():
    frame = trials(("gru", 50, 100), ("linear", 50, None), ("gru", 60, None), ("lstm", 60, None), batch=1)
    assert said(frame) == [
        "On the adding problem at T = 50, the GRU meets the criterion in training after 100 updates of one sequence.",
        "On the adding problem at T = 60, the GRU and the LSTM do not meet the criterion in training.",
    ]
    assert said(frame.drop(columns="updates_to_solve")) == []


def test_nothing_is_said_unasked():
    assert list(known()["learning"].findings(None, About())) == []
