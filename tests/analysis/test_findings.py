"""The first screen's other sentences: differences, growth, doubts; and any study's, whatever its story.

Planted and found: "cannot show" with six seeds; a difference at one of several settings told of all; growth told
without its task; "even at" a length that is reached under one of two settings; a factor of 1.0; the only length where
models have one each.
"""

from __future__ import annotations

import math
import re

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.builders import trials
from tests.analysis.telling import BASELINE, MINE, SOLVED, found_in, tables, told, with_settings
from unroll.analysis import findings


def test_trials_from_before_the_baseline_was_measured_are_not_called_flat():
    frame = trials({("gru", 10): [BASELINE] * 2}).drop(columns=["memoryless_gain", "memoryless_sequences"])
    assert told(frame, "found")[0].startswith("The GRU does not solve the adding problem at T = 10: its median loss")
    open_ = told(frame, "not_shown", saved=MINE)
    again = "unroll forget study.toml --set 'a=[1, 2]', then unroll run study.toml --set 'a=[1, 2]'"
    assert any("two trials left the baseline is not recorded" in s and again in s for s in open_)
    assert (
        "Whether one trial left the baseline is not recorded: it is older than that measure. To record it: train it "
        "again."
    ) in told(frame.iloc[:1], "not_shown")


def test_nothing_is_complete():
    waiting = trials({("gru", 10): ["waiting"] * 3, ("lstm", 10): ["running"] * 3})
    assert told(waiting, "found") == []
    assert told(waiting, "not_shown") == ["Nothing is shown yet: of six trials, none is trained yet."]
    failed = trials({("gru", 10): ["failed"] * 2})
    assert told(failed, "not_shown") == ["Nothing is shown yet: of two trials, all failed."]
    one = trials({("gru", 10): ["failed"]})
    assert told(one, "not_shown") == ["Nothing is shown yet: the one trial failed."]
    assert told(one.assign(state="waiting"), "not_shown") == ["Nothing is shown yet: the one trial is not trained yet."]


def test_half_finished():
    open_ = told(trials({("gru", 10): [SOLVED, SOLVED, "failed"], ("lstm", 10): ["waiting"] * 3}), "not_shown")
    assert open_[0] == "4 of 6 trials are missing: 1 failed and 3 not trained yet."
    assert open_[1] == "Nothing is known of the LSTM: no trial of it is complete."


def test_six_seeds_can_show_a_difference():
    losses = [0.001 * seed for seed in range(1, 7)]
    frame = trials({("lstm", 10): [0.1 + loss for loss in losses], ("gru", 10): losses, ("gru", 20): losses})
    found = told(frame, "found")
    assert (
        "The GRU has a lower test MSE than the LSTM on the adding problem at T = 10, by a factor of 30 in the median "
        "seed."
    ) in found
    assert not any("cannot show" in sentence for sentence in told(frame, "not_shown"))
    same = trials({("lstm", 10): [0.1, 0.2] * 3, ("gru", 10): [0.2, 0.1] * 3})
    assert "Not separated by these seeds: 1 of 1 comparison of two models' loss or error." in told(same, "not_shown")


def test_a_difference_under_several_settings_is_counted():
    losses = [0.001 * seed for seed in range(1, 7)]
    parts = [
        trials({("lstm", 10): [worse + loss for loss in losses], ("gru", 10): losses}, **{"model.hidden": size})
        for size, worse in ((1, 0.1), (2, 0.2), (3, -0.0001))
    ]
    found = told(pd.concat(parts), "found", ("model.hidden",))
    for size in (1, 2):
        sentence = (
            f"With model.hidden = {size}, the GRU has a lower test MSE than the LSTM on the adding problem at T = 10"
        )
        assert any(each.startswith(sentence) for each in found), "not at the third size, of which nothing is said"
    assert not any("model.hidden = 3, the GRU has" in each for each in found)
    more = pd.concat([*parts, trials({("lstm", 10): losses, ("gru", 10): losses}, **{"model.hidden": 4})])
    sentence = "The GRU has a lower test MSE than the LSTM on the adding problem in 2 of 4 comparisons over lengths and"
    assert any(each.startswith(sentence) for each in told(more, "found", ("model.hidden",)))


def test_one_seed_shows_it_once():
    open_ = told(trials({("gru", 10): [SOLVED], ("lstm", 10): [0.1]}), "not_shown")
    assert "One seed shows each result once: how much it varies from seed to seed is not known." in open_
    assert not any("rate" in sentence for sentence in open_)


def test_growth_is_told_of_its_task():
    outcomes = {("gru", length): [SOLVED] * 2 for length in (10, 20, 40)}
    assert "Over sequences twice as long, an epoch takes the GRU 2.0 times as long." in told(trials(outcomes), "found")
    both = pd.concat([trials(outcomes), trials(outcomes, task="riddle")])
    found = told(both, "found")
    for task in ("the adding problem", 'the task "riddle"'):
        assert f"Over sequences of {task} twice as long, an epoch takes the GRU 2.0 times as long." in found


def test_spans_are_longer_by_a_step_or_by_several():
    def study(longest: int) -> pd.DataFrame:
        lengths = (10, longest)
        gru = {("gru", length): [SOLVED] * 10 for length in lengths}
        return trials({**gru, ("lstm", 10): [SOLVED] * 10, ("lstm", longest): [0.1] * 10})

    for longest, by in ((11, "1 step"), (40, "30 steps")):
        sentence = f"The GRU solves the adding problem at greater lengths than the LSTM, by {by} in the median seed."
        assert sentence in told(study(longest), "found")


def test_a_study_of_more_pairs_than_any_number_of_seeds_can_separate():
    open_ = told(trials({(f"m{i}", 10): [0.1, 0.2] for i in range(34)}), "not_shown")
    assert any(sentence.endswith("No number of seeds would do for so many pairs.") for sentence in open_)
    few = told(trials({(f"m{i}", 10): [0.1, 0.2] for i in range(30)}), "not_shown")
    assert any(sentence.endswith("15 seeds would do.") for sentence in few)


def test_settings_are_not_said_to_be_compared_where_they_cannot_be():
    parts = [(size, trials({("gru", 10): [SOLVED], ("lstm", 10): [SOLVED]})) for size in (2, 8)]
    said = "Settings not separated by these seeds: model.hidden (8 against 2); one seed cannot separate levels here."
    assert said in told(with_settings("model.hidden", parts), "not_shown", ("model.hidden",))
    own = with_settings("model.hidden", [(2, trials({("gru", 10): [SOLVED]})), (4, trials({("lstm", 10): [SOLVED]}))])
    assert "ettings" not in "".join(told(own, "not_shown", ("model.hidden",))), "each model has one"
    assert "ettings" not in "".join(told(parts[0][1], "not_shown"))


def test_models_of_different_lengths_have_no_only_length():
    open_ = told(trials({("gru", 10): [SOLVED], ("lstm", 20): [SOLVED]}), "not_shown")
    assert any(
        "the LSTM solves the adding problem even at T = 20, the longest here".lower() in s.lower() for s in open_
    )


def test_seeds_that_are_mostly_alike_are_separated_by_no_factor():
    frame = trials({("gru", 10): [SOLVED] * 6 + [0.1] * 14, ("lstm", 10): [0.1] * 20})
    found = told(frame, "found")
    assert "The GRU has a lower test MSE than the LSTM on the adding problem at T = 10." in found
    near = trials({("gru", 10): [0.1] * 6, ("lstm", 10): [0.102] * 6})
    assert any(sentence.endswith("by a factor of 1.02 in the median seed.") for sentence in told(near, "found"))


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
    ),
    st.lists(st.sampled_from([None, math.nan, 1, 2, 0.5]), max_size=5, unique_by=str),
    st.booleans(),
)
def test_any_study_is_told_in_whole_sentences(story: dict, values: list, improving: bool):
    frame, factors = trials(story).assign(improving=improving), ()
    if values:
        frame, factors = with_settings("train.clip_norm", [(value, frame) for value in values]), ("train.clip_norm",)
    every = findings(tables(frame, factors))
    assert every, "something is always to be said"
    for finding in every:
        assert re.fullmatch(r"[A-Z0-9].*\.", finding.sentence), finding.sentence
        assert not re.search(r"nan|None|inf|<NA>|  |\.\.|;;|–|\b0 steps", finding.sentence), finding.sentence
        assert not re.search(r"\b(1|[Oo]ne) (trial|seed|step|setting|comparison|condition)s\b", finding.sentence)
        assert not re.search(r"(?<![\d,])(1|one) \w+ (do|were|are) ", finding.sentence), finding.sentence
    text = " ".join(finding.sentence for finding in every)
    failed = sum(outcome == "failed" for each in story.values() for outcome in each)
    assert ("failed" in text) == bool(failed), "a failed trial is never passed over"
    for k, n in re.findall(r"in (\d+) of (\d+) seeds", text):
        assert int(k) <= int(n) <= 4
    unsolved = all(any(isinstance(one, float) and one > 0.01 for one in each) for each in story.values())
    open_ = all({"waiting", "running"} & set(map(str, each)) for each in story.values())
    if (improving and unsolved) or open_:
        assert not re.search(r"(do|does) not (solve|leave)|solves? [^.]* at no length", found_in(every)), found_in(
            every
        )


def test_models_left_alone_are_separated_by_their_own_error():
    frame = trials({("gru", 5): [BASELINE] * 6, ("lstm", 5): [BASELINE] * 6}, task="fibonacci")
    frame = frame.assign(error_metric="relative_error_8", relative_error_8=0.5)
    frame.loc[frame["model"] == "gru", "relative_error_8"] = [0.01, 0.02, 0.03, 0.01, 0.02, 0.03]
    (found,) = findings(tables(frame, judged=frozenset({"fibonacci"})))[:1]
    assert found.compares
    assert found.sentence == (
        "The GRU is nearer to the truth than the LSTM, free-running on Fibonacci sequences at T = 5, by a factor of "
        "25 in the median seed."
    )
