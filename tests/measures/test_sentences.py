"""The answers to the notebook's two questions, on frames whose story is known.

Planted and found: settings chosen by the test; an infinite error taken for the best; a window one too short counted
among those that reach back; representations judged at the first step; traps told in the order of their errors, or from
the first of several conditions.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.analysis.telling import WORDS
from unroll.measures import known
from unroll.measures.base import About
from unroll.measures.continuation.sentences import at_rest, by_level
from unroll.measures.horizons.sentences import of_all, of_model
from unroll.measures.traps.sentences import trapped
from unroll.measures.window_lag.sentences import window_and_lag


def horizons(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of task, model, representation, regime, horizon, one-step error, error left alone."""
    names = ["task", "model", "task.representation", "regime", "horizon", "one_step_error", "relative_error"]
    frame = pd.DataFrame(rows, columns=names).assign(length=5, n=3)
    # on validation sequences the raw numbers are best, whatever the test says
    validation = [0.1 if name == "raw" else 0.2 for name in frame["task.representation"]]
    return frame.assign(each_seed=[[error] * 3 for error in frame["relative_error"]], validation_error=validation)


def sentences(found) -> list[str]:
    return [finding.sentence for finding in found]


def test_the_notebooks_own_two_models():
    frame = horizons(
        ("odd_numbers", "tanh_rnn", "raw", "within", 1, 0.01, 0.01),
        ("odd_numbers", "tanh_rnn", "raw", "within", 8, 0.021, 0.59),
        ("odd_numbers", "tanh_rnn", "raw", "within", 32, 0.3, 0.9),
        ("odd_numbers", "tanh_rnn", "raw", "longer", 8, 0.4, 0.8),
        ("odd_numbers", "tanh_rnn", "raw", "larger", 8, 0.4, math.inf),
        ("fibonacci", "tanh_rnn", "raw", "within", 8, 0.004, 0.92),
        ("fibonacci", "tanh_rnn", "raw", "longer", 8, 0.004, 0.009),
    )
    found = list(of_model(WORDS, frame, "tanh_rnn"))
    assert sentences(found) == [
        "On odd numbers the tanh RNN is, at step 8, 2.1 % off with the truth fed until then, and 59 % off "
        "free-running.",
        "On Fibonacci sequences the tanh RNN is, at step 8, 0.40 % off with the truth fed until then, and 92 % "
        "off "
        "free-running.",
        "Free-running on other sequences, it is within 1 % of the truth on 1 of 2 tasks from where training's "
        "sequences end and on 0 of 1 task with ten times larger values.",
    ]
    assert "each trial: 59 %, 59 % and 59 %" in found[0].evidence


def test_many_tasks_are_counted_and_the_worst_is_named():
    tasks = ["odd_numbers", "fibonacci", "sine", "geometric"]
    frame = horizons(*((task, "tanh_rnn", "raw", "within", 8, 0.001, 0.1 * i) for i, task in enumerate(tasks)))
    assert sentences(of_model(WORDS, frame, "tanh_rnn")) == [
        "Fed the truth, the tanh RNN is within 1 % of it at step 8 on 4 of 4 tasks; at worst, on odd numbers, "
        "0.10 % off.",
        "Free-running, it is within 1 % of it at step 8 on 1 of 4 tasks; at worst, on geometric sequences, 30 % off.",
    ]
    assert sentences(of_model(WORDS, horizons(("sine", "gru", "raw", "within", 8, 0.1, 0.1)), "tanh_rnn")) == []


def test_settings_are_chosen_on_validation_and_reported_on_test():
    frame = horizons(
        ("sine", "gru", "raw", "within", 8, 0.1, 0.5),
        ("sine", "gru", "difference", "within", 8, 0.1, 0.005),
        ("sine", "linear", "raw", "within", 8, 0.0, 0.0),
        ("fibonacci", "gru", "raw", "within", 8, 0.1, 0.5),
        ("fibonacci", "linear", "raw", "within", 8, 0.0, 0.0),
        ("fibonacci", "feedforward", "raw", "within", 8, 0.0, math.inf),
        ("fibonacci", "feedforward", "difference", "within", 8, 0.0, 0.001),
    )
    (found,) = of_all(WORDS, frame)
    assert found.sentence == (
        "Free-running for 8 steps on test sequences, the GRU is within 1 % of the truth on 0 of 2 tasks, the linear "
        "rule on 2 of 2 tasks and the feedforward network on 0 of 1 task."
    )
    assert not found.compares
    assert found.evidence.endswith("no test separates them")
    better = frame.assign(validation_error=[0.3 if name == "raw" else 0.2 for name in frame["task.representation"]])
    assert "the GRU is within 1 % of the truth on 1 of 2 tasks" in sentences(of_all(WORDS, better))[0]
    unknown = frame.assign(validation_error=math.nan)
    assert sentences(of_all(WORDS, unknown)) == [
        "Free-running for 8 steps on test sequences, the linear rule is within 1 % of the truth on 2 of 2 tasks and "
        "the GRU on 0 of 1 task."
    ], "several settings and nothing to choose by: not judged"


def test_what_training_knew_is_said():
    frame = horizons(("odd_numbers", "tanh_rnn", "difference", "within", 8, 0.0, 0.0))
    for seen, trained, said in ((1.0, 1.0, "of a constant"), (1.0, 13.0, "(100 % of these inputs were trained on)")):
        (sentence,) = sentences(of_model(WORDS, frame.assign(test_seen=seen, train_inputs=trained), "tanh_rnn"))
        assert said in sentence
    (sentence,) = sentences(of_model(WORDS, frame.assign(test_seen=0.0, train_inputs=200.0), "tanh_rnn"))
    assert "inputs" not in sentence


def said(name: str, table: pd.DataFrame, model: str = "") -> list[str]:
    """Return the sentences of a measure on its table."""
    source = SimpleNamespace(
        told=SimpleNamespace(words=WORDS), factors=("task.representation",), measure=lambda _: table
    )
    return sentences(known()[name].findings(source, About(model=model)))


def test_a_task_that_asks_for_one_step_is_not_run_freely():
    rows = [
        ("announce", model, "raw", "within", 1, 0.0, error) for model, error in (("tanh_rnn", 0.0), ("linear", 0.5))
    ]
    assert said("horizons", horizons(*rows)) == said("horizons", horizons(*rows), "tanh_rnn") == []
    several = horizons(
        *rows, *(("sine", *row[1:4], 8, *row[5:]) for row in rows), *(("sine", *row[1:]) for row in rows)
    )
    assert all("sine" in one for one in said("horizons", several, "tanh_rnn"))
    assert all("1 task" in one for one in said("horizons", several))


def test_a_question_is_about_its_model():
    frame = horizons(*(("sine", model, "raw", "within", 8, 0.1, 0.1) for model in ("gru", "lstm")))
    (one,) = said("horizons", frame, "lstm")
    assert "the LSTM" in one
    assert "GRU" not in one
    (all_,) = said("horizons", frame)
    assert all_.startswith("Free-running for 8 steps on test sequences, the GRU is")
    rows = [(model, 4, "hidden", 8, 3, 3) for model in ("gru", "lstm")]
    known_by = pd.DataFrame(rows, columns=["model", "length", "capacity_name", "capacity", "n", "solved"])
    assert len(said("window_lag", known_by)) == 2
    assert [sentence[:8] for sentence in said("window_lag", known_by, "lstm")] == ["The LSTM"]


def test_what_the_representation_is_worth():
    errors = {"difference": (0.001, 0.002), "raw": (0.5, 0.6), "last_value": (0.009, 0.4), "prefix_max": (0.2, 0.2)}
    rows = [
        ("odd_numbers", "tanh_rnn", name, step, error if step == 8 else 0.0)
        for name, pair in errors.items()
        for error in pair
        for step in (1, 8)
    ]
    names = ["task", "model", "task.representation", "step", "relative_error"]
    frame = pd.DataFrame(rows, columns=names)
    (found,) = by_level(WORDS, frame, "tanh_rnn", "task.representation")
    assert found.sentence == (
        "On odd numbers, eight steps after the prompt, free-running, the tanh RNN is within 1 % of the truth in 2 of 2 "
        "trials with differences, in 0 of 2 trials with raw numbers, in 1 of 2 trials with steps relative to the last "
        "value and in 0 of 2 trials with values relative to the largest so far."
    )
    assert "difference: at most 0.20 % off" in found.evidence
    assert list(by_level(WORDS, frame[frame["task.representation"] == "raw"], "tanh_rnn", "task.representation")) == []
    assert list(by_level(WORDS, frame.assign(model="gru"), "tanh_rnn", "task.representation")) == []


def test_coming_to_rest():
    steps = pd.DataFrame({"step": [6, 7, 8], "truth": [21.0, 23.0, 25.0], "output_ceiling": 28.0})
    rest = steps.assign(task="odd_numbers", model="tanh_rnn", key="a", value=[11.0, 11.5, 11.6])
    on = steps.assign(task="odd_numbers", model="tanh_rnn", key="b", value=[18.0, 19.0, 20.0])
    (sentence,) = sentences(at_rest(WORDS, rest, "tanh_rnn"))
    assert sentence == (
        "On odd numbers the tanh RNN's continuation of the prompt comes to rest while the truth goes on."
    )
    (bounded,) = sentences(at_rest(WORDS, rest.assign(output_ceiling=20.0), "tanh_rnn"))
    assert bounded.endswith("goes on, beyond what its bounded state can put out.")
    (unbounded,) = sentences(at_rest(WORDS, rest.assign(output_ceiling=math.nan), "tanh_rnn"))
    assert unbounded == sentence, "a network without a bound is not said to have one"
    assert sentences(at_rest(WORDS, pd.concat([rest, on]), "tanh_rnn")) == []
    assert sentences(at_rest(WORDS, rest.assign(model="gru"), "tanh_rnn")) == []
    wave = steps.assign(task="sine", model="tanh_rnn", key="a", truth=[0.9, 1.0, 0.7], value=[0.6, 0.9, 0.93])
    assert sentences(at_rest(WORDS, wave, "tanh_rnn")) == [], "at its top a wave stands still for one step"
    assert sentences(at_rest(WORDS, rest.assign(truth=math.nan), "tanh_rnn")) == []


def test_what_the_traps_were_worth():
    frame = pd.DataFrame(
        {
            "task": "fibonacci",
            "model": "tanh_rnn",
            "off": [["scale"], [], ["scale", "overlap"]],
            "n": [3, 3, 3],
            "relative_error_8": [[0.3, 0.2, math.inf], [0.92, 0.009, 0.95], [0.004, 0.005, 0.003]],
        }
    )
    (found,) = trapped(WORDS, frame)
    assert found.sentence == (
        "On Fibonacci sequences, free-running, the tanh RNN is within 1 % of the truth at step 8 in 1 of 3 trials with "
        "every trap, in 0 of 3 trials without scale and in 3 of 3 trials without scale and overlap."
    ), "counts, in the order of the traps: no test stands behind them"
    assert not found.compares
    assert found.evidence == (
        "medians: with every trap 92 % off; without scale 30 % off; without scale and overlap 0.40 % off; counts of "
        "what was seen: no test separates them"
    )
    again = pd.concat([frame, frame.assign(length=9)])
    assert "in 2 of 6 trials with every trap, in 0 of 6 trials without scale" in sentences(trapped(WORDS, again))[0]
    assert sentences(trapped(WORDS, frame.iloc[:1])) == []
    assert sentences(trapped(WORDS, frame.assign(n=0))) == []


def test_a_cliff_and_a_slope():
    rows = [
        *(
            ("feedforward", lag, "window", window, 3, 3 if window >= lag else 0)
            for lag in (4, 8)
            for window in (4, 7, 8)
        ),
        *(("gru", lag, "hidden", hidden, 3, 3 if lag <= 2 * hidden else 1) for lag in (4, 8) for hidden in (1, 2, 8)),
        ("gru", 4, "hidden", 16, 0, 0),
    ]
    frame = pd.DataFrame(rows, columns=["model", "length", "capacity_name", "capacity", "n", "solved"])
    assert sentences(window_and_lag(WORDS, frame)) == [
        "The feedforward network knows the value that was shown in 12 of 12 trials whose window reaches back to it "
        "and in 0 of "
        "6 trials whose window does not.",
        "The GRU knows the value that was shown in 2 of 6 trials with 1 hidden unit, in 4 of 6 trials with 2 hidden "
        "units "
        "(in each up to lag 4) and in 6 of 6 trials with 8 hidden units (in each up to lag 8).",
    ]


def test_a_lag_is_known_only_where_every_setting_knows_it():
    rows = [("gru", lag, "hidden", 2, 3, 3 if rate == 1 or lag < 4 else 2) for lag in (2, 4, 8) for rate in (1, 2)]
    frame = pd.DataFrame(rows, columns=["model", "length", "capacity_name", "capacity", "n", "solved"])
    assert sentences(window_and_lag(WORDS, frame)) == [
        "The GRU knows the value that was shown in 16 of 18 trials with 2 hidden units (in each up to lag 2)."
    ]


def test_what_training_knew_is_said_of_all_settings():
    frame = pd.DataFrame(
        {
            "task": "fibonacci",
            "model": "tanh_rnn",
            "off": [[], [], ["scale"]],
            "n": 3,
            "relative_error_8": [[0.3] * 3] * 3,
            "test_seen": [0.25, 1.0, 0.0],
            "train_inputs": [200.0, 300.0, 200.0],
        }
    )
    (sentence,) = sentences(trapped(WORDS, frame))
    assert "6 trials with every trap (25 to 100 % of these inputs were trained on) and in 0 of 3 trials" in sentence
    (sentence,) = sentences(trapped(WORDS, frame.assign(train_inputs=[200.0, 1.0, 200.0])))
    assert "of some a constant: their code leaves nothing to be learned)" in sentence


def test_many_traps_are_told_without_a_choice():
    """Every trap, each alone, all of them off: not the combination that came out best on the test."""
    names = ["scale", "priming twice", "overlap", "bounded state"]
    off = [[name for bit, name in enumerate(names) if number >> bit & 1] for number in range(16)]
    errors = [0.9 - 0.01 * number for number in range(16)]
    errors[6] = 0.001
    frame = pd.DataFrame({"task": "fibonacci", "model": "tanh_rnn", "off": off, "n": 1})
    (found,) = trapped(WORDS, frame.assign(relative_error_8=[[error] for error in errors]))
    sentence = found.sentence
    assert "1 of 1" not in sentence
    assert "0.10 %" not in found.evidence
    assert [sentence.count(f" {name}") for name in names] == [2, 2, 2, 2]
    assert "in 0 of 1 trial with every trap" in sentence
    assert "with every trap 90 % off" in found.evidence


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (0.0, "0 % off"),
        (0.012, "1.2 % off"),
        (9.9, "990 % off"),
        (12.3, "off by 12 times the truth"),
        (math.inf, "off without any bound"),
        (math.nan, "off by an unknown amount"),
    ],
)
def test_errors_in_words(error: float, said: str):
    frame = horizons(("sine", "tanh_rnn", "raw", "within", 8, error, error))
    (sentence,) = sentences(of_model(WORDS, frame, "tanh_rnn"))
    assert sentence == (
        f"On sines the tanh RNN is, at step 8, {said} with the truth fed until then, and {said} free-running."
    )
