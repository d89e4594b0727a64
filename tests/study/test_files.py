"""Study files: read as written, and everything that is wrong with one said at once.

Faults that were planted and seen here: the sections checked only where ``factors`` is sound; an empty match left
out in writing; only tomllib's own errors caught; duplicates looked for among the first thousand values; a fault of a
factor told for each of its values.
"""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.study.builders import SMALL, ReadText, problems, studies
from tests.templates import FILES, filled_in
from unroll.errors import StudyError
from unroll.study import Study, expand, read_study, shipped_studies, study_text, write_study

EXAMPLE = """\
name = "adding-notebook"
question = "At which length does each cell stop solving the adding problem?"
protocol = "notebook"
[factors]
task = ["adding"]
model = ["tanh_rnn", "lstm", "gru"]
length = [10, 25, 50, 100, 200, 500]
seed = [1, 2, 3]
# "train.learning_rate" = [1e-3, 1e-2]
[task]
train = 10000
validation = 0
test = 2000
markers = "anywhere"
[model]
hidden = 64
layers = 1
[train]
epochs = 50
batch = 64
optimizer = "adam"
learning_rate = 1e-3
backend = "auto"              # auto, reference, native
[[where]]
match = { model = "lstm", length = 500 }
train = { clip_norm = 1.0 }   # an example
"""


def test_the_example_of_the_design(read: ReadText) -> None:
    study = read(EXAMPLE)
    trials = expand(study)
    assert (study.name, study.protocol, study.count(), len(trials)) == ("adding-notebook", "notebook", 54, 54)
    assert [(t.model, t.length, t.seed) for t in trials] == [
        (model, length, seed)
        for model in ("tanh_rnn", "lstm", "gru")
        for length in (10, 25, 50, 100, 200, 500)
        for seed in (1, 2, 3)
    ]
    assert {(t.model, t.length) for t in trials if t.train.clip_norm is not None} == {("lstm", 500)}
    first = trials[0]
    assert first.task_settings == {"train": 10000, "validation": 0, "test": 2000, "markers": "anywhere"}
    assert first.model_settings == {"hidden": 64, "layers": 1, "parameters": None, "nonlinearity": "tanh"}
    assert first.train.resolved() == {
        "epochs": 50,
        "batch": 64,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "momentum": 0.0,
        "clip_norm": None,
        "clip_value": None,
        "backend": "auto",
    }


def test_only_name_and_factors_are_required(read: ReadText) -> None:
    assert read(SMALL).protocol == "keyed"
    assert problems(read, "") == [
        "mine.toml name: is required and missing",
        "mine.toml factors: is required and missing",
    ]


@pytest.mark.parametrize(("name", "count"), {"adding-sanity": 1, "adding-notebook": 54, "adding-quick": 27}.items())
def test_shipped_studies(name: str, count: int) -> None:
    assert name in shipped_studies()
    study = read_study(name)
    assert (study.name, study.count(), len(expand(study))) == (name, count, count)
    assert tomllib.loads(study_text(name))["name"] == name


def test_every_shipped_study_carries_its_own_name() -> None:
    assert shipped_studies() == tuple(read_study(name, check=False).name for name in shipped_studies())


def test_everything_wrong_is_said_at_once(read: ReadText) -> None:
    text = """\
name = 5
protocol = "notebok"
question = []
foo = 1
[factors]
task = ["addng"]
model = ["lstn", "gru", "gru"]
length = [10, 0, -5, 1.5, nan, inf, 2000000, true, "10"]
seed = [1, 1.0, -1, 4294967296]
lenght = [1]
[train]
epochs = 0
batch = -1
learning_rate = nan
clip_norm = inf
optimizer = "adm"
backend = 5
momentum = true
epoch = 3
[[where]]
match = { model = "gru", seed = 1 }
trian = { epochs = 1 }
"""
    assert problems(read, text) == [
        "1 name: 5 is not a text in quotes",
        "2 protocol: 'notebok' is not one of 'keyed' or 'notebook'. Did you mean \"notebook\"?",
        "3 question: [] is not a text in quotes",
        "4 foo: unknown key. Known: name, question, protocol, factors, task, model, train, generate, test, where, "
        "questions",
        '6 factors.task: Unknown task "addng". Did you mean "adding"? All tasks: unroll tasks.',
        "7 factors.model: 'gru' is there twice. Remove one",
        '7 factors.model: Unknown model "lstn". Did you mean "lstm"? All models: unroll models.',
        "8 factors.length: 0 is outside 1 to 1,000,000",
        "8 factors.length: -5 is outside 1 to 1,000,000",
        "8 factors.length: 1.5 is not a whole number",
        "8 factors.length: nan is not a whole number",
        "8 factors.length: inf is not a whole number",
        "8 factors.length: 2000000 is outside 1 to 1,000,000",
        "8 factors.length: True is not a whole number",
        "8 factors.length: '10' is not a whole number",
        "9 factors.seed: 1.0 is there twice. Remove one",
        "9 factors.seed: 1.0 is not a whole number",
        "9 factors.seed: -1 is outside 0 to 4,294,967,295",
        "9 factors.seed: 4294967296 is outside 0 to 4,294,967,295",
        '10 factors.lenght: unknown factor. Did you mean "length"? A factor is task, model, length, seed or a setting '
        "such as train.epochs",
        "12 train.epochs: 0 is not allowed: it must be at least 1",
        "13 train.batch: -1 is not allowed: it must be at least 1",
        "14 train.learning_rate: nan is not a finite number",
        "15 train.clip_norm: inf is not a finite number",
        "16 train.optimizer: 'adm' is not one of 'adam', 'adamw', 'sgd' or 'rmsprop'. Did you mean \"adam\"?",
        "17 train.backend: 5 is not one of 'auto', 'reference' or 'native'",
        "18 train.momentum: True is not a number",
        '19 train.epoch: unknown key. Did you mean "epochs"? Known: epochs, batch, optimizer, learning_rate, momentum, '
        "clip_norm, clip_value, backend, alpha, weight_decay, schedule, final_learning_rate, step_epochs, step_factor, "
        "patience, device, precision",
        '22 where.trian: unknown key. Did you mean "train"? Known: match, task, model, train, generate, test',
    ]


def test_the_message_names_the_file(read: ReadText, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="1 problem in the study:\n") as caught:
        read(SMALL.replace("lstm", "lstn"))
    assert f"{tmp_path / 'mine.toml'}, line 4: factors.model: Unknown model" in str(caught.value)


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("[model]\nhidden = 1e3", "8 model.hidden: 1000.0 is not a whole number"),
        ("[model]\nhidden = 65_537", "8 model.hidden: 65537 is not allowed: it must be at most 65536"),
        ("[model]\nlayers = 0", "8 model.layers: 0 is not allowed: it must be at least 1"),
        ("[task]\ntrain = 0", "8 task.train: 0 is not allowed: it must be at least 1"),
        ("[task]\ntest = 1_000_000_000", "8 task.test: 1000000000 is not allowed: it must be at most 100000000"),
        ("[task]\nmarkers = 'half'", "8 task.markers: 'half' is not one of 'anywhere', 'halves', 'hs97' or"),
        ("[task]\nmarker = 1", "8 task.marker: unknown key. Did you mean \"markers\"?"),
        ("[train]\nepochs = 1_000_001", "8 train.epochs: 1000001 is not allowed: it must be at most 1000000"),
        ("[train]\nlearning_rate = 0", "8 train.learning_rate: 0 is not allowed: it must be more than 0"),
        ("[train]\nlearning_rate = -inf", "8 train.learning_rate: -inf is not a finite number"),
        ("[train]\nmomentum = 1.0", "8 train.momentum: 1.0 is not allowed: it must be less than 1"),
        ("[train]\nmomentum = 0.9", "7 train: train.momentum is for sgd and rmsprop; adam would ignore it."),
        ("[train]\nclip_norm = 1\nclip_value = 1", "7 train: train.clip_norm and train.clip_value exclude each other"),
        ("[train]\nepochs = 2020-01-01", "8 train.epochs: datetime.date(2020, 1, 1) is not a whole number"),
        ("[train]\nepochs = " + "[" * 30 + "]" * 30, "8 train.epochs: ((((("),
        ("[train]\nepochs = " + "[" * 300 + "]" * 300, "8 : nested more than 32 deep, so not a study"),
        ("[train]\nepochs = 0x" + "f" * 9999, "8 train.epochs: this value is not allowed: it must be at most 1000000"),
        ("[train]\nepochs = " + "9" * 4400, "mine.toml : not a TOML file: "),
        ("[train]\nepochs = " + "[" * 9000 + "]" * 9000, "8 : nested more than 32 deep, so not a study"),
        ("train = 5\n[train]", "7 factors.train: unknown factor."),
        ("train.epochs = [1]", '7 factors.train: a table, not a list. A dotted name is in quotes: "train.epochs" = [.'),
        ('"train.epohs" = [1]', "7 train.epohs: unknown key. Did you mean \"epochs\"?"),
        ('"train.epohs" = [\n1,\n2]', "7 train.epohs: unknown key. Did you mean \"epochs\"?"),
        ('"generate.steps" = [\n4,\n5]', "7 factors.generate.steps: nothing would read it: the task"),
        ('"train.epochs" = [1, 0]', "7 train.epochs: 0 is not allowed: it must be at least 1"),
        ('"train.epochs" = []', "7 factors.train.epochs: an empty list: no trial would come of it."),
        ('"train.epochs" = 5', "7 factors.train.epochs: 5 is not a list. Write [5]"),
        ('"train.learning_rate" = [1, 2, 1.0]', "7 factors.train.learning_rate: 1.0 is there twice. Remove one"),
        ('"train.backend" = ["torch", "reference"]', "7 factors.train.backend: 'reference' is there twice. Remove one"),
        ("[[where]]\ntrain = { epochs = 1 }", "7 where.match: is required and missing"),
        ("[[where]]\nmatch = 5", "8 where.match: 5 is not a table"),
        ("[where]\nmatch = { model = 'lstm' }", "7 where: {'match': {'model': 'lstm'}} is not a list"),
        ("[[where]]\nmatch = { model = 'gru' }", "8 where.match: matches no condition: model = 'gru'. Correct it or"),
        ("[[where]]\n[where.match]\nmodel = 'lstm'\nseed = 1", "10 where.match.seed: cannot be matched: settings"),
        ("[[where]]\nmatch = { modle = 'lstm' }", "8 where.match.modle: cannot be matched: match by task, model"),
        ("[[where]]\nmatch = { length = 10 }\ntrain = { epochs = 0 }", "9 train.epochs: 0 is not allowed"),
        ("[[where]]\nmatch = { length = 10 }\n[where.train]\nepoch = 1", "10 train.epoch: unknown key. Did you mean"),
    ],
)  # fmt: skip
def test_one_fault(read: ReadText, addition: str, expected: str) -> None:
    (found,) = problems(read, f"{SMALL}{addition}\n")
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("written", "instead", "expected"),
    [
        ("length = [10]", "length = [1]", '5 factors.length: 1 is too short: two markers need at least 2 steps (task'),
        ("length = [10]", "length = 10", "5 factors.length: 10 is not a list. Write [10]"),
        ("length = [10]", "", "2 factors.length: no list of values. Add length = [...] to [factors]"),
        ("seed = [1]", "seed = []", "6 factors.seed: an empty list: no trial would come of it. Give at least one"),
        ("seed = [1]", "seed = [\n1,\n2,\n1]", "9 factors.seed: 1 is there twice. Remove one"),
        ("seed = [1]", f"seed = [{','.join(map(str, [*range(1500), 1200]))}]", "6 factors.seed: 1200 is there"),
        ("seed = [1]", f"seed = [0x{'f' * 9999}]", "6 factors.seed: this value is outside 0 to 4,294,967,295"),
        ("seed = [1]", "seed = [{ a = 1 }]", "6 factors.seed: Settings({'a': 1}) is not a whole number"),
        ('name = "small"', 'name = ""', "1 name: '' is not allowed: string should have at least 1 character"),
        ('name = "small"', 'name = "a\\nb"', "1 name: 'a\\nb' is not allowed: string should match pattern"),
        ('name = "small"', f'name = "{"n" * 200}"', "1 name: 'nnnnn"),
        ('"lstm"', "5", "4 factors.model: 5 is not a name in quotes"),
        ('"adding"', '"adding", "adding"', "3 factors.task: 'adding' is there twice. Remove one"),
    ],
)  # fmt: skip
def test_one_fault_instead(read: ReadText, written: str, instead: str, expected: str) -> None:
    (found,) = problems(read, SMALL.replace(written, instead))
    assert found.startswith(expected)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    (tmp_path / "plain.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "marked.toml").write_text(SMALL, encoding="utf-8-sig")
    plain, marked = (read_study(tmp_path / f"{name}.toml") for name in ("plain", "marked"))
    assert plain.digest == marked.digest


def test_the_sections_are_checked_though_the_factors_are_broken(read: ReadText) -> None:
    for factors in ("", "factors = []\n", "factors = 5\n", "factors = [1]\n"):
        found = problems(read, f'name = "a"\n{factors}[train]\nepochs = 0\n')
        assert [text.split(": ")[0].split(" ")[1] for text in found][1:] == ["train.epochs"]
        assert found[0].split(" ")[1].startswith("factors")


def test_a_where_is_judged_only_by_sound_factors(read: ReadText) -> None:
    where = "[[where]]\nmatch = { model = 'gru' }\n"
    assert len(problems(read, SMALL.replace("lstm", "gur") + where)) == 1
    assert len(problems(read, SMALL.replace('model = ["lstm"]', "") + where)) == 1
    assert len(problems(read, f"{SMALL}{where}[train]\nepochs = 0\n")) == 2


def test_broken_toml(read: ReadText) -> None:
    (found,) = problems(read, f"{SMALL}epochs = = 5\n")
    assert found.startswith("mine.toml : not a TOML file: ")
    assert "line 7" in found
    (found,) = problems(read, f"{SMALL}seed = [2]\n")
    assert "line 7" in found


def test_files_that_cannot_be_read(read: ReadText, tmp_path: Path) -> None:
    assert problems(read, b'name = "\xff"') == ["mine.toml : cannot be read: not UTF-8 text (invalid start byte)"]
    (found,) = problems(read, SMALL + "#" * 2_000_000)
    assert found == "mine.toml : larger than 1,000,000 bytes, so not a study file"
    with pytest.raises(StudyError, match=r"cannot be read: Is a directory|cannot be read: Permission denied"):
        read_study(tmp_path)
    with pytest.raises(StudyError, match=r'no file is called "adding-quik". Did you mean "adding-quick"\? All shipped'):
        read_study("adding-quik")
    with pytest.raises(StudyError, match="no file is called"):
        read_study(tmp_path / "missing.toml")


def test_a_study_can_be_looked_at_without_its_plug_ins(read: ReadText) -> None:
    assert read(SMALL.replace("lstm", "gone"), check=False).factors[0]["model"] == ("gone",)


@settings(max_examples=60, deadline=None)
@given(study=studies)
def test_what_is_written_reads_as_the_same_study(study: Study, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("written") / "study.toml"
    path.write_text(write_study(study), encoding="utf-8")
    again = read_study(path, check=False)
    assert again == study
    assert again.digest == study.digest
    assert write_study(again) == write_study(study)


def test_what_python_calls_none_is_written_as_none() -> None:
    factors = {"task": ["adding"], "model": ["lstm"], "length": [10], "seed": [1]}
    study = Study(name="a", factors=factors, train={"clip_norm": None})
    data = tomllib.loads(write_study(study))
    assert data["train"] == {"clip_norm": "none"}
    assert expand(Study(**data)) == expand(study)


@pytest.mark.parametrize("name", shipped_studies())
def test_a_shipped_study_survives_writing(name: str, read: ReadText, tmp_path: Path) -> None:
    given = filled_in(name, tmp_path)
    assert read(write_study(read_study(name, given)), given) == read_study(name, given)


@pytest.mark.parametrize("name", FILES)
def test_a_template_says_what_to_write(name: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        read_study(name)
    (problem,) = caught.value.problems
    assert problem.setting == "task.file"
    line = problem.message.partition("Write into [task]: ")[2].partition(", or type")[0]
    assert line.startswith("file = ")
    text, said = study_text(name), str(problem)
    assert f"# {line}" in text, "it stands there, to be made a line"
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(f"# {line}", line))
    filled_in(name, tmp_path)
    (tmp_path / FILES[name]).rename(tmp_path / line.split('"')[1])
    assert len(expand(path)) == read_study(path).count()
    assert f"{name}.toml, line " in said
