"""A Dask cluster of this machine for tests: programs of their own, which can be killed one by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from unroll.testing.executors import PATIENCE


class Cluster:
    """A scheduler and its workers, programs of their own that speak over loopback alone."""

    def __init__(self, folder: Path, workers: int, ttl: str = "5 minutes"):
        self.folder, self.file = folder, folder / "scheduler.json"
        self.environment = {**os.environ, "DASK_LOGGING__DISTRIBUTED": "critical"}
        self.environment["PYTHONPATH"] = os.pathsep.join(sys.path)  # what the tests submit is theirs
        self.environment["DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL"] = ttl
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0")
        wait_for(self._written)
        self.address = json.loads(self.file.read_text())["address"]
        for _ in range(workers):
            self.add()

    def _written(self) -> bool:
        with suppress(OSError, ValueError):
            return "address" in json.loads(self.file.read_text())
        return False

    def add(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start another worker."""
        options = ("--no-nanny", "--memory-limit", "0", *(options or ("--nthreads", "1")))
        self.workers.append(self._start("worker", *options, **environment))
        return self.workers[-1]

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            end(process)

    def _start(self, what: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", f"distributed.cli.dask_{what}"]
        command = [*program, "--scheduler-file", self.file, "--host", "127.0.0.1", "--no-dashboard", *options]
        return subprocess.Popen(
            command,
            env={**self.environment, **environment},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(found, seconds: float = PATIENCE) -> None:
    limit = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)
