"""Plug-ins without a version, run as people run them: a result belongs to the code that made it.

Faults that were planted and seen here: the class hashed and not its network; the disk hashed and not what was loaded; a
worker that trains without comparing; a class of a notebook's cell taken without a version.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running.conftest import worked
from unroll import Study, expand, registry
from unroll.errors import PlugInError
from unroll.running import Observer, Outlook, execute
from unroll.running.calibration import Calibration
from unroll.running.messages import Order
from unroll.running.run import _Run
from unroll.store import Store
from unroll.tasks import Criterion
from unroll.tasks.adding import Adding
from unroll.tasks.copy import Copy

DOCS = Path(__file__).parents[2] / "docs" / "plug-ins.md"

STUDY = """
from pathlib import Path
study = unroll.Study(
    name="mine", factors={"task": ["adding"], "model": ["summing"], "length": [5], "seed": [1, 2]},
    task={"train": 64, "test": 32}, train={"epochs": 1},
)
if __name__ == "__main__":
    """


def model() -> str:
    """The model of the docs, without its version."""
    text = next(text for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "Summing" in text)
    assert 'version = "1"' in text
    return re.sub(r"    version = .*\n", "", text)


def python(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, input=stdin, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def run(folder: Path, text: str, *, executor: str = "inline") -> subprocess.CompletedProcess[str]:
    """Run the study of a script; print its losses."""
    options = f"executor={executor!r}, workers=1, progress=False"
    (folder / "mine.py").write_text(
        f"{text}{STUDY}print(list(unroll.run(study, 'mine.db', {options}).trials().test_mse))\n"
    )
    return python(folder, "mine.py")


def test_the_docs_example_with_another_network_is_trained_anew(tmp_path: Path) -> None:
    done = run(tmp_path, model())
    hundredfold = model().replace("return self.readout(x.sum", "return 100 * self.readout(x.sum")
    again = run(tmp_path, hundredfold, executor="processes")
    assert done.returncode == again.returncode == 0, done.stderr + again.stderr
    assert done.stdout != again.stdout
    with Store.open(tmp_path / "mine.db") as store:
        assert [str(trial.state) for trial in store.trials()] == ["complete"] * 4


EDIT = "Path('parts.py').write_text(Path('parts.py').read_text().replace('x.sum', '100 * x.sum'))\n    "


def test_code_that_was_edited_while_it_is_loaded_is_not_run_under_the_new_code_s_key(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text(model())
    (tmp_path / "mine.py").write_text(f"import parts, unroll{STUDY}{EDIT}unroll.run(study, 'mine.db')\n")
    done = python(tmp_path, "mine.py")
    assert done.returncode == 1
    assert 'PlugInError: The model "summing" has changed on disk since it was loaded' in done.stderr
    assert not (tmp_path / "mine.db").exists()


class Unsendable:
    """What no pickle may hold: something that is open, a connection, a lock."""

    def __reduce__(self) -> str:
        raise TypeError("this stays here")


def test_what_surrounds_a_class_stays_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in that a function defines goes to a worker without the function's other names."""
    surrounding = Unsendable()

    class Within(Adding):
        summary = "An adding problem that a function defines."
        version = "1"

    monkeypatch.setattr(registry.tasks, "_registered", {})
    registry.tasks.register("within", Within)
    factors = {"task": ["within"], "model": ["gru"], "length": [5], "seed": [1]}
    asked = Study(name="mine", factors=factors, task={"train": 64, "test": 32}, train={"epochs": 1})
    assert execute(asked, tmp_path / "mine.db", executor="processes", workers=1).complete == 1
    assert surrounding


def test_workers_compare_before_they_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file changes after the study was planned: the worker imports what the key does not mean."""

    class Edits(Observer):
        def begin(self, outlook: Outlook) -> None:
            path.write_text(path.read_text().replace("x.sum", "100 * x.sum"))

    path = tmp_path / "fake_parts_of_mine.py"
    path.write_text(model())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry.models, "_registered", {})
    importlib.import_module(path.stem)
    factors = {"task": ["adding"], "model": ["summing"], "length": [5], "seed": [1, 2]}
    asked = Study(name="mine", factors=factors, task={"train": 64, "test": 32}, train={"epochs": 1})
    monkeypatch.setattr(_Run, "_calibrate", lambda self, missing: Calibration())  # which would load the old code
    summary = execute(asked, tmp_path / "mine.db", workers=1, observer=Edits())
    assert (summary.complete, summary.failed) == (0, 2)
    with Store.open(tmp_path / "mine.db") as store:
        (message,) = {(trial.error or {})["message"] for trial in store.trials()}
    assert 'The model "summing" has changed since the run was planned: source:' in message


@pytest.mark.parametrize("part", ["task", "model", "parting"])
def test_a_worker_of_another_version_refuses(part: str) -> None:
    factors = {"task": ["odd_numbers"], "model": ["gru"], "length": [5], "seed": [1]}
    (trial,) = expand(Study(name="a", factors=factors))
    outcome = worked(Order(trial.replace(versions={**trial.versions, part: "0"})))
    assert outcome.error is not None
    assert outcome.error["type"] == "PlugInError"
    assert f"The {part}" in outcome.error["message"]
    assert f"0 then, {trial.versions[part]} in the worker now" in outcome.error["message"]


def test_a_class_of_a_notebook_s_cell_needs_a_version(tmp_path: Path) -> None:
    """Typed in, ``__main__`` has no file; with a version it runs, in workers too."""
    end = "print(unroll.expand(study)[0].versions['model'])\n"
    done = python(tmp_path, "-", stdin=f"{model()}{STUDY}{end}")
    assert done.returncode == 1
    assert 'PlugInError: The model "summing" has no version: Summing was typed in, so no hash can tell' in done.stderr
    assert 'Give the class a version: version = "1"' in done.stderr
    versioned = model().replace("    summary =", '    version = "7"\n    summary =')
    done = python(tmp_path, "-", stdin=f"{versioned}{STUDY}{end}")
    assert done.stdout == "7\n", done.stderr


def test_a_criterion_that_nothing_measures_is_said_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Copy, "solved", property(lambda task: Criterion("test_acuracy", above=0.99)))
    asked = Study(name="mine", factors={"task": ["copy"], "model": ["gru"], "length": [2], "seed": [1]})
    said = (
        "is solved by test_acuracy, which nothing measures. Its objective cross_entropy gives test_nats, test_accuracy"
    )
    with pytest.raises(PlugInError, match=said):
        execute(asked, tmp_path / "mine.db", executor="inline")
