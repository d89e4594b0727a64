"""A Dask cluster of this machine for tests: processes that can be killed one by one, and that end with the tests.

They are forks of one program that has imported Dask once: a cluster then takes tenths of a second.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from unroll.testing.executors import PATIENCE

TTL = "2 s"
"""After how long a worker that is not heard is taken for lost, where that is tried. Dask looks as often as that, and
waits for ten of its signs all the same: 5 s."""


class Forge:
    """The program from which schedulers and workers are forked, with these modules imported.

    It ends, and they with it, when ``close`` is called or the process that made it is gone, however that went.
    """

    def __init__(self, *modules: str):
        self._lock = threading.Lock()
        environment = {**os.environ, "DASK_LOGGING__DISTRIBUTED": "critical"}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)  # what the tests submit is theirs
        self._program = subprocess.Popen(
            [sys.executable, "-m", __name__, *modules],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def start(self, what: str, *options: str, folder: Path, plant: str = "", **config: str) -> int:
        """Start a "scheduler" or a "worker" in a folder; return its process id.

        ``plant`` is a file of Python that runs before.
        """
        return self._ask("start", what, options, str(folder), plant, config)

    def end(self, pid: int) -> None:
        """Kill a process that was started, and collect it; nothing where that is done already."""
        self._ask("end", pid)

    def close(self) -> None:
        self._program.stdin.close()
        self._program.wait(PATIENCE)
        self._program.stdout.close()

    def _ask(self, *wish: object) -> Any:
        with self._lock:
            print(json.dumps(wish), file=self._program.stdin, flush=True)
            return json.loads(self._program.stdout.readline())


class Cluster:
    """A scheduler and its workers, which speak over loopback alone: by TLS where files are given."""

    def __init__(
        self, forge: Forge, folder: Path, workers: int, ttl: str = "5 minutes", tls: dict[str, Path] | None = None
    ):
        self.forge, self.folder = forge, folder
        names = {"tls_ca": "--tls-ca-file", "tls_cert": "--tls-cert", "tls_key": "--tls-key"}
        given = [text for name, file in (tls or {}).items() for text in (names[name], str(file))]
        self._tls = ["--protocol", "tls", *given] if given else []
        self.file = folder / "scheduler.json"
        self.workers: list[int] = []
        config = {"distributed.scheduler.worker-ttl": ttl}
        self.scheduler = self._start("scheduler", "--port", "0", **config)
        try:
            wait_for(self._written)
            self.address = json.loads(self.file.read_text())["address"]
            for _ in range(workers):
                self.add()
        except BaseException:
            self.close()
            raise

    def _written(self) -> bool:
        with suppress(OSError, ValueError):
            return "address" in json.loads(self.file.read_text())
        return False

    def add(self, *options: str, plant: str = "") -> int:
        """Start another worker; return its process id."""
        options = ("--no-nanny", "--memory-limit", "0", *(options or ("--nthreads", "1")))
        self.workers.append(self._start("worker", *options, plant=plant))
        return self.workers[-1]

    def end(self, pid: int) -> None:
        """Kill the scheduler or a worker."""
        self.forge.end(pid)

    def close(self) -> None:
        for pid in (*self.workers, self.scheduler):
            self.end(pid)

    def _start(self, what: str, *options: str, plant: str = "", **config: str) -> int:
        options = (
            *("--scheduler-file", str(self.file), "--host", "127.0.0.1", "--no-dashboard"),
            *self._tls,
            *options,
        )
        return self.forge.start(what, *options, folder=self.folder, plant=plant, **config)


def wait_for(found, seconds: float = PATIENCE) -> None:
    limit = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


def main() -> None:
    """Do what is asked on the standard input, until its end: then nobody is there any more."""
    for name in ("distributed.cli.dask_scheduler", "distributed.cli.dask_worker", *sys.argv[1:]):
        import_module(name)
    living: set[int] = set()
    try:
        for line in sys.stdin:
            wish, *given = json.loads(line)
            if wish == "start":
                pid = _fork(*given)
                living.add(pid)
                print(pid, flush=True)
            else:
                _end(living, *given)
                print("null", flush=True)
    finally:
        for pid in list(living):
            _end(living, pid)


def _end(living: set[int], pid: int) -> None:
    if pid in living:  # until it is collected nobody else has its number
        living.remove(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork(what: str, options: list[str], folder: str, plant: str, config: dict[str, str]) -> int:
    forge = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        _end_with(forge)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        os.chdir(folder)
        import dask

        dask.config.set({"temporary-directory": folder, **config})
        if plant:
            runpy.run_path(plant)
        program = import_module(f"distributed.cli.dask_{what}")
        sys.argv = [f"dask-{what}", *options]
        program.main()
    finally:
        os._exit(1)


def _end_with(parent: int) -> None:
    """Let the kernel end this process with its parent, which may be gone by now."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if parent != os.getppid():
        os._exit(1)


if __name__ == "__main__":
    main()
