"""A source distribution holds the repository and nothing that lies about in it.

Planted and found: patterns that match at any depth; an inclusion, which takes what git ignores as well; assets that git
ignores but for an exception left out.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.install.conftest import ROOT, Checkout

pytestmark = pytest.mark.install

CLUTTER = (
    *(".venv/lib/python3.11/site-packages/torch/README.md", ".venv/src/x.py", "build/cp311/docs/index.md"),
    *(
        "dist/unroll_lab-0.1.0.tar.gz",
        "results.db",
        "results.db-wal",
        "adding-quick.html",
        "mine.toml",
        "notes/README.md",
    ),
    *(
        "src/unroll/__pycache__/api.cpython-311.pyc",
        "src/unroll/kernels/_native.so",
        "tests/browser/node_modules/a/b.md",
    ),
    *(".mypy_cache/3.11/src.json", ".hypothesis/examples/a", "tests/results.db", "benchmarks/results/a.json"),
)


def contents(folder: Path) -> set[str]:
    build = "import scikit_build_core.build as build; print(build.build_sdist('made'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with tarfile.open(folder / "made" / done.stdout.split()[-1]) as archive:
        return {member.name.partition("/")[2] for member in archive}


def test_it_holds_what_a_clean_checkout_holds(checkout: Checkout):
    clean = contents(checkout.folder)
    for name in CLUTTER:
        path = checkout.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("clutter")
    assert contents(checkout.folder) == clean
    source = {path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".hpp")}
    assert source <= clean
    for name in ("Makefile", "CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE", "tests/assets/store_v1.db"):
        assert name in clean


def test_git_ignores_what_a_run_leaves():
    ignored = subprocess.run(["git", "check-ignore", "adding-quick.html", "results.db", ".venv/x"], cwd=ROOT,
                             capture_output=True, text=True, check=False)  # fmt: skip
    if ignored.returncode == 128:
        pytest.skip("no repository here")
    assert ignored.stdout.split() == ["adding-quick.html", "results.db", ".venv/x"]
    page = ["git", "check-ignore", "-q", "docs/page.html"]
    assert subprocess.run(page, cwd=ROOT, check=False).returncode == 1, "only beside the Makefile"
