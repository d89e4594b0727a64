"""Continuing a prompt: against a perfect oracle, against the whole sequence at once, and with prompts of every kind.

Planted and found: a generator that feeds the last value of the prompt twice; one that keeps every state; a code whose
past is not moved on; the truth shifted by a step; a prompt of the study's own that is left unread; NaN let through.
"""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sequences import oracle, trained
from unroll import generate
from unroll.errors import PromptError
from unroll.generation import Trained
from unroll.training.relative_error import relative_error

PROMPTS = {"odd_numbers": [1, 3, 5, 7, 9], "fibonacci": [1, 1, 2, 3, 5, 8]}
REPRESENTATIONS = ("raw", "prefix_max", "last_value", "difference")


@pytest.fixture(scope="module")
def models() -> dict[str, Trained]:
    sizes = {"task_settings": {"representation": "difference"}}
    found = {name: trained("odd_numbers", name, **sizes) for name in ("tanh_rnn", "lstm", "gru")}
    relu = {"model_settings": {"nonlinearity": "relu"}, "task_settings": {"representation": "prefix_max"}}
    found["relu"] = trained("fibonacci", "tanh_rnn", **relu)
    found["feedforward"] = trained("odd_numbers", "feedforward", model_settings={"window": 3}, **sizes)
    found["linear"] = trained(
        "fibonacci", "linear", model_settings={"window": 3}, task_settings={"representation": "raw"}
    )
    return found


@pytest.mark.parametrize("task", PROMPTS)
def test_a_perfect_oracle_has_no_error_at_all(task: str):
    made = generate(oracle(task), PROMPTS[task], 40)
    assert (made.relative_error == 0).all()
    assert (made.continuation == made.truth).all()
    assert list(made.prompt) == PROMPTS[task]


@pytest.mark.parametrize("task", PROMPTS)
def test_priming_twice_is_caught_by_the_oracle(task: str):
    made = generate(oracle(task, generate={"prime": "twice"}), PROMPTS[task], 4)
    assert made.relative_error[0] > 0.1
    assert made.continuation[0] == {"odd_numbers": 9.0, "fibonacci": 16.0}[task], "9 after 9; 8 + 8"


@settings(max_examples=25, deadline=None)
@given(start=st.integers(-1000, 1000), more=st.integers(2, 12), steps=st.integers(1, 30))
def test_the_truth_follows_the_prompt(start: int, more: int, steps: int):
    made = generate(oracle("odd_numbers"), [start + 2 * k for k in range(more)], steps)
    assert list(made.truth) == [start + 2 * (more + k) for k in range(steps)]
    assert (made.relative_error == 0).all()


def test_a_prompt_off_the_rule_has_no_truth():
    made = generate(oracle("fibonacci"), [1, 1, 5], 3)
    assert list(made.continuation) == [6, 11, 17]
    assert made.truth is None
    assert made.relative_error is None


def test_teacher_forced_predicts_each_from_the_true_ones_before(models: dict[str, Trained]):
    one, free = models["gru"], generate(models["gru"], [1, 3, 5, 7, 9], 6)
    forced = generate(one, [1, 3, 5, 7, 9], 6, teacher_forced=True)
    assert forced.continuation[0] == free.continuation[0]
    for k in range(1, 6):
        again = generate(one, [1 + 2 * i for i in range(5 + k)], 1)
        assert forced.continuation[k] == pytest.approx(again.continuation[0], abs=1e-12)
    with pytest.raises(PromptError, match="does not determine"):
        generate(one, [1, 2, 9], 6, teacher_forced=True)


@pytest.mark.parametrize("name", ["tanh_rnn", "lstm", "gru", "relu", "feedforward", "linear"])
def test_step_by_step_is_the_whole_sequence(name: str, models: dict[str, Trained]):
    model = models[name]
    prompt = np.array(PROMPTS[model.trial.task], dtype=np.float64)
    made = generate(model, prompt, 12)
    codes = model.task.coding.encode(np.concatenate([prompt, made.continuation])[None])
    kind = torch.float64 if name == "linear" else torch.float32
    with torch.no_grad():
        whole = model.network(torch.from_numpy(codes[..., None]).to(kind))[0, :, 0].double().numpy()
    ahead = codes[0, len(prompt) :]
    np.testing.assert_allclose(whole[len(prompt) - 1 : -1], ahead, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["tanh_rnn", "lstm", "gru", "relu", "feedforward", "linear"])
def test_the_same_prompt_gives_the_same_bits(name: str, models: dict[str, Trained]):
    prompt = PROMPTS[models[name].trial.task]
    one, two = generate(models[name], prompt, 50), generate(models[name], tuple(prompt), 50)
    assert one.continuation.tobytes() == two.continuation.tobytes()
    assert generate(models[name], prompt, 20).continuation.tobytes() == one.continuation[:20].tobytes()


def test_the_study_s_own_prompt_and_steps_are_the_default():
    given_ = {"prompt": [5, 7, 9], "steps": 3}
    made = generate(oracle("odd_numbers", generate=given_))
    assert (list(made.prompt), list(made.continuation)) == ([5, 7, 9], [11, 13, 15])
    assert list(generate(oracle("odd_numbers")).prompt) == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("name", ["gru", "feedforward"])
def test_a_hundred_thousand_steps_take_no_more_memory_than_their_numbers(name: str, models: dict[str, Trained]):
    """Bytes that Python holds at its peak, and pages of the process: the numbers, truth and errors are 8 bytes each."""
    model = models[name]
    generate(model, [1, 3, 5, 7, 9], 500)
    before = psutil.Process().memory_info().rss
    tracemalloc.start()
    made = generate(model, [1, 3, 5, 7, 9], 5_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    grown = psutil.Process().memory_info().rss - before
    assert len(made.continuation) == 5_000
    assert np.isfinite(made.continuation).all()
    assert peak < 5_000 * 8 * 12
    assert grown < 60e6


BAD = [
    ([], "empty"),
    ([1, math.nan, 5], r"Value 2 of the prompt is nan"),
    ([math.inf], r"Value 1 of the prompt is inf"),
    ([[1, 2], [3, 4]], "one sequence of numbers, not an array of shape"),
    ("1, 3", "no prompt: give numbers"),
    ([1, "x"], "no prompt: give numbers"),
    (["1_0", "2"], "no prompt: give numbers"),
    ([10**400], "no prompt"),
    (5, r"one sequence of numbers"),
    (None, ""),
]


@pytest.mark.parametrize(("prompt", "message"), BAD[:-1], ids=[str(prompt)[:20] for prompt, _ in BAD[:-1]])
def test_prompts_that_cannot_be_continued(prompt, message: str, models: dict[str, Trained]):
    for name in ("gru", "linear"):
        with pytest.raises(PromptError, match=message):
            generate(models[name], prompt, 3)


@pytest.mark.parametrize("steps", [0, -1, 2.5, True, 10**9])
def test_steps_that_make_no_sense(steps, models: dict[str, Trained]):
    with pytest.raises(PromptError, match="steps cannot be generated"):
        generate(models["gru"], [1, 3], steps)


EXTREME = [
    [1e308, -1e308],
    [1e308],
    [-1e308, -1e308, -1e308],
    [0.0],
    [0.0, 0.0, 0.0],
    [5e-324, 1e-300],
    [1],
    [1e39, 1.0],
]


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("model", ["gru", "linear", "feedforward"])
def test_extreme_prompts_give_finite_numbers_or_say_why_not(model: str, representation: str):
    one = trained("fibonacci", model, task_settings={"representation": representation})
    said = []
    for prompt in EXTREME:
        try:
            made = generate(one, prompt, 100)
        except PromptError as error:
            said.append(str(error))
        else:
            assert np.isfinite(made.continuation).all()
    assert all("leaves the range of numbers" in message or "beyond" in message for message in said)


def test_the_step_that_leaves_the_range_is_named():
    with pytest.raises(PromptError, match=r"At step 1 the continuation leaves the range .* Generate no steps"):
        generate(oracle("fibonacci"), [1e308, 1e308], 5)
    with pytest.raises(PromptError, match=r"At step 1471 .* Generate 1470 steps"):
        generate(oracle("fibonacci"), [1, 1, 2, 3, 5, 8], 100_000)
    made = generate(oracle("fibonacci"), [1, 1, 2, 3, 5, 8], 1470)
    assert np.isfinite(made.continuation).all()


def test_a_truth_beyond_float64_is_unknown(models: dict[str, Trained]):
    one = trained("fibonacci", "gru", task_settings={"representation": "raw"})
    made = generate(one, [1, 1, 2, 3, 5, 8], 1_600)
    assert np.isfinite(made.truth[:1470]).all()
    assert np.isnan(made.truth[1471:]).all()
    assert np.isnan(made.relative_error[1471:]).all()


def test_relative_error_by_hand():
    prompt = np.array([0.0, 10.0])
    values, truth = np.array([11.0, 0.02, 0.0, math.inf, 5.0]), np.array([10.0, 0.0, 0.0, 1.0, math.nan])
    assert list(relative_error(values, truth, prompt)[:4]) == [0.1, 2.0, 0.0, math.inf]
    assert relative_error(np.array([0.5]), np.array([0.0]), np.zeros(3))[0] == 500.0


def test_what_linear_found_is_said_in_words(models: dict[str, Trained]):
    assert models["linear"].rule == "x(t+1) = x(t) + x(t-1)"
    assert models["gru"].rule is None
    coded = trained("geometric", "linear", task_settings={"representation": "last_value"})
    assert coded.rule.startswith("u(t+1) = ")


def test_the_table_of_a_continuation():
    table = generate(oracle("odd_numbers"), [1, 3], 2).table("gru")
    assert list(table.columns) == ["step", "value", "truth", "relative_error", "series"]
    assert table.to_numpy().tolist() == [[1, 5.0, 5.0, 0.0, "gru"], [2, 7.0, 7.0, 0.0, "gru"]]
    assert generate(oracle("fibonacci"), [1, 1, 5], 2).table()["truth"].isna().all()
