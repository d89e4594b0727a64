"""The answers to the notebook's two questions, on frames whose story is known.

Planted and found: the best settings chosen where the error is judged beyond the trained range; an infinite error taken
for the best; a window one too short counted among those that reach back; representations judged at the first step.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from unroll.analysis import Tables
from unroll.analysis.answers import (
    Q1,
    Q2,
    answers,
    feedforward,
    plateau,
    representations,
    trapped,
    vanilla,
    window_and_lag,
)


def horizons(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of task, model, representation, regime, horizon, one-step error, error left alone."""
    names = ["task", "model", "task.representation", "regime", "horizon", "one_step_error", "relative_error"]
    frame = pd.DataFrame(rows, columns=names).assign(length=5, n=3)
    return frame.assign(each_seed=[[error] * 3 for error in frame["relative_error"]])


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
    found = list(vanilla(frame))
    assert {finding.question for finding in found} == {Q1}
    assert sentences(found) == [
        "On odd numbers the tanh RNN is, at step 8, 2.1 % off with the truth fed until then, and 59 % off left alone.",
        "On Fibonacci sequences the tanh RNN is, at step 8, 0.40 % off with the truth fed until then, and 92 % "
        "off left "
        "alone.",
        "Beyond what it was trained on, left alone, it is within 1 % of the truth on 1 of 2 tasks with longer "
        "sequences "
        "and on 0 of 1 task with ten times larger values.",
    ]
    assert "each trial: 59 %, 59 % and 59 %" in found[0].evidence


def test_many_tasks_are_counted_and_the_worst_is_named():
    tasks = ["odd_numbers", "fibonacci", "sine", "geometric"]
    frame = horizons(*((task, "tanh_rnn", "raw", "within", 8, 0.001, 0.1 * i) for i, task in enumerate(tasks)))
    assert sentences(vanilla(frame)) == [
        "Fed the truth, the tanh RNN is within 1 % of it at step 8 on 4 of 4 tasks; at worst, on odd numbers, "
        "0.10 % off.",
        "Left alone, it is within 1 % of it at step 8 on 1 of 4 tasks; at worst, on geometric sequences, 30 % off.",
    ]
    assert sentences(vanilla(horizons(("sine", "gru", "raw", "within", 8, 0.1, 0.1)))) == []


def test_models_are_ranked_under_their_best_settings_within_the_trained_range():
    frame = horizons(
        ("sine", "gru", "raw", "within", 8, 0.1, 0.5),
        ("sine", "gru", "raw", "longer", 8, 0.1, 0.001),
        ("sine", "gru", "difference", "within", 8, 0.1, 0.005),
        ("sine", "gru", "difference", "longer", 8, 0.1, 0.3),
        ("sine", "linear", "raw", "within", 8, 0.0, 0.0),
        ("sine", "linear", "raw", "longer", 8, 0.0, 0.0),
        ("fibonacci", "gru", "raw", "within", 8, 0.1, 0.5),
        ("fibonacci", "linear", "raw", "within", 8, 0.0, 0.0),
        ("fibonacci", "feedforward", "raw", "within", 8, 0.0, math.inf),
        ("fibonacci", "feedforward", "difference", "within", 8, 0.0, math.nan),
    )
    found = list(feedforward(frame))
    assert sentences(found) == [
        "Within the trained range, left alone for 8 steps, the truth is met within 1 % by the linear rule on 2 of 2 "
        "tasks, the GRU on 1 of 2 tasks and the feedforward network on none of 1 task.",
    ]
    assert found[0].evidence == (
        "linear: sines with task.representation = raw; Fibonacci sequences with task.representation = raw"
    )
    assert {finding.question for finding in found} == {Q2}


def test_beyond_the_trained_range_three_are_compared():
    frame = horizons(
        *(
            (task, model, "raw", regime, 8, 0.0, error)
            for task in ("odd_numbers", "fibonacci")
            for model, error in (("tanh_rnn", 0.5), ("gru", 0.001), ("feedforward", 0.2), ("linear", 0.0))
            for regime in ("within", "longer")
        ),
        ("odd_numbers", "drift", "raw", "within", 8, 0.0, 0.0),
        ("fibonacci", "drift", "raw", "within", 8, 0.0, 0.7),
    )
    assert sentences(feedforward(frame)) == [
        "Within the trained range, left alone for 8 steps, the truth is met within 1 % by the GRU and the linear "
        "rule on 2 of 2 tasks, drift on 1 and the tanh RNN and the feedforward network on none.",
        "Beyond that range, the GRU, the feedforward network and the linear rule are within 1 % on 2, 0 and 2 of "
        "2 tasks with longer sequences.",
    ]


def test_a_task_that_asks_for_one_step_is_not_left_alone():
    rows = [
        ("announce", model, "raw", "within", 1, 0.0, error) for model, error in (("tanh_rnn", 0.0), ("linear", 0.5))
    ]
    none = pd.DataFrame()
    tables = Tables(none, none, none, none, none, horizons=horizons(*rows))
    assert list(answers(tables)) == []
    several = horizons(
        *rows, *(("sine", *row[1:4], 8, *row[5:]) for row in rows), *(("sine", *row[1:]) for row in rows)
    )
    assert all(
        "sine" in finding.sentence or "1 task" in finding.sentence
        for finding in answers(Tables(none, none, none, none, none, horizons=several))
    )


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
    (found,) = representations(frame)
    assert found.sentence == (
        "On odd numbers the representation decides: eight steps after the prompt, left alone, the tanh RNN is within "
        "1 % of the truth in 2 of 2 seeds with differences, in 1 with steps relative to the last value and in none "
        "with values relative to the largest so far and raw numbers."
    )
    assert "difference: at most 0.20 % off" in found.evidence
    assert list(representations(frame[frame["task.representation"] == "raw"])) == []
    assert list(representations(frame.assign(model="gru"))) == []


def test_coming_to_rest():
    steps = pd.DataFrame({"step": [6, 7, 8], "truth": [21.0, 23.0, 25.0]})
    rest = steps.assign(task="odd_numbers", model="tanh_rnn", key="a", value=[11.0, 11.5, 11.6])
    on = steps.assign(task="odd_numbers", model="tanh_rnn", key="b", value=[18.0, 19.0, 20.0])
    (sentence,) = sentences(plateau(rest))
    assert sentence.startswith("On odd numbers its continuation of the prompt comes to rest while the truth goes on")
    assert sentences(plateau(pd.concat([rest, on]))) == []
    assert sentences(plateau(rest.assign(model="gru"))) == []
    assert sentences(plateau(rest.assign(truth=math.nan))) == []


def test_what_the_traps_were_worth():
    frame = pd.DataFrame(
        {
            "task": "fibonacci",
            "model": "tanh_rnn",
            "off": [["scale"], [], ["scale", "overlap"]],
            "n": [3, 3, 3],
            "relative_error": [0.3, 0.92, 0.004],
        }
    )
    assert sentences(trapped(frame)) == [
        "On Fibonacci sequences, the tanh RNN is, at step 8, 92 % off with every trap, 30 % off without scale "
        "and 0.40 % "
        "off without scale and overlap."
    ]
    assert sentences(trapped(frame.iloc[:1])) == []
    assert sentences(trapped(frame.assign(n=0))) == []


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
    assert sentences(window_and_lag(frame)) == [
        "A feedforward network knows what its window holds, a recurrent one what its state has kept.",
        "The feedforward network knows the announced value in 12 of 12 trials whose window reaches back to it "
        "and in 0 of "
        "6 trials whose window does not.",
        "The GRU knows it, in most seeds, at no lag with 1 hidden unit, up to lag 4 with 2 hidden units and up "
        "to lag 8 "
        "with 8 hidden units.",
    ]
