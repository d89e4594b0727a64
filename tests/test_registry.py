"""Plug-ins are found by name wherever they come from, and their versions tell their results apart.

Faults that were planted and seen here: the base class not checked; a declared version that a subclass inherits; an
editable install named by its version number; a source hash over the file names alone; a broken task that ends the
check of a study.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import unroll
from unroll import registry
from unroll.errors import PlugInError, StudyError, UnknownNameError
from unroll.models.lstm import LSTM
from unroll.study import Study, expand
from unroll.tasks.adding import Adding

TASK = """
from unroll.tasks.adding import Adding

class Mine(Adding):
    name = "mine"
    summary = "someone else's"
"""

Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees what another installed or registered."""
    modules = set(sys.modules)
    for family in (registry.tasks, registry.models):
        monkeypatch.setattr(family, "_registered", {})
    registry._entry_points.cache_clear()
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("fake_"):
            del sys.modules[name]
    registry._entry_points.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution with one package on the path, as pip would leave it."""

    def lay_out(
        entries: dict[str, str], source: str = TASK, *, package: str = "fake_lab", editable: bool = False
    ) -> Path:
        site = tmp_path / "site"
        (site / package).mkdir(parents=True)
        (site / package / "__init__.py").write_text(dedent(source))
        info = site / f"{package}-1.2.3.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.2.3\n")
        lines = [line for group, entry in entries.items() for line in (f"[{group}]", entry)]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        if editable:
            (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        registry._entry_points.cache_clear()
        return site / package

    return lay_out


def test_unroll_brings_its_own() -> None:
    assert registry.tasks.names()[:1] == ("adding",)
    assert registry.models.names()[:3] == ("tanh_rnn", "lstm", "gru")
    assert registry.executors.names()[:2] == ("processes", "inline")
    for family in (registry.tasks, registry.models):
        for name in family.names():
            plugin = family.load(name)
            assert plugin.name == name
            assert plugin.summary
            assert all(source.startswith("@") and source.count("{") == source.count("}") for source in plugin.sources)


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.tasks.load("addng")
    assert str(caught.value) == 'Unknown task "addng". Did you mean "adding"? All tasks: unroll tasks.'
    assert registry.models.unknown("xyz") == 'Unknown model "xyz". All models: unroll models.'
    assert registry.executors.unknown("proceses").endswith(
        'Did you mean "processes"? All executors: processes, inline.'
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
    assert registry.tasks.registered() == {"mine": Mine}
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


def test_a_declared_version_is_the_version() -> None:
    assert registry.tasks.version("adding") == Adding.version

    class Heir(Adding):
        name = "heir"

    class Versioned(Adding):
        name = "versioned"
        version = "7"

    registry.tasks.register("heir", Heir)
    registry.tasks.register("versioned", Versioned)
    assert registry.tasks.version("versioned") == "7"
    assert registry.tasks.version("heir").startswith("source:")  # what it inherits is not its own


def test_an_editable_install_is_known_by_its_source(install: Install) -> None:
    folder = install({"unroll.tasks": "mine = fake_lab:Mine"}, editable=True)
    versions = [registry.tasks.version("mine")]
    (folder / "helper.py").write_text("x = 1\n")
    versions.append(registry.tasks.version("mine"))
    (folder / "helper.py").write_text("x = 2\n")
    versions.append(registry.tasks.version("mine"))
    (folder / "helper.py").rename(folder / "renamed.py")
    versions.append(registry.tasks.version("mine"))
    assert all(version.startswith("source:") for version in versions)
    assert len(set(versions)) == 4
    (folder / "notes.txt").write_text("not code")
    assert registry.tasks.version("mine") == versions[-1]


def test_a_class_of_a_script_is_known_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    versions = []
    for name, length in (("fake_a", 2), ("fake_b", 2), ("fake_c", 3)):
        method = f"\n    def check_length(self, length: int) -> None:\n        assert length > {length}\n"
        (tmp_path / f"{name}.py").write_text(TASK + method)
        registry.tasks.register("mine", importlib.import_module(name).Mine)
        versions.append(registry.tasks.version("mine"))
    assert versions[0] == versions[1] != versions[2]


def test_a_class_without_a_source_must_declare_its_version() -> None:
    scope: dict[str, type] = {"__name__": "fake_typed_in"}  # type: ignore[dict-item]
    exec(TASK, scope)
    registry.tasks.register("mine", scope["Mine"])
    with pytest.raises(PlugInError, match='Give the class a version: version = "1"'):
        registry.tasks.version("mine")
