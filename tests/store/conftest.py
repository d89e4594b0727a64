import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unroll.store import Store
from unroll.testing.stores import finish, planned_study, planned_trial

Spawn = Callable[..., "subprocess.Popen[str]"]

PRELUDE = """
import os, resource, signal, sys, time
from pathlib import Path
from unroll.store import State, Store
from unroll.testing.stores import finish, planned_study, planned_trial
path = Path(sys.argv[1])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a Python process on a store; it is killed at the end of the test if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, program: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-W", "error", "-c", PRELUDE + program, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def finished(path: Path) -> Path:
    """A closed store with one finished trial (seed 0) and one waiting (seed 1)."""
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", (planned_trial(0), planned_trial(1))))
        store.claim(planned_trial(0).key)
        finish(store, planned_trial(0).key)
    return path
