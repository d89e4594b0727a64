"""What is kept and what is solved, in sentences, where a question asks for it; and what must be said against it.

Planted and found: noise told as a memory; a task called unsolved while its seeds are missing; a second line that is
compared with the baseline's loss; a doubt about tests that were not seen.
"""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.builders import trials
from tests.analysis.telling import tables
from unroll.analysis import conditions
from unroll.analysis.doubts import doubts
from unroll.analysis.finding import Words
from unroll.measures.memory.sentences import kept
from unroll.measures.memory.sentences import sentences as keeping
from unroll.measures.memory.table import memory
from unroll.measures.solved.sentences import sentences as solving

WORDS = Words({"copy": "the copy problem", "adding": "the adding problem"}, {"gru": "the GRU", "lstm": "the LSTM"})


def copying(outcomes: dict[tuple[str, int], list[float | str]], **columns: object) -> pd.DataFrame:
    frame = trials(outcomes, task="copy", baseline=0.1, test_sd=0.001, **columns)
    return frame.assign(memory_unit="symbols", memory_most=10.0)


@pytest.mark.parametrize(
    ("unit", "most", "amount", "words"),
    [
        ("symbols", 10.0, 7.23, "7.2 of 10 symbols over 100 steps"),
        ("steps", 100.0, 24.4, "24 of 100 steps"),
        ("steps", 4.0, 2.52, "2.5 of 4 steps"),
        ("bits", 3.3219, 1.14, "at least 1.1 of 3.3 bits over 100 steps"),
    ],
)
def test_an_amount_in_words(unit: str, most: float, amount: float, words: str):
    assert kept({"unit": unit, "most": most, "amount": amount, "length": 100}) == words


def test_what_each_model_keeps():
    frame = memory(copying({("gru", 20): [0.01], ("lstm", 20): [0.068], ("tanh_rnn", 20): [0.1]}))
    (said,) = (finding.sentence for finding in keeping(WORDS, frame, ()))
    assert said == (
        'On the copy problem, the GRU keeps 9.0 of 10 symbols over 20 steps, the LSTM 3.2 and the model "tanh_rnn" '
        "nothing."
    )
    frame = memory(copying({("tanh_rnn", 20): [0.1], ("gru", 20): [0.01], ("lstm", 20): [0.068]}))
    (said,) = (finding.sentence for finding in keeping(WORDS, frame, ()))
    assert said.endswith("keeps nothing over 20 steps, the GRU 9.0 of 10 symbols over 20 steps and the LSTM 3.2.")
    frame = memory(copying({("gru", 10): [0.001], ("gru", 30): [0.05], ("gru", 90): [0.1], ("lstm", 10): [0.03]}))
    (said,) = (finding.sentence for finding in keeping(WORDS, frame, ()))
    assert said == (
        "On the copy problem, the GRU keeps 9.9 of 10 symbols over 10 steps, 5.0 over 30 steps and nothing over 90 "
        "steps; the LSTM keeps 7.0 of 10 symbols over 10 steps."
    )


def test_what_each_model_solves():
    frame = pd.concat(
        [
            trials({("gru", 10): [0.001, 0.002], ("lstm", 10): [0.1, 0.2]}),
            trials({("gru", 5): [0.1, 0.1], ("lstm", 5): ["waiting", "waiting"]}, task="copy"),
        ]
    )
    said = [finding.sentence for finding in solving(WORDS, conditions(frame), ())]
    assert said == [
        "The GRU solves the adding problem in every seed, and the copy problem in none.",
        "The LSTM does not solve the adding problem in any seed.",
    ]
    longer = trials({("gru", 10): [0.001], ("gru", 20): [0.001], ("gru", 40): [0.1]})
    (said,) = (finding.sentence for finding in solving(WORDS, conditions(longer), ()))
    assert said == "The GRU solves the adding problem up to T = 20 in every seed."
    some = trials({("gru", 10): [0.001, 0.001, 0.1], ("gru", 20): [0.001, 0.001, 0.001], ("gru", 40): [0.1] * 3})
    (said,) = (finding.sentence for finding in solving(WORDS, conditions(some), ()))
    assert said == "The GRU solves the adding problem up to T = 20 in most seeds."
    wide = [trials({("gru", 10): [loss]}, **{"model.hidden": h, "task.pairs": p}) for h, p, loss in GRID]
    factors = ["task.pairs", "model.hidden"]
    (said,) = (finding.sentence for finding in solving(WORDS, conditions(pd.concat(wide), factors), factors))
    assert said == (
        "The GRU solves the adding problem with pairs = 2 and hidden = 32 or 64; pairs = 4 and hidden = 64 in every "
        "seed."
    )
    cell = [
        trials({("gru", 10): [0.001 if h > 32 else 0.1]}, **{"model.hidden": h, "task.pairs": p}) for h, p, _ in GRID
    ]
    (said,) = (finding.sentence for finding in solving(WORDS, conditions(pd.concat(cell), factors), factors))
    assert said == "The GRU solves the adding problem with hidden = 64 and pairs = 2 or 4 in every seed."
    told = [
        trials({("gru", 10): [loss]}, **{"train.backend": one}) for one, loss in (("reference", 0.001), ("native", 1))
    ]
    (said,) = (f.sentence for f in solving(WORDS, conditions(pd.concat(told), ["train.backend"]), ["train.backend"]))
    assert said == "The GRU solves the adding problem with backend = torch in every seed."


def test_what_few_seeds_solve_is_told_apart_from_what_none_solves():
    frame = [
        trials({("gru", 5): [0.001, 0.001, 0.001, 0.1]}),
        trials({("gru", 5): [0.001, 0.1, 0.1, 0.1]}, task="order"),
        trials({("gru", 5): [0.1, 0.1, 0.1, 0.1]}, task="copy"),
        trials({("gru", 5): [0.1, 0.1, 0.1, "waiting"]}, task="parity"),
        trials({("gru", 5): [0.001, 0.1, 0.1, "waiting"]}, task="latch"),
        trials({("gru", 5): [0.001, 0.1, "waiting", "waiting"]}, task="recall"),  # it may be in most
        trials({("gru", 5): [0.001, 0.1], ("gru", 9): [0.1, 0.1]}, task="delay"),
    ]
    (said,) = (finding.sentence for finding in solving(WORDS, conditions(pd.concat(frame)), ()))
    assert said == (
        'The GRU solves the adding problem in 3 of 4 seeds, the task "order" in 1 of 4 seeds, the task "parity" in '
        'none so far, the task "latch" in 1 of 4 seeds so far, the task "delay" in at most half, and the copy problem '
        "in none."
    )


GRID = ((32, 2, 0.001), (64, 2, 0.001), (32, 4, 0.1), (64, 4, 0.001))


def test_who_is_no_better_than_the_second_line_is_told():
    second = {"second_name": "bag", "second_words": "who knows the values alone", "second_loss": 0.05}
    said = [finding.sentence for finding in doubts(*told(copying({("gru", 9): [0.07], ("lstm", 9): [0.03]}, **second)))]
    wanted = "On the copy problem the GRU left the baseline, but is no better than somebody who knows the values alone."
    assert [text for text in said if "somebody" in text] == [wanted]


@pytest.mark.parametrize(("share", "doubted"), [(0.98, True), (0.05, False)])
def test_tests_that_training_knew_are_told(share: float, doubted: bool):
    said = [finding.sentence for finding in doubts(*told(copying({("gru", 9): [0.001]}, test_seen=share)))]
    assert any("98 % occurred in training" in text for text in said) == doubted


def told(frame: pd.DataFrame):
    found = tables(frame, words=WORDS)
    return found, found
