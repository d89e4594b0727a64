"""What a report of number sequences shows first, leaves out and folds; that of the adding problem shows everything.

Planted and found: the figures of lengths kept where no length varies; panels left out without a word; a long table open
on a screen; a folded table that is not printed.
"""

from __future__ import annotations

import math
import re
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest

from tests.report.page import Page
from tests.stored import stored
from unroll.measures import known
from unroll.measures.effects import OF_THE_WHOLE
from unroll.plots.style import looks
from unroll.reading import Results
from unroll.report import report
from unroll.report.choice import choose
from unroll.study.questions import Question

TASKS = ("odd_numbers", "fibonacci", "linear_recurrence", "geometric", "sine", "alternating", "cubes")
MODELS = ("tanh_rnn", "feedforward")
RATES = (0.001, 0.01)


def continued(regimes: tuple[str, ...] = ("within", "larger")) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table ``generation`` and a table ``horizons``: the second rate is nearer to the truth."""
    conditions = [
        {"task": task, "model": model, "length": 5, "train.learning_rate": rate, "relative_error": 0.001 / rate}
        for task in TASKS
        for model in MODELS
        for rate in RATES
    ]
    steps = [
        {
            **one,
            "seed": 1,
            "key": str(place),
            "step": step,
            "value": step * 2.0,
            "truth": step * 2.0 + 1,
            "output_ceiling": math.nan,
        }
        for place, one in enumerate(conditions)
        for step in range(1, 9)
    ]
    ahead = [
        {**one, "regime": regime, "horizon": horizon, "n": 1, "absolute_error": 1.0, "each_seed": [0.1],
         "one_step_error": 0.1, "relative_error_low": 0.01, "relative_error_high": 1.0, "sequences": 5.0,
         "validation_error": one["relative_error"], "test_seen": 0.0, "train_inputs": 99.0, "test_inputs": 99.0}
        for one in conditions
        for regime in regimes
        for horizon in (1, 8)
    ]  # fmt: skip
    return pd.DataFrame(steps), pd.DataFrame(ahead)


def measured(monkeypatch: pytest.MonkeyPatch, tables: dict[str, pd.DataFrame]) -> None:
    """Give measures these tables."""
    others = Results.measure
    monkeypatch.setattr(Results, "measure", lambda self, name: tables[name] if name in tables else others(self, name))


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    steps, ahead = continued()
    measured(monkeypatch, {"continuation": steps, "horizons": ahead})
    pairs = [(task, model) for task in TASKS for model in MODELS]
    return stored(tmp_path / "results.db", name="families", pairs=pairs, lengths=[5], seeds=[1], rates=RATES)


def test_without_lengths_to_compare_the_map_of_tasks_leads(numbers: Results):
    choice = choose(numbers)
    assert choice.lead == "solved"
    assert known()["solved"].heading(choice.figures["solved"].points) == "Which tasks are solved"
    assert set(choice.figures) == {"solved", "effects", "continuation", "horizons"}


def test_panels_left_out_are_counted_and_can_be_asked_for(numbers: Results):
    words = Page(report(numbers)).words
    assert "seven panels of 14 left out. All: unroll plot" in words
    assert "continuation --out continuation.svg" in words
    assert "Shown: parameters of the trained range, of each task" in words
    assert "21 panels of 28 left out" in words
    assert "Span" not in words


def test_one_model_leads_with_its_continuations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    steps, ahead = (table[table["model"] == "tanh_rnn"] for table in continued())
    measured(monkeypatch, {"continuation": steps, "horizons": ahead})
    pairs = [(task, "tanh_rnn") for task in TASKS]
    choice = choose(stored(tmp_path / "results.db", pairs=pairs, lengths=[5], seeds=[1]))
    assert choice.lead == "continuation"
    assert "solved" not in choice.figures


def test_a_study_of_lengths_shows_every_figure(tmp_path: Path):
    choice = choose(stored(tmp_path / "results.db"))
    assert (choice.lead, choice.asked) == ("solved", ())
    assert known()["solved"].heading(choice.figures["solved"].points) == "Which lengths are solved"
    assert list(choice.figures) == ["lengths", "solved", "learning", "gradients", "timing"]
    assert not any(known()[name].left_out(shown.points, "study") for name, shown in choice.figures.items())


def test_long_tables_are_folded_and_printed(tmp_path: Path):
    short = report(stored(tmp_path / "short.db"))
    assert "<details" not in short
    lengths = range(10, 30)
    pairs = [("adding", model) for model in MODELS]
    long = report(stored(tmp_path / "long.db", pairs=pairs, lengths=lengths, seeds=[1], epochs=1))
    page = Page(long)
    assert page.open == page.crossed == []
    assert "Test MSE · baseline 0.1667 40 rows" in page.words
    assert "<details open" not in long
    printed = re.search(r"@media print \{(.*)", long, re.DOTALL)[1]
    assert "details::details-content { content-visibility: visible; block-size: auto; }" in printed


def asked(results: Results, *questions: dict[str, object]) -> Results:
    """Return results of the same study, of which this is asked."""
    return Results(
        results.study.model_copy(update={"questions": tuple(Question(**one) for one in questions)}), results.path
    )


def test_each_question_has_its_answer_its_figure_and_what_is_not_shown(numbers: Results):
    one = {"text": "How far does the first model come?", "by": ["continuation", "horizons"], "model": "tanh_rnn"}
    other = {"text": "Which models stay near?", "by": ["horizons", "continuation"]}
    results = asked(numbers, one, other, {"text": "What does the window hold?", "by": "window_lag"})
    found = results.findings()
    assert list(dict.fromkeys(finding.question for finding in found)) == [
        one["text"], other["text"], "What does the window hold?", "",
    ]  # fmt: skip
    first = [finding.sentence for finding in found if finding.question == one["text"] and finding.kind == "found"]
    assert first
    assert "tanh RNN" in first[0]
    assert not any("feedforward" in sentence for sentence in first)
    (nothing,) = (finding for finding in found if finding.question == "What does the window hold?")
    assert nothing.kind == "not_shown"
    assert nothing.sentence == "Nothing here answers it: that needs a planned trial of delayed recall."
    choice = choose(results.frozen())
    assert choice.asked == (
        (one["text"], ("continuation-1", "horizons-1")),
        (other["text"], ("horizons", "continuation")),
        ("What does the window hold?", ()),
    )
    assert choice.lead == ""
    page = report(results)
    drawn = [f'id="figure-{name}"' for name in ("continuation-1", "horizons-1", "horizons", "continuation")]
    places = [page.index(text) for text in (one["text"], *drawn[:2], other["text"], *drawn[2:],
              "What does the window hold?")]  # fmt: skip
    assert places == sorted(places)
    assert page.count('id="figure-continuation"') == 1
    assert Page(page).words.count("Not shown: these are counts and medians of what was seen") == 2
    assert Page(page).words.count("Not shown: nothing here answers it") == 1


def test_a_question_that_names_a_factor_is_answered_by_what_the_factor_does(tmp_path: Path):
    def losses(model: str, length: int, seed: int) -> float:
        return 1e-3 * (1 + 0.01 * seed)

    seeds = range(1, 8)
    pairs = [("adding", "gru")]
    results = stored(tmp_path / "r.db", pairs=pairs, lengths=[10], seeds=seeds, rates=RATES, result=losses)
    question = {"text": "Which rate?", "by": "train.learning_rate"}
    found = [one for one in asked(results, question).findings() if one.question]
    assert [(one.kind, one.sentence) for one in found] == [
        (
            "not_shown",
            "With train.learning_rate = 0.01 the test MSE is the same as with 0.001 in the median seed: these seeds do "
            "not separate the two (p = 1.0).",
        )
    ]
    each = cycle([1e-3, 2e-3])  # of a trial of each rate
    few = stored(
        tmp_path / "few.db", pairs=pairs, lengths=[10], seeds=range(1, 4), rates=RATES, result=lambda *_: next(each)
    )
    found = [one for one in asked(few, question).findings() if one.question]
    assert [(one.kind, one.sentence) for one in found] == [
        (
            "not_shown",
            "With train.learning_rate = 0.01 the test MSE is 2.0 times higher than with 0.001 in the median seed: "
            "three seeds cannot separate the two.",
        )
    ]
    nowhere = {"text": "Which width?", "by": "model.hidden"}
    found = [one for one in asked(results, nowhere).findings() if one.question]
    assert [one.sentence for one in found] == [
        'Nothing here answers by "model.hidden": neither a measure that can be used here nor a factor of this study.'
    ]
    assert choose(asked(results, question).frozen()).asked == (("Which rate?", ("effects",)),)
    assert choose(results.frozen()).lead == "effects", "one model, several settings: the settings are what is asked"


def test_a_question_that_is_the_studys_own_stands_once_on_its_page(tmp_path: Path):
    results = stored(tmp_path / "r.db", question="Who solves it?", lengths=[10], seeds=[1, 2])
    own, further = {"text": "Who solves it?", "by": "solved"}, {"text": "How fast?", "by": "learning"}
    assert report(asked(results, own, further)).count(">Who solves it?</h") == 1
    assert report(asked(results, further, own)).count(">Who solves it?</h") == 2


def test_a_questions_figure_is_of_its_part_and_models_look_the_same_there(tmp_path: Path):
    results = stored(tmp_path / "r.db", lengths=[10], seeds=[1, 2])
    question = {"text": "How does the GRU learn?", "by": ["learning", "lengths"], "model": "gru"}
    both = asked(results, question, {"text": "And all?", "by": "learning"}).frozen()
    choice = choose(both)
    assert [names for _, names in choice.asked] == [("learning-1", "lengths-1"), ("learning",)]
    mine, whole = (choice.figures[name].points for name in ("learning-1", "learning"))
    assert (set(mine["series"]), len(set(whole["series"]))) == ({"GRU"}, 3)
    assert looks(mine["series"])["GRU"] == looks(whole["series"])["GRU"]
    page = report(both)
    assert [page.count(f'id="figure-{name}"') for name in ("learning", "learning-1", "lengths-1", "lengths")] == [1] * 4
    assert both.only(task="adding") is both, "that is all of it"
    nowhere = asked(results, {**question, "model": "", "task": "copy"}).frozen()
    assert choose(nowhere).asked == (("How does the GRU learn?", ()),)


def test_tests_belong_to_the_whole_study(tmp_path: Path):
    results = stored(tmp_path / "r.db", lengths=[10], seeds=range(1, 8), rates=RATES).frozen()
    whole, part = results.effects(), results.only(model="gru")
    assert whole["p_family"].notna().any()
    assert part.effects()["p_family"].isna().all()
    assert set(part.trials()["model"]) == {"gru"}
    assert part.comparisons().empty
    assert len(results.comparisons())
    question = {"text": "Which rate?", "by": "train.learning_rate", "model": "gru"}
    said = [one for one in asked(results, question).findings() if one.question]
    assert OF_THE_WHOLE in [one.sentence for one in said]
