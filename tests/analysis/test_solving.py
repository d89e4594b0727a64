"""Which lengths are solved, told of frames whose story is known.

Planted and found: "every length" of a study of which some lengths are not trained yet; failed seeds left out of "of n";
the baseline judged by the best seed, or by the mean loss; a memory told that is within its noise; a number sequence
judged by its test MSE; a condition that was still improving called unable, or flat; "up to" a length over shorter ones
that are not solved; a setting that is not there taken for one that is none, or told as a dash; "only" of seeds that are
not trained yet; over many settings a model without a trial told of, and one that is not done called unable; "its loss"
of two models; a memory of 0 steps; what a study of which seeds are missing has not solved called unsolved, or flat;
"beyond" of longer lengths that are not trained.
"""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tests.analysis.builders import trials
from tests.analysis.telling import BASELINE, MINE, SOLVED, STORY, tables, told, with_settings
from unroll.analysis import comparisons, findings


def test_the_story_of_the_adding_problem():
    found = told(trials(STORY), "found")
    assert found[1] == (
        "The LSTM and the GRU solve the adding problem at every length here, up to T = 100, in 3 of 3 seeds."
    )
    assert found[0] == (
        "The tanh RNN solves the adding problem at T = 10 in 3 of 3 seeds, at T = 25 in none; beyond T = 25 it does "
        "not leave the baseline: it remembers about 11 steps."
    )
    assert found[2:] == ["Over sequences twice as long, an epoch takes the tanh RNN 2.0, the LSTM 2.0 and the GRU 2.0 "
                         "times as long."]  # fmt: skip
    open_ = told(trials(STORY), "not_shown")
    assert open_ == [
        "Three seeds cannot show that one model is better than another: the smallest p that a paired test can give is "
        "0.25, times three pairs of models 0.75. Seven seeds would do.",
        "3 of 3 solved seeds do not show that every seed would solve it: the true rate can be as low as 29 %.",
        "The LSTM and the GRU solve the adding problem even at T = 100, the longest here: where that ends is not "
        "shown.",
        "At T = 100 a memory of less than about 5 steps cannot be told from none: the test set is too small.",
        "Each model was trained in one size and with one recipe of training: nothing here is about others.",
    ]


def test_evidence_holds_the_numbers():
    second, first, *_ = findings(tables(trials(STORY)))
    assert "LSTM: median test MSE 0.00100 at T = 10" in first.evidence
    assert "GRU" in first.evidence
    assert second.evidence.endswith("(baseline 0.1667); memory, median seed, 11 of 25 steps")


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ({10: [SOLVED]}, "The GRU solves the adding problem at T = 10 in the one seed that was run."),
        ({10: [SOLVED, SOLVED]}, "The GRU solves the adding problem at T = 10 in 2 of 2 seeds."),
        ({10: [SOLVED, "failed"]}, "The GRU solves the adding problem at T = 10 in only 1 of 2 seeds (1 failed)"),
        ({10: [SOLVED, "waiting"]}, "The GRU solves the adding problem at T = 10 in 1 of 2 seeds (1 missing)"),
        (
            {10: [SOLVED, 0.1, 0.1], 1000: [0.1] * 3},
            "The GRU solves the adding problem at T = 10 in only 1 of 3 seeds and at T = 1,000 in none",
        ),
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
        (
            {10: [0.14, BASELINE, 0.175]},
            "The GRU does not solve the adding problem at T = 10: its median loss is 100 % of the baseline",
        ),
        (
            {10: [BASELINE, 3.96e35, 0.17], 20: [3.96e35] * 3},
            "The GRU solves the adding problem at no length here: its lowest median loss is 102 % of the baseline at "
            "T = 10.",
        ),
        ({500: [0.163]}, "The GRU does not leave the baseline at T = 500."),
        ({10: [BASELINE] * 3}, "The GRU does not leave the baseline at T = 10."),
        ({10: [BASELINE], 20: [0.17]}, "The GRU does not leave the baseline at any length here."),
        (
            {10: [BASELINE], 20: ["waiting"], 40: [BASELINE]},
            "The GRU does not leave the baseline at any length trained so far.",
        ),
        (
            {10: [1 / 60], 50: [BASELINE]},
            "The GRU solves the adding problem at no length here: its lowest loss is 10 % of the baseline at T = 10"
            "; beyond T = 10 it does not leave the baseline: it remembers about 9 steps.",
        ),
        ({10: [BASELINE, "waiting"]}, "The GRU has not yet left the baseline at T = 10."),
        ({10: [0.1, "waiting"]}, "The GRU has not yet solved the adding problem at T = 10: its loss is 60 %"),
        (
            {10: [0.1, "waiting"], 20: [0.12] * 2},
            "The GRU has so far solved the adding problem at no length: its lowest loss is 60 % of the baseline",
        ),
        (
            {10: [SOLVED] * 2, 20: [BASELINE] * 2, 40: ["waiting"] * 2},
            "The GRU solves the adding problem at T = 10 in 2 of 2 seeds; at T = 20 it does not leave the baseline",
        ),
        (
            {10: [SOLVED] * 2, 20: [BASELINE, "waiting"]},
            "The GRU solves the adding problem at T = 10 in 2 of 2 seeds; beyond T = 10 it has not yet left the",
        ),
        (
            {10: [SOLVED] * 2, 20: [0.1, "waiting"], 40: [0.1, "failed"]},
            "The GRU solves the adding problem at T = 10 in 2 of 2 seeds, at T = 20 in 0 of 2 (1 missing), at T = 40 "
            "in none",
        ),
        (
            {10: [SOLVED, 0.1, 0.1], 20: [0.1, 0.1, "waiting"]},
            "The GRU solves the adding problem at T = 10 in only 1 of 3 seeds and at T = 20 in 0 of 3 seeds (1 missing",
        ),
        ({20: [1 / 60]}, "The GRU does not solve the adding problem at T = 20: its loss is 10 % of the baseline"),
        ({20: [0.9, 0.9]}, "The GRU does not solve the adding problem at T = 20: its median loss is more than twice"),
    ],
)
def test_one_model(outcomes, sentence: str):
    found = told(trials({("gru", length): each for length, each in outcomes.items()}), "found")
    assert found[0].startswith(sentence)


def test_what_was_still_improving_is_not_called_unable():
    frame = trials({("gru", 10): [SOLVED] * 2, ("gru", 20): [BASELINE] * 2, ("lstm", 10): [0.1] * 2})
    frame["improving"] = (frame["length"] == 20) | (frame["model"] == "lstm")
    found = told(frame, "found")
    assert found[0].endswith("; it was still improving at the end of the training at T = 20.")
    assert "baseline" not in found[0]
    assert found[1].startswith("The LSTM has not yet solved the adding problem at T = 10: its median loss is 60 %")
    assert (
        "Four trials that do not solve the task were still improving at the end of the training, in 2 of 3 conditions: "
        "what more training gives is not shown. To go on: raise train.epochs."
    ) in told(frame, "not_shown")
    one = trials({("gru", 10): [0.1]}).assign(improving=True)
    assert (
        "One trial that does not solve the task was still improving at the end of the training: what more training "
        "gives is not shown. To go on: raise train.epochs."
    ) in told(one, "not_shown")
    open_ = told(frame, "not_shown", saved=MINE, epochs=30)
    assert any("unroll run study.toml --set 'a=[1, 2]' --set train.epochs=60" in sentence for sentence in open_)


def test_of_several_tasks_the_one_is_named_whose_baseline_is_not_left():
    both = pd.concat(
        [trials({("gru", 12): [BASELINE] * 2}), trials({("gru", 12): [BASELINE] * 2}, task="multiplication")]
    )
    said = [one for one in told(both.assign(key=range(4)), "found") if "leave" in one]
    assert said == [
        "The GRU does not leave the baseline of the adding problem at T = 12.",
        "The GRU does not leave the baseline of the multiplication problem at T = 12.",
    ]


def test_up_to_a_length_only_where_all_shorter_ones_are_solved():
    parts = [
        trials({("gru", 4): [0.1], ("gru", 5): [0.1], ("gru", 6): [SOLVED]}, **{"model.hidden": size})
        for size in (1, 2, 3, 4)
    ]
    found = told(pd.concat(parts), "found", ("model.hidden",))
    assert found[0] == "Under all four settings, the GRU solves the adding problem at T = 6."


def test_one_good_seed_among_bad_ones_is_not_at_the_baseline():
    found = told(trials({("lstm", 50): [SOLVED] * 3, ("lstm", 100): [0.05, BASELINE, BASELINE]}), "found")
    assert found[0] == "The LSTM solves the adding problem at T = 50 in 3 of 3 seeds, at T = 100 in none."


def test_settings_are_told_one_by_one_or_counted():
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
    assert found == ["Of four settings, the GRU solves the adding problem up to T = 50 under 2 and at T = 10 under 2."]
    found = told(study(4, 5, 6, 7), "found", ("model.hidden",), sizes=4)
    assert found == ["Under all four settings, the GRU solves the adding problem up to T = 50."]
    open_ = told(study(2, 8), "not_shown", ("model.hidden",), sizes=2)
    assert (
        "Under some settings, the GRU solves the adding problem even at T = 50, the longest here: where that ends is "
        "not shown."
    ) in open_
    assert open_[-1] == ("Each model was trained with one recipe of training: nothing here is about others.")


def test_of_many_tasks_with_one_length_each_it_is_told_once_that_no_end_is_shown():
    many = pd.concat([trials({("gru", 40): [SOLVED, SOLVED]}, task=task) for task in ("adding", "copy", "order")])
    ends = [sentence for sentence in told(many, "not_shown") if "is not shown" in sentence]
    assert ends == [
        "The adding problem, the copy problem and the temporal order problem were trained at one length each: "
        "whether they are learned at greater ones is not shown."
    ]
    longer = pd.concat([many, trials({("gru", 40): [SOLVED], ("gru", 80): [SOLVED]}, task="parity")])
    assert sum("where that ends is not shown" in sentence for sentence in told(longer, "not_shown")) == 4


@pytest.mark.parametrize("settings", [[None, 1.0], [None], [1.0, None, 5.0]])
def test_a_setting_that_is_none_is_told_as_none(settings: list[float | None]):
    parts = [(value, trials({("gru", 10): [SOLVED] * 6, ("lstm", 10): [0.1] * 6})) for value in settings]
    found = told(with_settings("train.clip_norm", parts), "found", ("train.clip_norm",))
    assert sum(sentence.startswith("With train.clip_norm = none, the GRU") for sentence in found) >= 2
    assert not any("–" in sentence for sentence in found)


def test_a_setting_that_is_not_there_is_neither_told_nor_taken_for_none():
    parts = [
        (None, trials({("gru", 10): [SOLVED] * 6})),
        (2.0, trials({("gru", 10): [0.1] * 6})),
        (math.nan, trials({("linear", 10): [0.1] * 6})),
    ]
    frame = with_settings("train.clip_norm", parts)
    assert comparisons(frame, ("train.clip_norm",)).empty, "they have no setting in common"
    found = told(frame, "found", ("train.clip_norm",))
    assert found[2].startswith("The linear rule does not solve the adding problem at T = 10")
    assert not any("–" in sentence for sentence in found)


def test_over_many_settings_nothing_is_called_impossible_that_is_not_done():
    def study(**outcomes: list) -> pd.DataFrame:
        parts = [(n, trials({(model, 10): each for model, each in outcomes.items()})) for n in (1, 2, 3, 4)]
        return with_settings("train.batch", parts)

    factors = ("train.batch",)
    assert told(study(gru=["waiting"] * 2, lstm=[0.1] * 2), "found", factors) == [
        "Under all four settings, the LSTM solves the adding problem at no length in most seeds."
    ], "of the GRU nothing is known"
    assert told(study(gru=[SOLVED, "waiting"]), "found", factors) == [
        "Under all four settings, the GRU has so far solved the adding problem at no length in most seeds."
    ]
    assert told(study(gru=[0.1]).assign(improving=True), "found", factors) == [
        "Under all four settings, the GRU has so far solved the adding problem at no length; it was still improving at "
        "the end of the training in 4 of 4 conditions."
    ]
    alone = pd.concat([study(gru=[SOLVED]), with_settings("train.batch", [(9, trials({("lstm", 10): [SOLVED]}))])])
    assert "With train.batch = 9, the LSTM solves the adding problem at T = 10." in told(alone, "found", factors)


def test_models_of_which_the_same_is_said_share_a_sentence_in_the_plural():
    alike = {(model, length): [loss] * 3 for model in ("gru", "lstm") for length, loss in ((10, 0.15), (50, 0.16))}
    assert told(trials(alike), "found")[0].startswith(
        "The GRU and the LSTM solve the adding problem at no length here: their lowest median loss is 90 % of"
    )


def test_a_memory_of_no_step_is_not_told():
    frame = trials({("gru", 10): [BASELINE] * 3, ("gru", 50): [BASELINE * 0.995] * 3}, tested=2_000_000)
    assert not any("0 steps" in sentence for kind in ("found", "not_shown") for sentence in told(frame, kind))


def test_the_evidence_names_the_baseline_of_each_length():
    parts = [trials({("gru", 10): [0.1]}, baseline=0.5), trials({("gru", 20): [0.1]}, baseline=0.0)]
    (first, *_) = findings(tables(pd.concat(parts)))
    assert "(baseline 0.5000 and 0)" in first.evidence


def test_a_task_and_a_model_that_nobody_here_knows():
    frame = trials({("my_model", 10): [SOLVED] * 2, ("other", 10): [0.4] * 2}, task="riddle <b>", baseline=0.5)
    found = told(frame, "found")
    assert found[0] == 'The model "my_model" solves the task "riddle <b>" at T = 10 in 2 of 2 seeds.'
    assert 'The model "other" does not solve the task "riddle <b>" at T = 10' in found[1]
    bare = trials({("my_model", 10): [0.4] * 2}, task="riddle", baseline=float("nan"))
    assert told(bare, "found") == ['The model "my_model" does not solve the task "riddle" at T = 10.']


def test_tasks_that_a_measure_judges_are_not_judged_by_their_test_mse():
    frame = trials({("gru", 5): [BASELINE] * 3}, task="fibonacci")
    assert told(frame, "found", judged=frozenset({"fibonacci"})) == []
    assert len(told(frame, "found")) == 1
