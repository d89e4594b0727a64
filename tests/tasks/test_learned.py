"""Tasks of memory, learned for real: whole trainings, with native updates three minutes of one core.

Settings were found on the seeds 1 to 3, which are tried here. Each test asks every seed.

What does not come out in some minutes, and why. An LSTM as PyTorch initialises it has forget gates near 1/2, so that a
gradient is halved at every step on its way back, and nothing of it arrives after 50; a forget bias would mend it, and
is no setting yet. So the LSTM solves temporal order at T = 30 and not at 50, the latch at T = 15 and not at 25, and of
copying ten symbols over T = 30 it learns next to nothing (accuracy 0.15 to 0.2 after 6,000 to 8,000 updates, chance
0.125). The GRU latches a bit over T = 100 too, after up to twice as many updates.
"""

from __future__ import annotations

from typing import Any

import pytest

from unroll import Study, expand
from unroll.study import Trial
from unroll.training import Result, single_thread, train

pytestmark = pytest.mark.slow

SEEDS = (1, 2, 3)
RECIPE: dict[str, Any] = {"optimizer": "adam", "clip_norm": 1.0}


def trials(task: str, model: str, length: int, settings: dict[str, Any], hidden: int, tested: Any = (), **recipe: Any):
    """The trials of one condition."""
    return expand(
        Study(
            name="learned",
            protocol="keyed",
            factors={"task": [task], "model": [model], "length": [length], "seed": list(SEEDS)},
            task={"validation": 0, "test": 1000, "fresh": True, **settings},
            model={"hidden": hidden},
            train={**RECIPE, **recipe},
            test={"lengths": list(tested)} if tested else {},
        )
    )


def learned(trial: Trial) -> Result:
    with single_thread():
        training = train(trial, look=1.0)
        while True:
            try:
                next(training)
            except StopIteration as end:
                result: Result = end.value
                return result


def test_the_gru_copies_ten_symbols_over_thirty_steps() -> None:
    settings = {"train": 6400, "loss": "answers"}
    recipe = {"epochs": 40, "batch": 32, "learning_rate": 6e-3, "schedule": "cosine"}
    for trial in trials("copy", "gru", 30, settings, 96, **recipe):
        assert learned(trial).metrics["solved"] == 1, trial


@pytest.mark.parametrize("model", ["gru", "lstm"])
def test_parity_is_learned_as_a_rule(model: str) -> None:
    """Strings of up to 20 bits, and right on 400."""
    settings, tested = {"train": 3200, "lengths": "uniform"}, (10, 20, 40, 100, 200, 400)
    for trial in trials("parity", model, 20, settings, 64, tested, epochs=20, batch=32, learning_rate=3e-3):
        result = learned(trial)
        assert result.metrics["solved"] == 1, trial
        assert result.metrics["accuracy_beyond"] > 0.99, trial
        assert len(result.histories["accuracy_by_length"]) == len(tested)


@pytest.mark.parametrize("model", ["gru", "lstm"])
def test_brackets_are_counted(model: str) -> None:
    for trial in trials("brackets", model, 60, {"train": 3200}, 64, epochs=14, batch=32, learning_rate=3e-3):
        assert learned(trial).metrics["solved"] == 1, trial


@pytest.mark.parametrize(("model", "length", "epochs", "rate"), [("gru", 100, 20, 4e-3), ("lstm", 30, 10, 3e-3)])
def test_temporal_order(model: str, length: int, epochs: int, rate: float) -> None:
    """Task 6a of Hochreiter and Schmidhuber, of the LSTM scaled down."""
    for trial in trials("order", model, length, {"train": 8000}, 32, epochs=epochs, batch=8, learning_rate=rate):
        assert learned(trial).metrics["solved"] == 1, trial


@pytest.mark.parametrize(("model", "length", "epochs", "rate"), [("gru", 50, 12, 5e-3), ("lstm", 15, 8, 3e-3)])
def test_one_bit_is_latched(model: str, length: int, epochs: int, rate: float) -> None:
    """Task 2b of the same, among 98 distractors."""
    for trial in trials("latch", model, length, {"train": 8000}, 32, epochs=epochs, batch=8, learning_rate=rate):
        assert learned(trial).metrics["solved"] == 1, trial


@pytest.mark.parametrize("model", ["tanh_rnn", "gru", "lstm"])
def test_a_delay_line_holds_no_more_values_than_it_has_units(model: str) -> None:
    """What is explained of sixteen lags, summed up, is below H = 8 and not far below."""
    hidden, lags = 8, 16
    settings = {"train": 3200, "lags": lags}
    for trial in trials("delay", model, 60, settings, hidden, epochs=15, batch=32, learning_rate=1e-2):
        kept = lags * (1 - 3 * learned(trial).metrics["test_mse"])
        assert hidden / 2 < kept < hidden, trial


def test_a_tanh_rnn_does_not_select_what_to_copy() -> None:
    """It stays at chance, 1/14: places are drawn anew in each sequence."""
    for trial in trials(
        "selective_copy", "tanh_rnn", 100, {"train": 6400}, 64, epochs=10, batch=32, learning_rate=1e-3
    ):
        assert learned(trial).metrics["test_accuracy"] < 0.1, trial
