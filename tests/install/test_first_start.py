"""A first start that is killed at any moment leaves nothing that the next one stumbles over.

First: neither our byte code nor matplotlib's list of fonts is there yet, and the home is empty. The moments are drawn
at random, and printed. Planted and found: a cache in the home that is written under its own name and read as it is; a
lock file there that is waited for.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.fuzz import prepare
from tests.install.conftest import ROOT

pytestmark = pytest.mark.install

KILLS = 12
# The command of another copy of the package than the one that is installed, so that its byte code is its own.
COMMAND = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
sys.path.insert(0, sys.argv.pop(1))
from unroll.cli.main import main
main()
"""
FIGURE = ["plot", "sums.toml", "learning", "--out", "out.svg", "--store", "sealed.db"]
PICKED = ["--model", "gru", "--prompt", "1,3,5,7,9,11"]
MODEL = ["generate", "--study", "numbers.toml", *PICKED, "--store", "sealed.db"]


class Beginner:
    """Someone with a new installation and an empty home."""

    def __init__(self, folder: Path):
        self.folder, self.home, self.site = folder, folder / "home", folder / "site"
        shutil.copytree(ROOT / "src" / "unroll", self.site / "unroll", ignore=shutil.ignore_patterns("__pycache__"))
        from unroll.kernels import _native

        shutil.copy(_native.__file__, self.site / "unroll" / "kernels")
        self.forget()

    def forget(self) -> None:
        """Make the next start a first one."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        for cache in list(self.site.rglob("__pycache__")):
            shutil.rmtree(cache)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        hidden = ("HOME", "MPLCONFIGDIR", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
        around = {name: value for name, value in os.environ.items() if name not in hidden and "XDG" not in name}
        command = [sys.executable, "-c", COMMAND, str(self.site), *arguments]
        return subprocess.Popen(command, cwd=self.folder, env={**around, "HOME": str(self.home)}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)  # fmt: skip

    def whole(self, *arguments: str) -> tuple[str, bytes]:
        """Start and wait for the end: what was printed, and the figure."""
        figure = self.folder / "out.svg"
        figure.unlink(missing_ok=True)
        out, err = (process := self.start(*arguments)).communicate(timeout=120)
        assert process.returncode == 0, err
        return out, figure.read_bytes() if figure.exists() else b""


@pytest.fixture(scope="module")
def beginner(tmp_path_factory: pytest.TempPathFactory) -> Beginner:
    folder = tmp_path_factory.mktemp("beginner")
    prepare(folder)
    return Beginner(folder)


def test_the_start_after_a_killed_one(beginner: Beginner):
    chance = random.Random(seed := random.SystemRandom().randrange(2**32))
    print(f"seed {seed}")
    right, lasted = {}, {}
    for name, command in (("figure", FIGURE), ("model", MODEL)):
        beginner.forget()
        began = time.monotonic()
        right[name], lasted[name] = beginner.whole(*command), time.monotonic() - began
    assert right["figure"][1].startswith(b"<?xml")
    killed = 0
    for kill in range(KILLS):
        name, command = (("figure", FIGURE), ("model", MODEL))[kill % 2]
        beginner.forget()
        process = beginner.start(*command)
        time.sleep(chance.uniform(0, lasted[name]))
        if process.poll() is None:
            killed += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert beginner.whole(*command) == right[name], f"seed {seed}, kill {kill}"
    assert killed > KILLS // 2
    ours = [path for path in beginner.home.rglob("*") if path.is_file() and "matplotlib" not in str(path)]
    assert not ours, "unroll keeps nothing in a home"


def test_what_a_kill_leaves_of_the_list_of_fonts(beginner: Beginner):
    """Half of the list, and matplotlib's lock on it, which it does not wait for more than five seconds."""
    beginner.forget()
    right = beginner.whole(*FIGURE)
    (fonts,) = beginner.home.rglob("fontlist*.json")
    fonts.write_text(fonts.read_text()[:1000])
    lock = fonts.with_name(fonts.name + ".matplotlib-lock")
    lock.touch()
    _, err = (process := beginner.start(*FIGURE)).communicate(timeout=120)
    assert process.returncode == 0
    assert str(lock) in err
    lock.unlink()
    assert beginner.whole(*FIGURE) == right
    json.loads(fonts.read_text())
