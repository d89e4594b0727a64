"""The jobs of one run under Slurm, by its own programs: arrays of one name, so that one call sees or ends them all."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from unroll.errors import ExecutorError
from unroll.wording import listed

PROGRAMS: Final = ("sbatch", "squeue", "scancel")
AT_ONCE: Final = 1000
"""Jobs in one array, at most; a site may allow fewer."""
LIMIT: Final = re.compile(r"^MaxArraySize\s*=\s*(\d+)", re.MULTILINE)
"""What scontrol says of them."""
READING: Final = ("squeue", "scontrol")
"""Programs that change nothing."""
TRIES: Final = 3
"""How often it is asked to cancel them."""
LINE: Final = re.compile(r"(\d+_\d+) (\S+) ?(.*)")
"""What squeue says of a job; sites let it say more."""
ELSEWHERE: Final = ("SQUEUE_", "SCANCEL_", "SLURM_CLUSTERS", "SBATCH_CLUSTERS", "SBATCH_WAIT", "SBATCH_TEST_ONLY")
"""Variables by which Slurm's programs would look at other jobs than are submitted, or submit none."""
ENDING: Final = "COMPLETING"
ENDED: Final = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
}
"""States of jobs that do not come back. One that is put into the queue again is COMPLETING, then PENDING."""
AS_ASKED: Final = {"COMPLETED", "PREEMPTED"}
"""Those of them that are no fault: a worker that has left by itself, or had to make room."""


@dataclass(frozen=True)
class Job:
    """A job as the queue shows it: "17_0", "PENDING", "Priority"."""

    id: str
    state: str
    reason: str

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ENDED

    def __str__(self) -> str:
        return f"{self.id} {self.state}" + (f" ({self.reason})" if self.reason != "None" else "")


def confirm() -> None:
    """Raise ExecutorError where Slurm's programs are not here."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise ExecutorError(
            f"The executor slurm needs Slurm's own programs; not found here: {listed(missing)}. Run it where jobs can "
            "be submitted, such as a login node."
        )


class Jobs:
    """Jobs called ``name`` that all run ``script`` with these ``flags`` of sbatch.

    Slurm's programs run in sessions of their own: Ctrl-C stops none of them, and sbatch comes to its end whatever
    happens here. Raises ExecutorError for what Slurm refuses, with what it says.
    """

    def __init__(self, name: str, script: str, flags: Sequence[str]):
        self.name, self._script, self._flags = name, script, flags
        self._closed = False
        self._at_once = AT_ONCE
        self.submitted = 0
        """How many Slurm has taken."""
        self.cancelled = False
        """Whether Slurm has been told to end all that was ever submitted."""
        self._submitting: set[asyncio.Task[str]] = set()

    async def check(self) -> None:
        """Let Slurm see whether it would take one, and say how large an array may be; none is submitted."""
        await _said("sbatch", "--test-only", "--array=0-0", *self._flags, given=self._script)
        with suppress(ExecutorError):  # some sites hide it: sbatch says what is too large
            if limit := LIMIT.search(await _said("scontrol", "show", "config")):
                self._at_once = min(AT_ONCE, int(limit[1]))
        if not self._at_once:
            raise ExecutorError(
                "This Slurm takes no arrays of jobs (its MaxArraySize is 0). Deal the study out to jobs of their own: "
                "unroll run STUDY --shard 1/8 --store part1.db in the first of eight, and so on."
            )

    async def add(self, count: int) -> None:
        """Submit so many more."""
        while count > 0 and not self._closed:
            some = min(count, self._at_once)
            array = f"--array=0-{some - 1}"
            name = f"--job-name={self.name}"
            task = asyncio.create_task(_said("sbatch", "--parsable", name, array, *self._flags, given=self._script))
            self._submitting.add(task)
            task.add_done_callback(self._submitting.discard)
            await asyncio.shield(task)
            self.submitted += some
            count -= some

    async def look(self) -> list[Job]:
        """Return those that are in the queue or have left it minutes ago."""
        said = await _said(
            "squeue", "--noheader", "--array", "--states=all", f"--name={self.name}", "--format=%i %T %r"
        )
        rows = (LINE.fullmatch(line.strip()) for line in said.splitlines())
        return [Job(row[1], row[2], row[3].strip() or "None") for row in rows if row is not None]

    async def cancel(self, ids: Sequence[str]) -> None:
        """Cancel these."""
        await _said("scancel", "--quiet", *ids)

    async def close(self) -> None:
        """Cancel all at once, and then those that were being submitted; no further ones are submitted."""
        self._closed = True
        try:
            await self._cancel_all()
            if submitting := list(self._submitting):
                await asyncio.wait(submitting)
                await self._cancel_all()
        finally:
            for task in self._submitting:  # nobody waits for them any more; sbatch itself comes to its end
                task.cancel()
        self.cancelled = not any(task.cancelled() for task in submitting)

    async def _cancel_all(self) -> None:
        for left in reversed(range(TRIES)):
            try:
                await _said("scancel", "--quiet", f"--name={self.name}")
            except ExecutorError:
                if not left:
                    raise
                await asyncio.sleep(1.0)
            else:
                return


async def _said(program: str, *arguments: str, given: str = "") -> str:
    """Return what a program prints.

    Where nobody is interested any more, one that only reads is ended; any other comes to its end whatever happens here.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()

    def tell(said: str | ExecutorError) -> None:
        if told.done():
            return
        if isinstance(said, str):
            told.set_result(said)
        else:
            told.set_exception(said)

    asked = _Asked(program, arguments, given, lambda said: loop.call_soon_threadsafe(tell, said))
    asked.start()
    try:
        return await told
    finally:
        if program in READING:
            asked.end()
        if program in READING or not told.cancelled():
            asked.join()  # it has nothing more to do


class _Asked(threading.Thread):
    """One of Slurm's programs, run to its end by a thread of its own, which may outlive the loop that asks."""

    def __init__(
        self, program: str, arguments: Sequence[str], given: str, tell: Callable[[str | ExecutorError], object]
    ):
        super().__init__(name=f"unroll-{program}", daemon=True)
        self._program, self._arguments, self._given, self._tell = program, arguments, given, tell
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False
        self._lock = threading.Lock()

    def run(self) -> None:
        said = self._answer()
        with suppress(RuntimeError):  # the loop is closed
            self._tell(said)

    def end(self) -> None:
        """End the program, if it runs, with all that it has started."""
        with self._lock:
            self._unwanted = True
            if self._process is not None and self._process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _answer(self) -> str | ExecutorError:
        around = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
        pipe = subprocess.PIPE
        with self._lock:
            if self._unwanted:
                return ""
            try:
                self._process = subprocess.Popen(  # noqa: S603 - programs that are named here
                    [self._program, *self._arguments],
                    stdin=pipe,
                    stdout=pipe,
                    stderr=pipe,
                    env=around,
                    start_new_session=True,
                )
            except OSError as error:
                return ExecutorError(f"Slurm's {self._program} cannot be started: {error}.")
        said, errors = self._process.communicate(self._given.encode())
        if code := self._process.returncode:
            text = " ".join((errors or said).decode(errors="replace").split())
            return ExecutorError(f"Slurm's {self._program} has failed: {text or f'exit code {code}'}.")
        return said.decode(errors="replace")
