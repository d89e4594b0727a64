"""The jobs of one run under Slurm, by its own programs: arrays of one name, so that one call sees or ends them all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unroll.errors import ExecutorError
from unroll.wording import listed

PROGRAMS: Final = ("sbatch", "squeue", "scancel")
AT_ONCE: Final = 1000
"""Jobs in one array; Slurm's own limit is 1,001 where a site has not changed it."""
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

    Slurm's programs run in sessions of their own and come to their end whatever happens here: Ctrl-C stops none of them
    halfway. Raises ExecutorError for what Slurm refuses, with what it says.
    """

    def __init__(self, name: str, script: str, flags: Sequence[str]):
        self.name, self._script, self._flags = name, script, flags
        self._closed = False
        self._under_way: set[asyncio.Task[str]] = set()

    async def check(self) -> None:
        """Let Slurm see whether it would take one; none is submitted."""
        await self._run("sbatch", "--test-only", "--array=0-0", *self._flags, given=self._script)

    async def add(self, count: int) -> None:
        """Submit so many more."""
        while count > 0 and not self._closed:
            some = min(count, AT_ONCE)
            array = f"--array=0-{some - 1}"
            await self._run("sbatch", "--parsable", f"--job-name={self.name}", array, *self._flags, given=self._script)
            count -= some

    async def look(self) -> list[Job]:
        """Return those that are in the queue or have left it minutes ago."""
        said = await self._run(
            "squeue", "--noheader", "--array", "--states=all", f"--name={self.name}", "--format=%i %T %r"
        )
        rows = (line.split(maxsplit=2) for line in said.splitlines() if line.strip())
        return [Job(row[0], row[1], row[2] if len(row) > 2 else "None") for row in rows]

    async def cancel(self, ids: Sequence[str]) -> None:
        """Cancel these."""
        await self._run("scancel", "--quiet", *ids)

    async def close(self) -> None:
        """Cancel all, also those that are being submitted now; no further ones are submitted."""
        self._closed = True
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._run("scancel", "--quiet", f"--name={self.name}")

    async def _run(self, program: str, *arguments: str, given: str = "") -> str:
        task = asyncio.create_task(_said(program, *arguments, given=given))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)


async def _said(program: str, *arguments: str, given: str) -> str:
    """Return what a program prints."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        raise ExecutorError(f"Slurm's {program} cannot be started: {error}.") from error
    said, errors = await process.communicate(given.encode())
    if process.returncode:
        text = " ".join((errors or said).decode(errors="replace").split())
        raise ExecutorError(f"Slurm's {program} has failed: {text or f'exit code {process.returncode}'}.")
    return said.decode(errors="replace")
