"""``make install``, on which ``make run`` stands: it makes whole what is broken, and follows what has changed.

Each test begins with an environment that works, and leaves one. Planted and found, each in the Makefile: no question to
pip; an environment that is made over the old one, not anew; the stamps judged by their times alone; names of modules
left out of the state; the compiler left out; ``build`` kept where it had no success; a link to the checkout taken for
another place.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.install.conftest import NO_COMPILER, WITHOUT_ENSUREPIP, Checkout

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def installed(checkout: Checkout) -> Checkout:
    """Installed without a compiler, at the second try: the first one found a Python without ensurepip."""
    first = checkout.make("install", python=WITHOUT_ENSUREPIP, CXX=NO_COMPILER)
    assert first.returncode != 0
    assert "ensurepip is not available" in first.stderr
    assert (checkout.folder / ".venv" / "bin" / "python").exists(), "half made"
    made(checkout)
    return checkout


def made(checkout: Checkout) -> None:
    done = checkout.make("install", CXX=NO_COMPILER)
    assert done.returncode == 0, done.stderr
    assert checkout.works()


def up_to_date(checkout: Checkout, **environment: str) -> bool:
    """Ask make whether there is something to do; it does nothing."""
    asked = checkout.make("--question", "install", **{"CXX": NO_COMPILER, **environment})
    assert asked.returncode in (0, 1), asked.stderr
    return asked.returncode == 0


def test_after_a_try_that_failed_it_installs_and_then_leaves_it(installed: Checkout):
    assert up_to_date(installed)


def test_a_python_that_is_gone(installed: Checkout):
    """As after an upgrade of the system: the old version's folder is there, and a script that names it."""
    venv = installed.folder / ".venv"
    for link in (venv / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/usr/bin/python-that-is-gone")
    for packages in list((venv / "lib").glob("python*")):
        packages.rename(packages.with_name("python3.1"))
    script = venv / "bin" / "unroll"
    script.write_text("#!/usr/bin/python-that-is-gone\n" + script.read_text().partition("\n")[2])
    assert not up_to_date(installed)
    made(installed)
    assert not (venv / "lib" / "python3.1").exists(), "made anew, not over the old one"
    assert up_to_date(installed)


def test_a_checkout_that_was_moved(installed: Checkout):
    elsewhere = installed.folder.with_name("moved")
    installed.folder.rename(elsewhere)
    installed.folder = elsewhere
    assert not installed.works(), "its scripts name the old place"
    made(installed)


def test_a_checkout_that_two_paths_lead_to(installed: Checkout, tmp_path: Path):
    """It was not moved: the shell says the path that it was asked for."""
    link = tmp_path / "link"
    link.symlink_to(installed.folder)
    assert up_to_date(Checkout(link), PWD=str(link))


def test_a_command_that_is_gone(installed: Checkout):
    (installed.folder / ".venv" / "bin" / "unroll").unlink()
    assert not up_to_date(installed)
    made(installed)


def test_a_module_that_becomes_a_package(installed: Checkout):
    module = installed.folder / "src" / "unroll" / "wording.py"
    package = module.with_suffix("")
    package.mkdir()
    module.rename(package / "__init__.py")
    assert not installed.works(), "the installation names the file that was there"
    made(installed)
    assert up_to_date(installed)


@pytest.mark.parametrize("name", ["CMakeLists.txt", "pyproject.toml", "src/unroll/kernels/native/forward.hpp"])
def test_what_the_build_reads(name: str, installed: Checkout):
    path = installed.folder / name
    before = path.stat()
    path.touch()
    assert not up_to_date(installed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert up_to_date(installed)


def test_files_that_are_no_part_of_it(installed: Checkout):
    shutil.copy(installed.folder / "README.md", installed.folder / "adding-quick.html")
    assert up_to_date(installed)


def test_the_advice_for_missing_kernels_works_in_a_checkout_and_from_a_source_folder(
    installed: Checkout, tmp_path: Path
):
    python = str(installed.folder / ".venv" / "bin" / "python")
    ask = "from unroll.kernels.pick import pick; print(pick('lstm').reason)"
    advice = installed.call(python, "-c", ask).stdout
    assert "no native kernels" in advice
    in_checkout, in_environment = commands(advice)
    assert not up_to_date(installed, CXX="c++"), "a compiler has come"
    # Their speed is not at stake: half a minute of compiling instead of two.
    native = installed.folder / "src" / "unroll" / "kernels" / "native" / "CMakeLists.txt"
    native.write_text(native.read_text().replace(" -O3 ", " -O0 "))
    done = installed.make(*in_checkout[1:], CXX="c++")
    assert done.returncode == 0, done.stderr
    assert "instruction set" in installed.call(python, "-c", ask).stdout
    assert up_to_date(installed), "that the compiler is gone again matters no more"
    # Another environment, into which somebody installed the same source without a compiler.
    other = Checkout(installed.folder)
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--config-settings", "wheel.cmake=false", "."]
    assert other.call(*pip).returncode == 0
    assert "no native kernels" in other.call(python, "-c", ask).stdout
    assert in_environment[0] == "pip"
    done = other.call(python, "-m", *in_environment, CXX="c++")
    assert done.returncode == 0, done.stderr
    assert "instruction set" in other.call(python, "-c", ask).stdout


def commands(advice: str) -> tuple[list[str], list[str]]:
    """The two commands that the message for missing kernels names."""
    first, _, second = advice.partition("make install")
    assert first
    return ["make", "install"], second.partition("environment of your own: ")[2].split()
