"""Errors say the fact, the place and the next step, and reach another process whole."""

import pickle
import re

import pytest

from unroll import errors
from unroll.errors import DivergedError, MeasureError, Problem, StudyError, UnrollError, did_you_mean

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, UnrollError)]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Every class stands in the drawing, under its base."""
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^[ │├└─]*(\w+Error)\b", line):
            drawn.append((line.index(found[1]), found[1]))
    bases: dict[str, str] = {}
    for place, (indent, name) in enumerate(drawn[1:], start=1):
        bases[name] = next(above for other, above in reversed(drawn[:place]) if other < indent)
    assert drawn[0][1] == "UnrollError"
    assert bases == {cls.__name__: cls.__base__.__name__ for cls in CLASSES if cls is not UnrollError and cls.__base__}


@pytest.mark.parametrize(
    "error",
    [
        StudyError([Problem("wrong", "train.epochs", "mine.toml", 4), Problem("worse")]),
        DivergedError("training loss", float("inf"), 3, 120),
        MeasureError("mine", "table", "KeyError: 'value'"),
        *(cls("why") for cls in CLASSES if cls not in (StudyError, DivergedError, MeasureError)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_the_way_from_a_worker(error: UnrollError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_study_error_lists_every_problem() -> None:
    one = StudyError([Problem("5 is not a name", "name", "mine.toml", 4)])
    assert str(one) == "1 problem in the study:\n  mine.toml, line 4: name: 5 is not a name"
    two = StudyError([Problem("no such file", source="mine.toml"), Problem("unknown")])
    assert str(two) == "2 problems in the study:\n  mine.toml: no such file\n  unknown"
    assert two.problems[1].line is None


def test_a_divergence_says_where_and_what_to_do() -> None:
    message = str(DivergedError("training loss", float("nan"), 2, 31))
    assert message.startswith("The training loss became nan in epoch 2, update 31. Lower train.learning_rate")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("addng", ' Did you mean "adding"?'),
        ("ADDING", ' Did you mean "adding"?'),
        ("lstm2", ' Did you mean "LSTM"?'),
        ("something else", ""),
        ("", ""),
    ],
)
def test_did_you_mean(name: str, hint: str) -> None:
    assert did_you_mean(name, ["adding", "LSTM"]) == hint
    assert did_you_mean(name, []) == ""
