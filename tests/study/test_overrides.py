"""What ``--set`` says of a study file: it replaces what stands there, and is judged with it.

Faults that were planted and seen here: a value from --set blamed on a line of the file; the list of a dotted factor
from --set assigned as one value; [[where]] matched without --set; a second line of an override lost.
"""

from pathlib import Path

import pytest

from tests.study.builders import SMALL, ReadText, problems
from unroll.errors import StudyError
from unroll.study import expand, read_study


@pytest.mark.parametrize("more", ["\nmodel.hidden = 9", "\n[task]\ntrain = 5", "\n\nvalue2 = 1"])
def test_a_second_line_of_an_override_is_not_lost(more: str, tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    with pytest.raises(StudyError, match="is not a whole number"):
        read_study(path, [f"train.epochs=3{more}"])


def test_set_replaces_a_setting(read: ReadText) -> None:
    text = f"{SMALL}[train]\nepochs = 3\n[[where]]\nmatch = {{ model = 'lstm' }}\ntrain = {{ epochs = 4 }}\n"
    (trial,) = expand(read(text, ["train.epochs=5", "train.optimizer = sgd", 'task.markers="halves"']))
    assert (trial.train.epochs, trial.train.optimizer) == (5, "sgd")
    assert trial.task_settings["markers"] == "halves"


def test_set_replaces_a_list(read: ReadText) -> None:
    trials = expand(read(SMALL, ["seed=[4, 5]", "length=20", "model=gru"]))
    assert [(t.model, t.length, t.seed) for t in trials] == [("gru", 20, 4), ("gru", 20, 5)]


def test_set_replaces_the_list_of_a_dotted_factor(read: ReadText) -> None:
    text = f'{SMALL}"train.epochs" = [1, 2]\n'
    assert [t.train.epochs for t in expand(read(text, ["train.epochs=[3, 4, 5]"]))] == [3, 4, 5]
    assert [t.train.epochs for t in expand(read(text, ["train.epochs=3"]))] == [3]
    rest = 'task = ["adding"]\nmodel = ["lstm"]\nseed = [1]\n'
    union = f'name = "a"\n[[factors]]\nlength = [20]\n"train.epochs" = [1]\n{rest}[[factors]]\nlength = [10]\n{rest}'
    trials = expand(read(union, ["train.epochs=[3, 4]"]))
    assert [(t.length, t.train.epochs) for t in trials] == [(20, 3), (20, 4), (10, 3), (10, 4)]


def test_set_decides_what_a_where_matches(read: ReadText) -> None:
    text = f'{SMALL}[[where]]\nmatch = {{ "train.optimizer" = "sgd" }}\ntrain = {{ momentum = 0.9 }}\n'
    (trial,) = expand(read(text, ["train.optimizer=sgd"]))
    assert trial.train.momentum == 0.9


def test_set_replaces_name_question_and_protocol(read: ReadText) -> None:
    study = read(SMALL, ["name=other", "question='Why?'", "protocol=notebook"])
    assert (study.name, study.question, study.protocol) == ("other", "Why?", "notebook")


def test_a_set_that_cannot_be_understood(read: ReadText) -> None:
    overrides = ["train.epochs", "=5", "modle=gru", "train.epohs=5", "seed=[1, 1]", "protocol=keyd", "epochs=5"]
    overrides += ["train.batch=x", f"model.hidden={'9' * 5000}"]
    found = problems(read, SMALL, *overrides)
    assert {text.split(" ")[0] for text in found} == {"--set"}
    assert sorted(text.removeprefix("--set ")[:58] for text in found) == sorted(
        text[:58]
        for text in (
            ": 'train.epochs' is not NAME=VALUE, such as train.epochs=5",
            ": '=5' is not NAME=VALUE, such as train.epochs=5",
            ': unknown setting "modle". Did you mean "model"? Example: train.epochs=5',
            'train.epohs: unknown key. Did you mean "epochs"? Known: epochs, batch',
            "factors.seed: 1 is there twice. Remove one",
            "protocol: 'keyd' is not one of 'keyed' or 'notebook'. Did you mean",
            ': unknown setting "epochs". Did you mean "train.epochs"? Example: train.epochs=5',
            "train.batch: 'x' is not a whole number",
            f"model.hidden: '{'9' * 100}",
        )
    )
