import os
import subprocess
import sys
import textwrap
import time
import uuid

import psutil
import pytest

from tests.executors.dask_cluster import Forge
from tests.executors.slurm_node import slurm, slurm_node  # noqa: F401 - fixtures
from unroll.testing.executors import PATIENCE

MARK = "UNROLL_TEST_COORDINATOR"


class Coordinator:
    """A script that is run as a program; what it starts carries the same mark in its environment."""

    def __init__(self, path, script, *arguments):
        self.mark = uuid.uuid4().hex
        path.write_text(textwrap.dedent(script))
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", str(path), *map(str, arguments)],
            env={**os.environ, MARK: self.mark, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def line(self):
        return self.process.stdout.readline().strip()

    def finish(self, timeout=PATIENCE):
        """Wait for the end; return exit code, output and error stream."""
        output, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, output, errors

    def family(self):
        """Process ids of all that carry the mark, zombies left out."""
        found = set()
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process.pid)
            except psutil.Error:
                continue
        return found

    def kill(self):
        self.process.kill()
        self.process.wait()

    def seconds_until_gone(self, besides=frozenset(), limit=PATIENCE):
        start = time.monotonic()
        while time.monotonic() - start < limit:
            if not self.family() - besides:
                return time.monotonic() - start
            time.sleep(0.02)
        return float("inf")

    def clean_up(self):
        for pid in self.family():
            psutil.Process(pid).kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def coordinator(tmp_path):
    """Start scripts as coordinators, and leave none behind."""
    started = []

    def start(script, *arguments):
        started.append(Coordinator(tmp_path / "script.py", script, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.clean_up()


@pytest.fixture(scope="session")
def forge():
    """Where Dask's schedulers and workers come from."""
    forge = Forge()
    yield forge
    forge.close()
