"""A checkout of its own, with what installing into it needs and no minute more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NO_COMPILER = "/bin/false"

# A `python` for make that fills each environment it makes with a view of ours: torch is there, and nothing is fetched.
SHARING = """\
#!/bin/sh
'{python}' "$@" || exit
case "$2" in
    venv) for site in .venv/lib/python*/site-packages; do echo '{packages}' > "$site/ours.pth"; done ;;
esac
"""
# Debian's, without the package python3-venv: the environment is half made.
WITHOUT_ENSUREPIP = """\
#!/bin/sh
case "$2" in
    venv) '{python}' -m venv --without-pip .venv; echo "ensurepip is not available" >&2; exit 1 ;;
esac
exec '{python}' "$@"
"""


@dataclass
class Checkout:
    """A copy of this repository's files, and make in it."""

    folder: Path

    def make(self, *arguments: str, python: str = SHARING, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call ``make ARGUMENTS`` with a Python written as this script."""
        script = self.folder / "python"
        packages = Path(next(path for path in sys.path if path.endswith("site-packages")))
        script.write_text(python.format(python=sys.executable, packages=packages))
        script.chmod(0o755)
        return self.call("make", *arguments, "PYTHON=./python", **environment)

    def call(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command here."""
        around = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "CXX")}
        if shutil.which("cmake"):
            around["PIP_NO_BUILD_ISOLATION"] = "0"  # pip reads it as "no isolation": seconds less each time
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=600,
                              env={**around, **environment})  # fmt: skip

    def works(self) -> bool:
        """Say whether the installed command runs."""
        return self.call(".venv/bin/unroll", "studies").returncode == 0


def copied(folder: Path) -> Path:
    """Copy what belongs to the repository, and nothing that was made in it."""
    made = (".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis", "node_modules", "results.db*")
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*made), symlinks=True)
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A fresh checkout, in a folder whose name has a space."""
    return Checkout(copied(tmp_path_factory.mktemp("check out") / "unroll"))
