"""The versions of plug-ins tell their results apart.

Faults that were planted and seen here: the version looked up anew each time; the class hashed and not its file; imports
inside of functions, or of what is imported, not followed; a commit or a folder that counts for nothing; a declared
version that a subclass inherits; an editable install named by its version number; a source hash over the file names
alone; imports by text, and of what lies on another path, not followed; of a class that was typed in the file of its
base hashed, or that of a tool that ran it; what a function gives a class, the versions of its bases, and an editable
install's hook not looked at; files that are no modules hashed; a file that may not be read.
"""

import importlib
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry.conftest import TASK, Install
from unroll import registry
from unroll.errors import PlugInError
from unroll.study import Study, expand
from unroll.tasks.adding import Adding


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
    versions = [loaded_anew()]
    (folder / "helper.py").write_text("x = 1\n")
    versions.append(loaded_anew())
    (folder / "helper.py").write_text("x = 2\n")
    versions.append(loaded_anew())
    (folder / "helper.py").rename(folder / "renamed.py")
    versions.append(loaded_anew())
    assert all(version.startswith("source:") for version in versions)
    assert len(set(versions)) == 4
    (folder / "notes.txt").write_text("not code")
    assert registry.tasks.version("mine") == versions[-1]


@pytest.mark.parametrize("change", ["a constant", "a base", "a helper"])
def test_an_editable_install_that_was_edited_after_it_was_loaded_is_refused(install: Install, change: str) -> None:
    """The code in memory is the old one, and the disk holds the new one."""
    folder = install({"unroll.tasks": "mine = fake_lab:Mine"}, editable=True)
    factors = {"task": ["mine"], "model": ["lstm"], "length": [4], "seed": [1]}
    asked = Study(name="a", factors=factors)
    before = expand(asked)[0].versions["task"]
    (folder / "helper.py" if change == "a helper" else folder / "__init__.py").write_text(f"{TASK}\n# {change}\n")
    for _ in range(2):
        with pytest.raises(
            PlugInError, match=r'The task "mine" has changed on disk since it was loaded \(.*fake_lab\)'
        ):
            expand(asked)
    assert loaded_anew() != before
    assert expand(asked)[0].versions["task"] != before


def test_an_editable_install_that_was_edited_before_unroll_saw_it_is_refused(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install({"unroll.tasks": "mine = fake_lab:Mine"}, f"{TASK}\nfrom fake_lab import network\n", editable=True)
    (folder / "network.py").write_text("SCALE = 1\n")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    importlib.import_module("fake_lab")
    (folder / "network.py").write_text("SCALE = 100\n")
    with pytest.raises(PlugInError, match=r'"mine" has no version: .*network.py was edited after it was imported'):
        registry.tasks.version("mine")
    assert loaded_anew().startswith("source:")


def loaded_anew() -> str:
    """Return the version of the task "mine" as a new process would find it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "fake_lab"]:
        del sys.modules[name]
    registry.tasks._versions.clear()
    importlib.invalidate_caches()
    return registry.tasks.version("mine")


@pytest.mark.parametrize(
    ("origin", "kind"),
    [
        ({"url": "https://example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}, "commit"),
        ({"url": "file:///somewhere/x", "dir_info": {}}, "source"),
        ({"url": "file:///x.whl", "archive_info": {"hash": "sha256=1"}}, "source"),
        ("not JSON", "source"),
        ("[]", "source"),
    ],
)
def test_an_install_that_is_not_from_an_index_has_its_commit_or_a_hash_beside_its_version(
    install: Install, origin: object, kind: str
) -> None:
    folder = install({"unroll.tasks": "mine = fake_lab:Mine"}, origin=origin)
    version = registry.tasks.version("mine")
    if kind == "commit":
        assert version == "fake-lab==1.2.3@abc123"
        return
    assert version.startswith("fake-lab==1.2.3@source:")
    (folder / "helper.py").write_text("x = 1\n")
    other = loaded_anew()
    assert other.startswith("fake-lab==1.2.3@source:")
    assert other != version


def test_a_class_of_a_script_is_known_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    versions = []
    for name, length in (("fake_a", 2), ("fake_b", 2), ("fake_c", 3)):
        (tmp_path / f"{name}.py").write_text(TASK + METHOD.format(length))
        registry.tasks.register("mine", importlib.import_module(name).Mine)
        versions.append(registry.tasks.version("mine"))
    assert versions[0] == versions[1] != versions[2]


def executed(text: str, module: str, file: str = "<string>") -> type:
    """Return the class Mine of a text that is run as a module's, as tools such as cProfile do."""
    scope: dict[str, type] = {"__name__": module}  # type: ignore[dict-item]
    exec(compile(text, file, "exec"), scope)
    return scope["Mine"]


METHOD = "    def check_length(self, length: int) -> None:\n        assert length > {}\n"


@pytest.mark.parametrize("text", [TASK + METHOD.format(2), TASK.replace("unroll.tasks.adding", "fake_base")])
@pytest.mark.parametrize("module", ["fake_typed_in", "fake_tool", "__main__"])
def test_a_class_without_a_source_must_declare_its_version(
    text: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever its base is, and whatever file its module has."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fake_base.py").write_text("from unroll.tasks.adding import Adding\n")
    (tmp_path / "fake_tool.py").write_text("")
    importlib.import_module("fake_tool")
    if module == "fake_tool" and METHOD.format(2) not in text:
        text += METHOD.format(3)
    registry.tasks.register("mine", executed(text, module))
    with pytest.raises(PlugInError, match=r'(from no file|typed in).* Give the class a version: version = "1"'):
        registry.tasks.version("mine")


def test_a_script_that_a_tool_runs_is_known_by_its_own_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``python -m cProfile``: its class is of ``__main__``, which is the tool's."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fake_tool.py").write_text("")
    importlib.import_module("fake_tool")
    script, versions = tmp_path / "script.py", []
    for length in (2, 3):
        script.write_text(TASK + METHOD.format(length))
        registry.tasks.register("mine", executed(script.read_text(), "fake_tool", str(script)))
        versions.append(registry.tasks.version("mine"))
    assert versions[0] != versions[1]


def test_a_class_that_a_function_makes_of_what_it_is_given_must_declare_its_version() -> None:
    def made(least: int) -> type:
        class Mine(Adding):
            name = "mine"

            def check_length(self, length: int) -> None:
                super().check_length(length)
                assert length > least

        return Mine

    registry.tasks.register("mine", made(2))
    with pytest.raises(
        PlugInError, match=r"Mine uses least of the function that makes it, .* Give the class a version"
    ):
        registry.tasks.version("mine")


def test_the_versions_of_its_bases_are_in_the_version_of_a_class(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install({"unroll.tasks": "other = fake_lab:Mine"})
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fake_heir.py").write_text(
        TASK.replace("unroll.tasks.adding import Adding", "fake_lab import Mine as Adding")
    )

    def version() -> str:
        registry.tasks._versions.clear()
        registry.tasks.register("mine", importlib.import_module("fake_heir").Mine)
        return registry.tasks.version("mine")

    (metadata,) = folder.parent.glob("*.dist-info/METADATA")
    (metadata.parent / "top_level.txt").write_text("fake_lab\n")
    versions = [version()]
    monkeypatch.setattr(Adding, "version", "2")
    versions.append(version())
    metadata.write_text(metadata.read_text().replace("1.2.3", "1.2.4"))
    versions.append(version())
    assert len(set(versions)) == 3
    assert {text.partition("+")[0] for text in versions} == {versions[0].partition("+")[0]}


def test_what_is_no_module_is_not_in_a_package_s_version(install: Install) -> None:
    """An editor's lock, a notebook's copy, a link to nothing: they come and go while Python runs."""
    folder = install({"unroll.tasks": "mine = fake_lab:Mine"}, editable=True)
    before = registry.tasks.version("mine")
    (folder / ".#__init__.py").symlink_to("me@host.1234")
    (folder / "broken.py").symlink_to("nowhere")
    (folder / "folder.py").mkdir()
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "__init__-checkpoint.py").write_text("SCALE = 1\n")
    assert registry.tasks.version("mine") == before == loaded_anew()


def test_a_module_that_can_no_longer_be_read_has_changed(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install({"unroll.tasks": "mine = fake_lab:Mine"}, editable=True)
    registry.tasks.version("mine")

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(PlugInError, match=r"has changed on disk since it was loaded"):
        registry.tasks.version("mine")


def test_an_editable_install_s_hook_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Namespaces of editable installs name one beside their folders."""
    (tmp_path / "fake_space").mkdir()
    (tmp_path / "fake_space" / "mine.py").write_text(TASK)
    monkeypatch.syspath_prepend(tmp_path)
    space = importlib.import_module("fake_space")
    monkeypatch.setattr(space, "__path__", [*space.__path__, "__editable__.lab-1.0.finder.__path_hook__"])
    registry.tasks.register("mine", importlib.import_module("fake_space.mine").Mine)
    assert registry.tasks.version("mine").startswith("source:")


LOCAL = {
    "fake_script.py": """
import importlib
import fake_base
from fake_base import Base

SCALE = 1

class Network:
    scale = 1

class Mine(Base):
    name = "mine"
    summary = "someone else's"
    def build(self):
        from fake_network import Deep
        return importlib.import_module("fake_text").wider(Deep)
""",
    "fake_base.py": "from unroll.tasks.adding import Adding\nclass Base(Adding):\n    pass\n",
    "fake_network.py": "import fake_parts.part\nclass Deep: pass\n",
    "fake_parts/__init__.py": "",
    "fake_parts/part.py": "import fake_far\n",
    "fake_text.py": "wider = list\n",
    "elsewhere/fake_far/__init__.py": "SCALE = 1\n",
    "fake_unused.py": "SCALE = 1\n",
}


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_a_script_s_class_can_reach_is_in_its_version(data: st.DataObject) -> None:
    """The whole of its file and, transitively, of what is imported anywhere and not installed; and nothing else."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(folder) / "elsewhere")
        patch.syspath_prepend(folder)

        def version() -> str:
            for name in [name for name in sys.modules if name.startswith("fake_")]:
                del sys.modules[name]
            importlib.invalidate_caches()
            registry.tasks.register("mine", importlib.import_module("fake_script").Mine)
            return registry.tasks.version("mine")

        for name, text in LOCAL.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        before = version()
        assert before == version()
        changed = data.draw(st.sampled_from([*LOCAL]))
        lines = LOCAL[changed].splitlines(keepends=True)
        place = data.draw(st.integers(0, len(lines)))
        while lines[place:] and lines[place].startswith(" "):
            place += 1
        lines.insert(place, data.draw(st.sampled_from(["FURTHER = 5\n", "# a remark\n", "\n"])))
        (Path(folder) / changed).write_text("".join(lines))
        with pytest.raises(PlugInError, match="has changed on disk") if changed != "fake_unused.py" else nullcontext():
            registry.tasks.version("mine")
        assert (version() == before) == (changed == "fake_unused.py")
