"""``unroll tasks NAME``: what a task says of itself, without torch.

Planted and found: a definition whose drawing is one line; a sequence that does not change with the seed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Done
from unroll import registry
from unroll.tasks.given import Given

DRAWN = [name for name in registry.tasks.own() if not issubclass(registry.tasks.load(name), Given)]


@pytest.mark.parametrize("name", DRAWN)
def test_each_task_shows_itself(name: str, unroll: Callable[..., Done]) -> None:
    done = unroll("tasks", name)
    assert done.code == 0
    form = registry.tasks.load(name)
    assert form.summary in done.out
    assert "A sequence, T = " in done.out
    assert "baseline" in done.out
    for markup in ("``", ".. math", ":math:", "::\n", "**"):
        assert markup not in done.out
    for text in form.pitfalls:
        assert text.split()[0] in done.out


def test_the_drawing_stands_as_it_was_drawn(unroll: Callable[..., Done]) -> None:
    out = unroll("tasks", "copy").out
    assert "\n  x  3 7 1 . . . . . # . . .        M = 3 items, T = 6; . blank, # cue\n  y  . . ." in out
    assert "\n  s4: T blanks, M cues, and only the answers are scored\n" in out
    assert "Arjovsky, Shah and Bengio (2016). Unitary Evolution Recurrent Neural Networks" in out


def test_settings_length_and_seed(unroll: Callable[..., Done]) -> None:
    ask = ("tasks", "copy", "--set", "items=3", "--length", "5", "--json")
    one, again, other = (json.loads(unroll(*ask, *seed).out) for seed in ((), ("--seed", "1"), ("--seed", "2")))
    assert one == again
    assert one["example"]["inputs"] != other["example"]["inputs"]
    assert len(one["example"]["inputs"]["x"]) == 11
    assert one["example"]["asked"]["y"] == [False] * 8 + [True] * 3
    assert one["facts"]["baseline"].startswith("0.567")  # 3 ln 8 / 11


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("copy", "--set", "items=0"), "items"),
        (("copy", "--set", "item=5"), "unknown key"),
        (("copy", "--set", "items"), "is not NAME=VALUE"),
        (("narma", "--length", "3"), "3 is too short"),
        (("copi",), 'Did you mean "copy"'),
        (("--length", "3"), "of one task"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], told: str, unroll: Callable[..., Done]) -> None:
    done = unroll("tasks", *arguments)
    assert done.code != 0
    assert told in done.err


def test_a_file_is_asked_for_and_then_shown(tmp_path: Path, unroll: Callable[..., Done]) -> None:
    out = unroll("tasks", "text").out
    assert "unroll tasks text --set file=..." in out
    file = tmp_path / "words.txt"
    file.write_text("a b.\n" * 100)
    shown = json.loads(unroll("tasks", "text", "--set", f"file={file}", "--length", "5", "--json").out)["example"]
    x, y = shown["inputs"]["x"], shown["targets"]["y"]
    assert set(x) == set("ab.␣⏎")
    assert x[1:] == y[:-1]


def test_torch_is_not_imported() -> None:
    program = "import sys\nfrom unroll.cli.main import main\nmain()\nsys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, "tasks", "copy"], capture_output=True, check=False)
    assert done.returncode == 0
