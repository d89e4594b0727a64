"""The first screen's sentences, on frames whose story is known.

Planted and found: "every length" of a study of which some lengths are not trained yet; failed seeds left out of "of n";
"cannot show" with six seeds; the baseline judged by the best seed; a memory told that is within its noise; a number
sequence judged by its test MSE.
"""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.builders import trials
from unroll.analysis import Tables, comparison, conditions, findings, growth, memory, span, timing

SOLVED, BASELINE = 0.001, 1 / 6


def tables(frame: pd.DataFrame, factors: tuple[str, ...] = (), **more) -> Tables:
    models = list(dict.fromkeys(frame["model"]))
    pairs = [comparison(frame, a, b, factors) for i, a in enumerate(models) for b in models[i + 1 :]]
    rows = conditions(frame, factors)
    return Tables(
        conditions=rows,
        span=span(rows, factors),
        memory=memory(frame, factors),
        growth=growth(timing(frame, factors), factors),
        comparisons=pd.concat(pairs or [comparison(frame, "", "", factors)], ignore_index=True),
        factors=factors,
        **more,
    )


def told(frame: pd.DataFrame, kind: str, factors: tuple[str, ...] = (), **more) -> list[str]:
    return [finding.sentence for finding in findings(tables(frame, factors, **more)) if finding.kind == kind]


STORY = {
    ("tanh_rnn", 10): [SOLVED] * 3,
    ("tanh_rnn", 25): [(1 - 11 / 25) / 6] * 3,
    ("tanh_rnn", 50): [BASELINE, 0.165, 0.17],
    ("tanh_rnn", 100): [BASELINE] * 3,
    **{("lstm", length): [SOLVED] * 3 for length in (10, 25, 50, 100)},
    **{("gru", length): [SOLVED] * 3 for length in (10, 25, 50, 100)},
}


def test_the_story_of_the_adding_problem():
    found = told(trials(STORY), "found")
    assert found[0] == (
        "The LSTM and the GRU solve the adding problem at every length here, up to T = 100, in 3 of 3 seeds."
    )
    assert found[1] == (
        "The tanh RNN solves the adding problem at T = 10 in 3 of 3 seeds, at T = 25 in none; beyond T = 25 it does "
        "not leave the baseline: it remembers about 11 steps."
    )
    assert found[2:] == ["Over sequences twice as long, an epoch takes the tanh RNN 2.0, the LSTM 2.0 and the GRU 2.0 "
                         "times as long."]  # fmt: skip
    open_ = told(trials(STORY), "not_shown")
    assert open_ == [
        "Three seeds cannot show that one model is better than another: the smallest p that a paired test can give is "
        "0.25.",
        "3 of 3 solved seeds do not show that every seed would solve it: the true rate can be as low as 44 %.",
        "The LSTM and the GRU solve the adding problem even at T = 100, the longest here: where that ends is not "
        "shown.",
        "At T = 100 a memory of less than about 5 steps cannot be told from none: the test set is too small.",
        "Each model was trained in one size and with one recipe of training: nothing here is about others.",
    ]


def test_evidence_holds_the_numbers():
    first, second, *_ = findings(tables(trials(STORY)))
    assert "LSTM: mean test MSE 0.00100 at T = 10" in first.evidence
    assert "GRU" in first.evidence
    assert second.evidence.endswith("(baseline 0.1667); memory, median seed, 11 of 25 steps")


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ({10: [SOLVED]}, "The GRU solves the adding problem at T = 10 in the one seed that was run."),
        ({10: [SOLVED, SOLVED]}, "The GRU solves the adding problem at T = 10 in 2 of 2 seeds."),
        ({10: [SOLVED, "failed"]}, "The GRU solves the adding problem only at T = 10 in 1 of 2 seeds (1 failed)"),
        (
            {10: [SOLVED, SOLVED, "waiting"]},
            "The GRU solves the adding problem at T = 10 in 2 of 3 seeds (1 missing).",
        ),
        (
            {10: [SOLVED] * 3, 20: [SOLVED] * 2 + [0.1], 40: [SOLVED, 0.1, 0.1], 80: [0.1] * 3, 160: [0.1] * 3},
            "The GRU solves the adding problem at T = 20 in 2 of 3 seeds, at T = 40 in 1 of 3, at T = 80 and 160 in "
            "none",
        ),
        (
            {10: [SOLVED] * 3, 20: [0.1] * 3, 40: [SOLVED] * 3},
            "The GRU solves the adding problem at T = 40 in 3 of 3 seeds (but not at T = 20).",
        ),
        (
            {10: [SOLVED] * 3, 20: [SOLVED] * 2 + [0.1]},
            "The GRU solves the adding problem at every length here, up to T = 20, in most seeds.",
        ),
        (
            {10: [SOLVED] * 3, 20: ["waiting"] * 3},
            "The GRU solves the adding problem at T = 10 in 3 of 3 seeds.",
        ),
        (
            {10: [SOLVED] * 3, 20: [SOLVED] * 3, 40: ["waiting"] * 3},
            "The GRU solves the adding problem at T = 20 in 3 of 3 seeds.",
        ),
        ({10: [0.14, BASELINE, 0.175]}, "The GRU does not leave the baseline at T = 10."),
        ({500: [0.163]}, "The GRU does not leave the baseline at T = 500."),
        ({10: [BASELINE] * 3}, "The GRU does not leave the baseline at T = 10."),
        ({10: [BASELINE], 20: [0.17]}, "The GRU does not leave the baseline at any length here."),
        (
            {10: [BASELINE], 20: ["waiting"], 40: [BASELINE]},
            "The GRU does not leave the baseline at any length trained so far.",
        ),
        (
            {10: [1 / 60], 50: [BASELINE]},
            "The GRU solves the adding problem at no length here: its lowest mean loss is 10 % of the baseline "
            "at T = 10"
            "; beyond T = 10 it does not leave the baseline: it remembers about 9 steps.",
        ),
        ({20: [1 / 60]}, "The GRU does not solve the adding problem at T = 20: its lowest mean loss is 10 % of the"),
    ],
)
def test_one_model(outcomes, sentence: str):
    found = told(trials({("gru", length): each for length, each in outcomes.items()}), "found")
    assert found[0].startswith(sentence)


def test_one_good_seed_among_bad_ones_is_not_at_the_baseline():
    found = told(trials({("lstm", 50): [SOLVED] * 3, ("lstm", 100): [0.05, BASELINE, BASELINE]}), "found")
    assert found[0] == "The LSTM solves the adding problem at T = 50 in 3 of 3 seeds, at T = 100 in none."


def test_nothing_is_complete():
    waiting = trials({("gru", 10): ["waiting"] * 3, ("lstm", 10): ["running"] * 3})
    assert told(waiting, "found") == []
    assert told(waiting, "not_shown") == ["Nothing is shown yet: of six trials, none is trained yet."]
    failed = trials({("gru", 10): ["failed"] * 2})
    assert told(failed, "not_shown") == ["Nothing is shown yet: of two trials, all failed."]


def test_half_finished():
    open_ = told(trials({("gru", 10): [SOLVED, SOLVED, "failed"], ("lstm", 10): ["waiting"] * 3}), "not_shown")
    assert open_[0] == "4 of 6 trials are missing: 1 failed and 3 not trained yet."
    assert open_[1] == "Nothing is known of the LSTM: no trial of it is complete."


def test_six_seeds_can_show_a_difference():
    losses = [0.001 * seed for seed in range(1, 7)]
    frame = trials({("lstm", 10): [0.1 + loss for loss in losses], ("gru", 10): losses, ("gru", 20): losses})
    found = told(frame, "found")
    assert "The GRU has a lower test MSE than the LSTM on the adding problem at T = 10." in found
    assert not any("cannot show" in sentence for sentence in told(frame, "not_shown"))
    same = trials({("lstm", 10): [0.1, 0.2] * 3, ("gru", 10): [0.2, 0.1] * 3})
    assert "1 of 1 comparisons of two models at one length show no significant difference." in told(same, "not_shown")


def test_a_difference_under_several_settings_is_counted():
    losses = [0.001 * seed for seed in range(1, 7)]
    parts = [
        trials({("lstm", 10): [worse + loss for loss in losses], ("gru", 10): losses}, **{"model.hidden": size})
        for size, worse in ((1, 0.1), (2, 0.2), (3, -0.0001))
    ]
    found = told(pd.concat(parts), "found", ("model.hidden",))
    sentence = "The GRU has a lower test MSE than the LSTM on the adding problem in 2 of 3 comparisons over lengths and"
    assert any(each.startswith(sentence) for each in found)


def test_one_seed_shows_it_once():
    open_ = told(trials({("gru", 10): [SOLVED], ("lstm", 10): [0.1]}), "not_shown")
    assert "One seed shows each result once: how much it varies from seed to seed is not known." in open_
    assert not any("rate" in sentence for sentence in open_)


def test_settings_are_told_one_by_one_or_by_the_best_and_the_worst():
    def study(*sizes: int) -> pd.DataFrame:
        return pd.concat(
            [
                trials({("gru", 10): [SOLVED], ("gru", 50): [SOLVED if size > 3 else 0.1]}, **{"model.hidden": size})
                for size in sizes
            ]
        )

    found = told(study(2, 8), "found", ("model.hidden",), sizes=2)
    assert found[1].startswith("With model.hidden = 8, the GRU solves the adding problem at every length here")
    found = told(study(2, 3, 4, 5), "found", ("model.hidden",), sizes=4)
    assert found == [
        "Of four settings, the GRU does best with model.hidden = 4: it solves the adding problem up to T = 50; with "
        "the worst, up to T = 10."
    ]
    found = told(study(4, 5, 6, 7), "found", ("model.hidden",), sizes=4)
    assert found == ["Under all of four settings, the GRU solves the adding problem up to T = 50."]
    assert told(study(2, 8), "not_shown", ("model.hidden",), sizes=2)[-1] == (
        "Each model was trained with one recipe of training: nothing here is about others."
    )


def test_a_task_and_a_model_that_nobody_here_knows():
    frame = trials({("my_model", 10): [SOLVED] * 2, ("other", 10): [0.4] * 2}, task="parity <b>", baseline=0.5)
    found = told(frame, "found")
    assert found[0] == 'The model "my_model" solves the task "parity <b>" at T = 10 in 2 of 2 seeds.'
    assert 'The model "other" does not solve the task "parity <b>" at T = 10' in found[1]
    bare = trials({("my_model", 10): [0.4] * 2}, task="parity", baseline=float("nan"))
    assert told(bare, "found") == ['The model "my_model" does not solve the task "parity" at T = 10.']


def test_number_sequences_are_not_judged_by_their_test_mse():
    frame = trials({("gru", 5): [BASELINE] * 3}, task="fibonacci")
    horizons = pd.DataFrame({"task": ["fibonacci"], "model": ["gru"], "length": [5], "regime": ["within"],
                             "horizon": [8], "n": [3], "relative_error": [0.001], "each_seed": [[0.001] * 3],
                             "one_step_error": [0.001]})  # fmt: skip
    assert told(frame, "found", horizons=horizons) == []
    assert len(told(frame, "found")) == 1


outcomes = st.one_of(
    st.sampled_from(["failed", "waiting", "running"]), st.sampled_from([0.0, 0.009, 0.011, 0.1, 1 / 6, 0.2, 5.0])
)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["tanh_rnn", "lstm", "gru", "x_y"]), st.sampled_from([2, 10, 50, 500])),
        st.lists(outcomes, min_size=1, max_size=4),
        min_size=1,
        max_size=8,
    )
)
def test_any_study_is_told_in_whole_sentences(story: dict):
    frame = trials(story)
    every = findings(tables(frame))
    assert every, "something is always to be said"
    for finding in every:
        assert re.fullmatch(r"[A-Z0-9].*\.", finding.sentence), finding.sentence
        assert not re.search(r"nan|None|inf|<NA>|  |\.\.|;;", finding.sentence), finding.sentence
    text = " ".join(finding.sentence for finding in every)
    failed = sum(outcome == "failed" for each in story.values() for outcome in each)
    assert ("failed" in text) == bool(failed), "a failed trial is never passed over"
    for k, n in re.findall(r"in (\d+) of (\d+) seeds", text):
        assert int(k) <= int(n) <= 4
