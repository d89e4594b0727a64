"""``make dist`` builds a commit into the same bytes wherever and whenever: a source distribution, and a wheel from it.

Planted and found: no time of the commit; what is not committed taken along; a wheel without kernels; a tool with
another hash.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.install.conftest import NO_COMPILER, Checkout, copied

pytestmark = pytest.mark.install


def committed(folder: Path) -> Checkout:
    """A repository with one commit of all files here, at a time of its own, which compiles in seconds."""
    checkout = Checkout(copied(folder))
    native = checkout.folder / "src" / "unroll" / "kernels" / "native" / "CMakeLists.txt"
    native.write_text(native.read_text().replace(" -O3 ", " -O0 "))
    commit(checkout)
    return checkout


def commit(checkout: Checkout) -> None:
    who = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "--no-gpg-sign", "-m", "all"]):
        done = checkout.call("git", *command, GIT_COMMITTER_DATE="2026-01-02T03:04:05Z")
        assert done.returncode == 0, done.stderr


def dist(checkout: Checkout, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return checkout.call(*command, "make", "dist", f"PYTHON={sys.executable}", **environment)


def made(checkout: Checkout) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (checkout.folder / "dist").iterdir()}


def test_the_same_bytes_wherever_and_whenever(tmp_path: Path):
    first = committed(tmp_path / "unroll")
    done = dist(first)
    assert done.returncode == 0, done.stderr
    second = committed(tmp_path / "another place" / "of another name")
    for path in second.folder.rglob("*.py"):
        path.chmod(0o600)
    (second.folder / "src" / "unroll" / "clutter.py").write_text("not committed")
    done = dist(second, "sh", "-c", 'umask 077; exec "$@"', "sh", TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    ours = made(first)
    assert made(second) == ours
    source, wheel = sorted(ours, key=lambda name: name.endswith(".whl"))
    assert (source.endswith(".tar.gz"), len(ours)) == (True, 2)
    with zipfile.ZipFile(first.folder / "dist" / wheel) as archive:
        names = archive.namelist()
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 1, 2, 3, 4, 4)}, (
            "the commit's; even seconds"
        )
    assert any(name.startswith("unroll/kernels/_native.") for name in names)
    # Without its kernels it is refused, and so are tools that are not the locked ones.
    done = dist(first, CXX=NO_COMPILER)
    assert (done.returncode, "The wheel has no kernels" in done.stdout) == (2, True), done.stderr
    assert not (first.folder / "dist").exists()
    tools = first.folder / "build-tools.txt"
    tools.write_text(tools.read_text().replace("sha256:96984dbe", "sha256:96984dbf"))
    commit(first)
    done = dist(first)
    assert (done.returncode, "DO NOT MATCH THE HASHES" in done.stderr) == (2, True), done.stderr
