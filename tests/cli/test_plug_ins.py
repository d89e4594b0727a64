"""Commands that look at plug-ins, where a third party's are broken, incomplete or odd.

Faults planted here, each seen to be found: one broken plug-in that ends a command; a required setting or a default that
a factory makes shown as an object of pydantic's, or ending the JSON; a name that a built-in has too passed over; what a
plug-in raises when a study is checked ending the check.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from unroll import registry

SOURCE = """
from enum import Enum
from typing import Any
from pydantic import Field
from unroll.models.lstm import LSTM
from unroll.tasks.adding import Adding

class Kind(Enum):
    one = "one"

class Mine(Adding):
    name = "mine"
    summary = "in [low, high], of [/etc/thing]"
    period: int
    pairs: tuple[int, ...] = Field(default_factory=lambda: (3, 4))
    of: list[int] = Field(default_factory=lambda data: [data["pairs"][0]])
    kind: Kind = Kind.one
    limit: float = float("inf")
    path: Any = object

class Bare(Adding):
    name = "bare"
    summary = property(lambda self: 1)
    sources = 5

class Bad(LSTM):
    name = "bad"
    sources = None
    cell = 5
    tags = 7

class Late(Adding):
    name = "late"
    def check_length(self, length):
        raise TypeError("no length")

class Torn(LSTM):
    name = "torn"
    def check_task(self, task):
        {}["torn"]

class Lame(LSTM):
    name = "lame"
    def count(self, hidden, inputs, outputs):
        raise RuntimeError("lame")

Gone = 5
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    site = tmp_path / "site"
    (site / "fake_odd").mkdir(parents=True)
    (site / "fake_odd" / "__init__.py").write_text(SOURCE)
    info = site / "fake_odd-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-odd\nVersion: 1\n")
    own = ("Mine", "Bare", "Late", "Gone"), ("Bad", "Torn", "Lame")
    tasks, models = ("".join(f"{name.lower()} = fake_odd:{name}\n" for name in names) for names in own)
    lost = "lost = no_such_module:X\n"
    (info / "entry_points.txt").write_text(
        f"[unroll.tasks]\n{tasks}{lost}sine = fake_odd:Mine\n[unroll.models]\n{models}{lost}"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    registry._entry_points.cache_clear()
    yield
    registry._entry_points.cache_clear()


def test_tasks_and_models_are_listed_around_those_that_are_broken(unroll):
    tasks = {one["name"]: one for one in json.loads(unroll("tasks", "--json").out)}
    assert tasks["adding"]["error"] is None
    mine = tasks["mine"]
    assert mine["error"] is None
    assert mine["required"] == ["period"]
    shown = {"period": None, "pairs": [3, 4], "of": [3], "kind": "one", "limit": None}
    assert mine["settings"] | shown == mine["settings"], "as JSON"
    assert mine["version"] == "fake-odd==1"
    assert "not a class that inherits" in tasks["gone"]["error"]
    assert "cannot be loaded: ModuleNotFoundError" in tasks["lost"]["error"]
    assert "claimed by unroll (unroll.tasks.sine:Sine) and fake-odd (fake_odd:Mine)" in tasks["sine"]["error"]
    text = unroll("tasks")
    assert text.code == 0
    for part in ("period (required)", "pairs = [3, 4]", "in [low, high], of [/etc/thing]", "two marked"):
        assert part in text.out
    models = {one["name"]: one for one in json.loads(unroll("models", "--json").out)}
    assert models["gru"]["error"] is None
    assert models["bad"]["error"].startswith("It is broken: TypeError: 'int' object is not iterable")
    assert "hidden" in models["bad"]["settings"], "what came before it broke"


def test_cite_and_doctor_go_on(unroll):
    cited = unroll("cite")
    assert cited.code == 0
    assert "hochreiter1997long" in cited.out
    for name in ('task "gone"', 'task "bare"', 'model "bad"', 'model "lost"'):
        assert f"The {name} is left out." in cited.err
    assert json.loads(unroll("cite", "--json").out)
    found = json.loads(unroll("doctor", "--json").out)
    assert found["backends"]["gru"].startswith(("native", "reference"))
    assert "cannot be loaded" in found["backends"]["lost"]
    assert set(found["broken tasks"]) == {"gone", "lost", "sine"}
    assert unroll("doctor").code == 0
    assert unroll("studies").code == 0


def test_brackets_of_a_trial_are_shown(unroll):
    text = Path(__file__).with_name("conftest.py").read_text().split('STUDY = """')[1].split('"""')[0]
    Path("small.toml").write_text(text)
    assert unroll("run", "small.toml", "--executor", "inline").code == 0
    key = json.loads(unroll("export", "small.toml", "--format", "json").out)[0]["key"]
    shown = unroll("show", key).out
    assert all(label in shown for label in ("[task]", "[model]", "[train]"))


def test_what_raises_anything_is_a_fault_of_the_study_with_its_line(unroll):
    Path("torn.toml").write_text(
        """name = "torn"
[factors]
task = ["adding", "late"]
model = ["gru", "torn", "lame"]
length = [3]
seed = [1]
"""
    )
    done = unroll("check", "torn.toml")
    assert done.code == 2
    for line, fault in (
        (3, 'The task "late" fails when it is asked: TypeError: no length.'),
        (4, """The model "torn" fails when it is asked: KeyError: 'torn'."""),
        (4, 'The model "lame" fails when it is asked: RuntimeError: lame.'),
    ):
        assert any(f"line {line}: " in said and fault in said for said in done.err.splitlines()), done.err
