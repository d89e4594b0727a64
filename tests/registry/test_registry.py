"""Plug-ins are found by name wherever they come from.

Faults that were planted and seen here: the last of two entry points taken; the base class not checked; a broken task
that ends the check of a study.
"""

import sys

import pytest

import unroll
from tests.registry.conftest import TASK, Install
from unroll import registry
from unroll.errors import PlugInError, StudyError, UnknownNameError
from unroll.models.lstm import LSTM
from unroll.study import Study, expand
from unroll.tasks.adding import Adding


def test_unroll_brings_its_own() -> None:
    assert registry.tasks.names()[:1] == ("adding",)
    assert registry.models.names()[:3] == ("tanh_rnn", "lstm", "gru")
    assert registry.executors.names()[:2] == ("processes", "inline")
    for family in (registry.tasks, registry.models):
        for name in family.names():
            plugin = family.load(name)
            assert plugin.name == name
            assert plugin.summary


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.tasks.load("addng")
    assert str(caught.value) == 'Unknown task "addng". Did you mean "adding"? All tasks: unroll tasks.'
    assert registry.models.unknown("xyz") == 'Unknown model "xyz". All models: unroll models.'
    assert registry.executors.unknown("proceses").endswith(
        'Did you mean "processes"? All executors: processes, inline, dask, slurm.'
    )
    assert registry.models.unknown(5).startswith("Unknown model 5.")


def test_the_command_of_a_hint_exists() -> None:
    from unroll.cli.main import COMMANDS

    for family in (registry.tasks, registry.models):
        assert family.unknown("x").removesuffix(".").rpartition("unroll ")[2] in COMMANDS


def test_an_entry_point_is_found(install: Install) -> None:
    install({"unroll.tasks": "mine = fake_lab:Mine"})
    assert registry.tasks.names()[0] == "adding"
    assert registry.tasks.names()[-1] == "mine"
    assert "fake_lab" not in sys.modules
    assert registry.tasks.load("mine").name == "mine"
    (trial,) = expand(Study(name="a", factors={"task": ["mine"], "model": ["lstm"], "length": [4], "seed": [1]}))
    assert trial.versions == {"task": "fake-lab==1.2.3", "model": "1"}


def test_a_plug_in_that_cannot_be_imported_names_its_owner(install: Install) -> None:
    install({"unroll.tasks": "mine = fake_lab:Mine"}, "import no_such_module\n")
    with pytest.raises(
        PlugInError, match=r'The task "mine" of fake-lab \(fake_lab:Mine\) cannot be loaded: ModuleNotFound'
    ):
        registry.tasks.load("mine")


def test_a_broken_task_is_one_problem_of_a_study_among_others(install: Install) -> None:
    install({"unroll.tasks": "mine = fake_lab:Gone"})
    factors = {"task": ["mine", "adding"], "model": ["lstm"], "length": [1], "seed": [1]}
    with pytest.raises(StudyError) as caught:
        expand(Study(name="a", factors=factors, train={"epochs": 0}))
    messages = [str(problem) for problem in caught.value.problems]
    assert len(messages) == 3
    assert "cannot be loaded: AttributeError" in messages[0]
    assert "too short" in messages[2]


def test_a_task_that_cannot_be_made_without_settings(install: Install) -> None:
    """Its settings are the problem, not the length that cannot be checked without them."""
    install({"unroll.tasks": "mine = fake_lab:Mine"}, f"{TASK}\n    period: int\n")
    with pytest.raises(StudyError) as caught:
        expand(Study(name="a", factors={"task": ["mine"], "model": ["lstm"], "length": [4], "seed": [1]}))
    assert [str(problem) for problem in caught.value.problems] == ["task.period: is required and missing"]


@pytest.mark.parametrize("source", ["class Mine: pass", "Mine = 5", "from unroll.models.lstm import LSTM as Mine"])
def test_a_plug_in_inherits_from_the_base(install: Install, source: str) -> None:
    install({"unroll.tasks": "mine = fake_lab:Mine"}, source)
    with pytest.raises(
        PlugInError, match=r'The task "mine" is .*not a class that inherits from unroll.tasks.base.Task'
    ):
        registry.tasks.load("mine")


def test_register() -> None:
    class Mine(Adding):
        name = "mine"

    class Other(LSTM):
        name = "other"

    assert unroll.register(Mine) is Mine
    assert unroll.register(Other) is Other
    assert registry.tasks.load("mine") is Mine
    ((name, (registered, version)),) = registry.tasks.registered().items()
    assert (name, registered) == ("mine", Mine)
    assert version.text == registry.tasks.version("mine")
    assert registry.models.names()[-1] == "other"

    class Better(Adding):
        name = "mine"

    unroll.register(Better)  # a notebook cell that is run again
    assert registry.tasks.load("mine") is Better
    registry.tasks.registered().clear()
    assert registry.tasks.load("mine") is Better


def test_a_taken_name_is_refused(install: Install) -> None:
    install({"unroll.tasks": "mine = fake_lab:Mine"})
    for name in ("adding", "mine"):
        with pytest.raises(PlugInError, match=f'The task name "{name}" is taken. Choose another name.'):
            registry.tasks.register(name, Adding)
    with pytest.raises(PlugInError, match="not a class that inherits"):
        registry.tasks.register("new", LSTM)
    with pytest.raises(PlugInError, match="neither a task nor a model"):
        unroll.register(int)
    assert registry.tasks.registered() == {}


def test_a_name_that_two_claim_is_nobodys(install: Install) -> None:
    """Not the built-in's either: whoever installed the other package may mean that."""
    install({"unroll.tasks": "adding = fake_lab:Mine"})
    with pytest.raises(
        PlugInError, match=r"claimed by unroll \(unroll.tasks.adding:Adding\) and fake-lab \(fake_lab:Mine"
    ):
        registry.tasks.load("adding")
    install({"unroll.tasks": "mine = fake_lab_a:Mine"}, package="fake_lab_a")
    install({"unroll.tasks": "mine = fake_lab_b:Mine"}, package="fake_lab_b")
    with pytest.raises(PlugInError, match=r"claimed by fake-lab-. \(.*\) and fake-lab-. \("):
        registry.tasks.version("mine")
    assert registry.tasks.names().count("adding") == registry.tasks.names().count("mine") == 1
    with pytest.raises(StudyError) as caught:
        expand(Study(name="a", factors={"task": ["adding", "mine"], "model": ["lstm"], "length": [4], "seed": [1]}))
    assert len(caught.value.problems) == 2
