"""``[[questions]]``: what a study file may say, what is wrong with it, and that no trial depends on it.

Planted and found: questions under the digest; a misspelt measure taken as it is; a question about a model that the
command line left out, as an error.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from unroll.errors import StudyError
from unroll.study import write_study
from unroll.study.questions import Question

STUDY = """
name = "mine"

[factors]
task = ["adding"]
model = ["gru", "lstm"]
length = [10]
seed = [1]
"train.learning_rate" = [0.001, 0.01]
"""
ASKED = """
[[questions]]
text = "Which rate is best?"
by = "train.learning_rate"

[[questions]]
text = "How does the GRU learn?"
by = ["learning", "gradients"]
model = "gru"
"""


def read(folder: Path, text: str, overrides: tuple[str, ...] = ()) -> unroll.Study:
    (folder / "mine.toml").write_text(text)
    return unroll.read_study(folder / "mine.toml", overrides)


def test_questions_are_read_written_and_change_no_trial(tmp_path: Path):
    asked, plain = read(tmp_path, STUDY + ASKED), read(tmp_path, STUDY)
    assert asked.questions == (
        Question(text="Which rate is best?", by=("train.learning_rate",)),
        Question(text="How does the GRU learn?", by=("learning", "gradients"), model="gru"),
    )
    assert plain.questions == ()
    assert asked.digest == plain.digest
    assert [trial.key for trial in unroll.expand(asked)] == [trial.key for trial in unroll.expand(plain)]
    again = read(tmp_path, write_study(asked))
    assert (again, again.questions) == (asked, asked.questions)
    assert "questions" not in write_study(plain)
    made = unroll.Study(**{**plain.model_dump(), "questions": [{"text": "Which rate is best?", "by": "learning"}]})
    assert made.questions[0].by == ("learning",)


@pytest.mark.parametrize(
    ("line", "wrong", "said", "at"),
    [
        ('by = "train.learning_rate"', 'by = "learnin"', "'learnin' is neither a measure nor a factor of this study. "
         'Did you mean "learning"?', 13),
        ('by = "train.learning_rate"', 'by = "train.epochs"', "'train.epochs' is neither a measure nor a factor", 13),
        ('by = "train.learning_rate"', "", "is required and missing", 11),
        ('by = ["learning", "gradients"]', "by = []", "is empty. Give at least one", 17),
        ('model = "gru"', 'model = "gro"', "the study has no model 'gro'. Did you mean \"gru\"?", 18),
        ('model = "gru"', 'modle = "gru"', 'unknown key. Did you mean "model"?', 18),
        ('text = "How does the GRU learn?"', 'text = ""', "is not allowed", 16),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_lines(tmp_path: Path, line: str, wrong: str, said: str, at: int):
    with pytest.raises(StudyError) as raised:
        read(tmp_path, STUDY + ASKED.replace(line, wrong))
    (problem,) = raised.value.problems
    assert said in problem.message
    assert problem.line == at


WRONG = """
[[questions]]
text = "  "
by = ["learnin", "learning", "learning"]
wrong = 1

[[questions]]
by = "learning"
model = "gro"

[[questions]]
text = "Which rate is best?"
by = 3

[[questions]]
text = "Which rate is best?"
by = "train.learning_rate"
"""


def test_all_mistakes_are_told_at_once_and_places_are_named_in_one_way(tmp_path: Path):
    with pytest.raises(StudyError) as raised:
        read(tmp_path, STUDY + WRONG)
    assert [(one.line, one.setting, one.message.partition(".")[0]) for one in raised.value.problems] == [
        (12, "questions.text", "'  ' is blank"),
        (13, "questions.by", "'learnin' is neither a measure nor a factor of this study"),
        (13, "questions.by", "'learning' is there twice"),
        (14, "questions.wrong", "unknown key"),
        (16, "questions.text", "is required and missing"),
        (18, "questions.model", "the study has no model 'gro'"),
        (22, "questions.by", "3 is not a list"),
        (25, "questions.text", "'Which rate is best?' is asked twice"),
    ]
    with pytest.raises(StudyError) as raised:
        read(tmp_path, STUDY.replace("[1]", "3") + WRONG)
    assert {"factors.seed", "questions.text", "questions.by", "questions.model"} <= {
        one.setting for one in raised.value.problems
    }
    twice = [
        {"text": "How?", "by": "learning"},
        {"text": "How?", "by": ["solved", "solved"]},
        {"text": " ", "by": "solved"},
    ]
    made = unroll.Study(**{**read(tmp_path, STUDY).model_dump(), "questions": twice})
    with pytest.raises(StudyError) as raised:
        unroll.expand(made)
    assert [(one.setting, one.message.partition(".")[0]) for one in raised.value.problems] == [
        ("questions.text", "'How?' is asked twice"),
        ("questions.by", "'solved' is there twice"),
        ("questions.text", "' ' is blank"),
    ]


def test_factors_that_cannot_be_read_make_no_factor_of_a_question_unknown(tmp_path: Path):
    with pytest.raises(StudyError) as raised:
        read(tmp_path, STUDY.replace("[factors]", "factors = 3\n[[where]]\nmatch = 3\n[task]") + ASKED)
    assert not any(one.setting.startswith("questions") for one in raised.value.problems)


def test_what_the_command_line_leaves_out_leaves_a_question_open(tmp_path: Path):
    assert read(tmp_path, STUDY + ASKED, ('model=["lstm"]',)).questions[1].model == "gru"


@pytest.mark.parametrize("name", unroll.shipped_studies())
def test_shipped_studies_ask_what_they_can_answer(name: str):
    study = unroll.read_study(name, check=False)
    assert all(question.text and question.by for question in study.questions)
    assert bool(study.questions) != name.startswith("adding")
