"""Let each system call that the store makes fail, one after the other, and judge what is left.

    python -m tests.faults.sweep [--jobs N]                 every call, every fault: an hour of a free core
    python -m tests.faults.sweep --seconds 180 [--seed N]   as many as there is time for, drawn at random

Faults at the Nth call: kill (before it), torn (half of a write, then kill), ENOSPC, EIO and ENOMEM, once and from then
on. Each runs in a fork of this process, which has the library of inject.c preloaded. What is asked of each: it ends by
the kill, or normally, or with a typed error, in time; and ``scenarios.judge`` finds nothing wrong afterwards.

Planted and found: a result committed in two transactions; a checkpoint removed in one, written in the next. Found and
mended: a store taken for damaged after a kill in the middle of a checkpoint; errors of stat, of memory and of locks
that were no typed errors.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("inject.c")
MARK = "UNROLL_FAULTS"
KILL, TORN = -1, -2
FAULTS = {"kill": KILL, "torn": TORN, "ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "ENOMEM": errno.ENOMEM}
TYPED, UNTYPED = 3, 4
PATIENCE = 60.0
"""Seconds that a scenario may take with a fault in it; without one it takes a fraction of one."""


@dataclass(frozen=True)
class Case:
    """One fault: in which scenario, at which call, what, and whether all later calls fail too."""

    scenario: str
    at: int
    fault: str
    always: bool

    def __str__(self) -> str:
        return f"{self.scenario}: {self.fault} at call {self.at}{' and from then on' if self.always else ''}"


def cases(counts: dict[str, int]) -> Iterator[Case]:
    """Yield every fault of every scenario."""
    for scenario, count in counts.items():
        for at in range(1, count + 1):
            for fault in FAULTS:
                yield Case(scenario, at, fault, False)
                if FAULTS[fault] > 0:
                    yield Case(scenario, at, fault, True)


class Sweep:
    """Runs cases, each in a fork, in folders of one parent."""

    def __init__(self, folder: Path):
        from tests.faults import scenarios

        library = ctypes.CDLL(os.environ[MARK])
        self.library, self.folder, self.scenarios = library, folder / "store", scenarios
        library.fault_where.restype = ctypes.c_char_p
        library.fault_count.restype = ctypes.c_long

    def count(self, scenario: str) -> int:
        """Return how many calls a scenario makes when nothing fails."""
        status, said = self._fork(Case(scenario, 0, "kill", False))
        if status != 0:
            raise SystemExit(f"{scenario} fails without any fault: {said}")
        return int(said[-1]["count"])

    def run(self, case: Case) -> str | None:
        """Return what is wrong after a fault, or None."""
        status, said = self._fork(case)
        told = [item["told"] for item in said if "told" in item]
        where = next((item["where"] for item in said if "where" in item), "")
        wrong = None
        if os.WIFSIGNALED(status):
            if os.WTERMSIG(status) != signal.SIGKILL:
                wrong = f"ended by signal {os.WTERMSIG(status)}"
            elif case.fault not in ("kill", "torn"):
                wrong = f"has not ended after {PATIENCE:.0f} s"
        elif os.WEXITSTATUS(status) == UNTYPED:
            wrong = next(item["error"] for item in said if "error" in item)
        if wrong is None:
            try:
                wrong = self.scenarios.judge(self.path, told)
            except Exception:
                wrong = traceback.format_exc()
        return None if wrong is None else f"{case} ({where}), acknowledged {told}: {wrong}"

    def _fork(self, case: Case) -> tuple[int, list[dict[str, str]]]:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.path = self.folder / "results.db"
        prepare, act = self.scenarios.SCENARIOS[case.scenario]
        prepare(self.path)
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            os.close(ours)
            self._act(case, act, theirs)
        os.close(theirs)
        status = self._wait(child)
        with os.fdopen(ours) as pipe:
            said = [json.loads(line) for line in pipe]
        return status, said

    def _act(self, case: Case, act: object, pipe: int) -> None:
        """Do the scenario in the child, with its fault; never returns."""
        from unroll.errors import UnrollError

        def say(**what: object) -> None:
            os.write(pipe, (json.dumps(what) + "\n").encode())

        code = 0
        self.library.fault_arm(str(self.folder).encode(), case.at, FAULTS[case.fault], int(case.always))
        try:
            act(self.path, lambda step: say(told=step))  # type: ignore[operator]
        except UnrollError:
            code = TYPED
        except BaseException:
            code = UNTYPED
            say(error=traceback.format_exc())
        say(where=self.library.fault_where().decode(), count=self.library.fault_count())
        os._exit(code)

    def _wait(self, child: int) -> int:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        return os.waitpid(child, 0)[1]


def main() -> None:
    """Sweep, as the arguments say, and exit with 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, help="stop after so many seconds; else every case is run")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the order of the cases")
    parser.add_argument("--only", help="one scenario")
    parser.add_argument("--jobs", type=int, default=1, help="this many processes share the cases")
    arguments = parser.parse_args()
    if MARK not in os.environ:
        preload()
    with tempfile.TemporaryDirectory(prefix="unroll-faults-", dir=_fast()) as folder:
        every = drawn(Path(folder), arguments.seed, arguments.only)
        end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
        begin, jobs = time.monotonic(), range(arguments.jobs)
        results = [_in_fork(Path(folder) / str(job), every[job :: arguments.jobs], end) for job in jobs]
        done, found = (sum(numbers) for numbers in zip(*(result() for result in results), strict=True))
    print(f"{done:,} faults, {found} findings, in {time.monotonic() - begin:.0f} s")
    sys.exit(bool(found))


def drawn(folder: Path, seed: int, only: str | None) -> list[Case]:
    """Return every case, in an order drawn by the seed."""
    sweep = Sweep(folder)
    counts = {name: sweep.count(name) for name in sweep.scenarios.SCENARIOS if only in (None, name)}
    every = list(cases(counts))
    random.Random(seed).shuffle(every)
    print(f"seed {seed}: {len(every):,} faults in {counts}", flush=True)
    return every


def _in_fork(folder: Path, share: Sequence[Case], end: float | None) -> Callable[[], tuple[int, int]]:
    """Run cases in a process of their own; return what waits for it and says how many were run, and how many found."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        sweep, numbers = Sweep(folder), [0, 0]
        for case in share:
            if end is not None and time.monotonic() > end:
                break
            wrong = sweep.run(case)
            numbers = [numbers[0] + 1, numbers[1] + (wrong is not None)]
            if wrong is not None:
                print(wrong, flush=True)
        os.write(theirs, json.dumps(numbers).encode())
        os._exit(0)
    os.close(theirs)

    def result() -> tuple[int, int]:
        with os.fdopen(ours) as pipe:
            done, found = json.load(pipe)
        os.waitpid(child, 0)
        return done, found

    return result


def preload() -> None:
    """Compile the library and start again with it; where that cannot be, say why and skip."""
    library = Path(tempfile.mkdtemp(prefix="unroll-inject-")) / "inject.so"
    compiler = os.environ.get("CC", "cc")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    if sys.platform != "linux" or shutil.which(compiler) is None:
        print("skipped: faults are injected on Linux alone, with a C compiler")
        sys.exit(0)
    subprocess.run(command, check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), MARK: str(library)}
    os.execve(sys.executable, [sys.executable, "-m", "tests.faults.sweep", *sys.argv[1:]], environment)


def _fast() -> str | None:
    """Return a folder in memory, where there is one: what is asked here is not what the disk does."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


if __name__ == "__main__":
    main()
