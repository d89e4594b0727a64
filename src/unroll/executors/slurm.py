"""Slurm: jobs that are workers of a Dask scheduler in this process.

dask-jobqueue was tried in place of these jobs: it keeps on believing in one that is cancelled before its worker is
there, and says in a log alone what sbatch refuses.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final, Self

from pydantic import Field, field_validator, model_validator

from unroll.errors import ExecutorError
from unroll.executors.base import WORKER_NUMBER, Channel, Item, Value
from unroll.executors.cores import THREAD_VARIABLES
from unroll.executors.slurm_jobs import AS_ASKED, ENDING, Job, Jobs, confirm
from unroll.wording import counted, listed

try:
    import cryptography  # noqa: F401 - Dask makes certificates with it
    from distributed import Scheduler, Security, SpecCluster
except ImportError as error:
    raise ExecutorError(
        f"The executor slurm needs the packages distributed and cryptography ({error}). Install them: "
        'pip install "unroll-lab[slurm]"'
    ) from error

from unroll.executors.cluster import Cluster, Silence
from unroll.executors.slurm_worker import CERTIFICATE, KEY

QUIET: Final = 60
"""A level of logging above all: what happens to jobs is told by the run."""
TIME: Final = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")
DIRECTIVE: Final = re.compile(r"--([a-z][a-z0-9-]*)(=.+)?")
OURS: Final = ("array", "error", "help", "job-name", "nodes", "ntasks", "open-mode", "output", "parsable", "signal")
OURS_TOO: Final = ("clusters", "test-only", "usage", "version", "wait", "wrap")
FRUITLESS: Final = 3
"""After how many times that jobs were replaced, and no worker came, it is given up."""
LONGEST_SECONDS: Final = 300.0
"""Between two looks at the queue, at most."""
LINGERING_SECONDS: Final = 300.0
"""After how long a job that is about to end is no longer waited for."""
DOUBLINGS: Final = 10
"""How often that time is doubled, at most."""
INSISTED_SECONDS: Final = 1.5
"""How long a person who interrupts what is interrupted already waits for Slurm."""
LOG_LINES: Final = 4
SHOWN: Final = 3
"""Ended jobs that are named at once."""


class SlurmOptions(Silence):
    """What jobs ask for, and where they find this machine."""

    partition: str | None = Field(default=None, description="partition of the jobs; Slurm's default where none is said")
    account: str | None = Field(default=None, description="account that they are charged to")
    time: str | None = Field(default=None, description="longest time of a job, as Slurm writes it, such as 04:00:00")
    memory: str | None = Field(default=None, pattern=r"^\d+[KMGT]?$", description="memory of a job, such as 2G")
    cpus: int = Field(default=1, ge=1, description="cores of a job; a trial computes on one")
    directives: tuple[str, ...] = Field(default=(), description='further options of sbatch, such as "--gres=gpu:1"')
    python: str = Field(
        default=sys.executable, min_length=1, description="the Python of jobs, in an environment as here"
    )
    folder: Path = Field(default=Path(), description="a folder that jobs see as well, for their temporary certificates")
    logs: Path | None = Field(default=None, description="a folder where their logs stay")
    host: str | None = Field(default=None, description="this machine's name or address, as jobs reach it")
    interface: str | None = Field(default=None, description="the network between, such as ib0, here and on the nodes")
    port: int = Field(default=0, ge=0, le=65535, description="this machine's port; any that is free where none is said")
    handover: int = Field(
        default=120, ge=1, description="seconds before the end of its time at which a job hands in what it has"
    )
    look: float = Field(default=15.0, gt=0, allow_inf_nan=False, description="seconds between two looks at the queue")

    @field_validator("directives", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(shlex.split(given)) if isinstance(given, str) else given

    @field_validator("directives")
    @classmethod
    def _allowed(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            found = DIRECTIVE.fullmatch(one)
            if found is None:
                raise ValueError(f"{one!r} is no option of sbatch. Write --name=value")
            if any(own.startswith(found[1]) for own in OURS + OURS_TOO):
                raise ValueError(f"--{found[1]} is set by unroll, or ends in no job. Leave it out")
        return given

    @field_validator("partition", "account", "time", "directives", "python", "folder", "logs", "host", "interface")
    @classmethod
    def _one_line(cls, given: Any) -> Any:
        if not all(str(one).isprintable() for one in (given if isinstance(given, tuple) else (given,))):
            raise ValueError("line breaks and control characters have no place in it")
        return given

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.host is not None and self.interface is not None:
            raise ValueError("host and interface both say where jobs reach this machine. Give one of them")
        if self.time is not None:
            seconds = _seconds(self.time)
            if seconds is None:
                raise ValueError(f'time: "{self.time}" is no time. Write hours:minutes:seconds, such as 04:00:00')
            if seconds <= self.handover:
                raise ValueError(f"time: {self.time} is no longer than the handover at its end ({self.handover} s)")
        return self


class Slurm(Cluster):
    """Run callables in ``workers`` jobs under Slurm, each of one core.

    Jobs are submitted when there is something to be done, and no more of them than that. They come when Slurm lets
    them, and connect to this process, by TLS with certificates that are made now and live as long as it does. One that
    ends is replaced, and all are cancelled with this executor. Before a job's time is over, its worker lets its
    callable stop and hand in what it has.
    """

    options: ClassVar[type[SlurmOptions]] = SlurmOptions
    settings: SlurmOptions
    name: ClassVar[str] = "slurm"
    mend: ClassVar[str] = "Let jobs run in the same environment (--executor-option python=...)."
    again: ClassVar[str] = "Run the same command again: it continues where it stopped."
    otherwise: ClassVar[str] = (
        "Ask for what Slurm takes (fewer --workers, another --executor-option), then run the command again: it "
        "continues where it stopped."
    )
    """How to go on where Slurm takes no job."""
    closing: ClassVar[float] = 60.0  # until jobs that are being submitted are there, and can be cancelled

    _shared: TemporaryDirectory[str] | None = None
    _jobs: Jobs | None = None
    _keeper: asyncio.Task[None] | None = None

    def __init__(self, workers: int | None = None, **options: Any):
        if workers is None:
            raise ExecutorError("The executor slurm does not know how many jobs are wanted. Say it: --workers 20")
        self.queue = workers
        self._wanted: int | None = None  # jobs; nothing is known yet
        self._change = asyncio.Event()
        self._seen: Sequence[Job] = ()  # in the queue, at the last look
        self._lacked = 0  # jobs, then
        self._told: set[str] = set()  # jobs whose end is known, or was wanted
        self._at: dict[str, str] = {}  # addresses of workers, by their jobs
        self._come = 0  # workers since jobs were submitted last
        self._fruitless = 0
        self._away = False  # Slurm's controller, as far as is known
        self._refused = ""  # what sbatch said, where it took no job when it was asked last
        self._ending: dict[str, float] = {}  # since when jobs are about to end
        self._lingering: set[str] = set()  # those that have been for too long
        self._insisted = self._warned = False
        self._wrong = 0  # workers that cannot be used
        super().__init__(workers, **options)

    def shutdown(self, *, now: bool = False) -> None:
        """Finish or, with ``now``, end what was submitted; then cancel the jobs."""
        again = self._closed
        self._insisted = again or isinstance(sys.exc_info()[1], KeyboardInterrupt)
        try:
            super().shutdown(now=now)
        finally:
            if self._shared is not None:
                self._shared.cleanup()
            over = again or not self._threads  # an interrupt of the first call is followed by a second one
            if over and self._jobs is not None and not self._jobs.cancelled and not self._warned:
                self._warned = True
                warnings.warn(
                    f"Slurm has not said that the jobs are cancelled. See to it: scancel --name={self._name()}",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def submit(self, call: Callable[[Item, Channel], Value], item: Item, channel: Channel) -> Future[Value]:
        """Run ``call(item, channel)`` in a job; both are pickled at once."""
        if self._wanted is None:
            self.expect(self.queue)
        return super().submit(call, item, channel)

    def expect(self, callables: int) -> None:
        """Have as many jobs as there are callables, and no more than were asked for."""
        before, self._wanted = self._wanted, min(self.queue, callables)
        if not before and self._wanted:
            self._call(self._change.set)

    def waiting(self) -> str:
        """Return what the queue says of the jobs."""
        there = [job for job in self._seen if not job.ended]
        if not there:
            return "Slurm: none of its jobs is in the queue"
        states = Counter(job.state for job in there)
        said = ", ".join(f"{counted(count, 'job')} {state}" for state, count in states.most_common())
        if reasons := {job.reason for job in there if job.state == "PENDING"} - {"None"}:
            said += f", {listed(sorted(reasons))}"
        elif "PENDING" not in states:
            said += f", but their workers have not reached {self._address} yet"
        return f"Slurm: {said}; see squeue --name={self._name()}"

    # In the thread of the loop

    def _unreachable(self, error: BaseException) -> str:
        return f"No scheduler for the jobs can be started on this machine: {error}. See host, interface and port."

    async def _cluster(self) -> Any:
        """Return a scheduler in this process, without workers yet."""
        confirm()
        folder = self.settings.folder.absolute()
        try:
            self._shared = TemporaryDirectory(prefix=".unroll-slurm-", dir=folder, ignore_cleanup_errors=True)
            security = _certify(Path(self._shared.name))
            self._logs().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExecutorError(
                f"The folder {folder} cannot hold what jobs need ({error}). Name one that they see as well: "
                "--executor-option folder=..."
            ) from error
        place = {"host": self.settings.host, "interface": self.settings.interface, "port": self.settings.port}
        options = {
            **{name: value for name, value in place.items() if value},
            "protocol": "tls://",
            "security": security,
            "dashboard_address": "127.0.0.1:0",  # None would be a fixed port, for all
            "worker_ttl": f"{self.settings.silence} s",
        }
        cluster = SpecCluster(
            scheduler={"cls": Scheduler, "options": options}, security=security, silence_logs=QUIET, asynchronous=True
        )
        try:
            await cluster
        except BaseException:
            with suppress(Exception):
                await cluster.close()
            raise
        self._address = cluster.scheduler_address
        self._jobs = Jobs(self._name(), self._script(), self._flags())
        return cluster

    async def _open(self) -> None:
        await super()._open()
        assert self._jobs is not None  # noqa: S101 - made in _cluster
        await self._jobs.check()
        self._keeper = self._begin(self._keep(self._jobs))

    async def _close(self, now: bool) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        try:
            if self._jobs is not None:
                async with asyncio.timeout(INSISTED_SECONDS if self._insisted else None):
                    await self._jobs.close()
        finally:
            await super()._close(now)

    async def _keep(self, jobs: Jobs) -> None:
        """Submit jobs when they are wanted, replace those that end, and give back those that are too many."""
        await self._change.wait()
        await self._add(jobs, self._wanted or 0)
        while not self._broken:
            try:
                self._seen = await jobs.look()
                self._away = False
                patience = await self._balance(jobs)
            except ExecutorError as error:  # Slurm's controller may be away for a while
                if not self._away:
                    self._news.append(f"{error} It is tried again.")
                self._away, patience = True, 4 * self.settings.look
            self._change.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._change.wait(), min(patience, LONGEST_SECONDS))

    async def _add(self, jobs: Jobs, count: int) -> None:
        """Submit so many more; where Slurm takes none of the first ones, that is the end."""
        before, self._refused = self._refused, ""
        try:
            await jobs.add(count)
        except ExecutorError as error:
            self._refused = str(error)
            if not jobs.submitted:
                self._break(self._refused, self.otherwise)
            elif self._refused != before:
                self._news.append(f"{error} It is tried again.")

    async def _balance(self, jobs: Jobs) -> float:
        """Let there be as many jobs as are wanted; return after how many seconds to look again."""
        self._tell_of_ends()
        self._see_lingering()
        there = [job for job in self._seen if not job.ended and job.id not in self._lingering]
        lacking = (self._wanted or 0) - len(there)
        await self._give_back(jobs, [job for job in there if job.state != ENDING], -lacking)
        missing, self._lacked = min(self._lacked, lacking), lacking  # twice: one may be on its way back into the queue
        if missing <= 0:
            return self.settings.look
        self._fruitless = 0 if self._come else self._fruitless + 1
        if self._fruitless > FRUITLESS and not self._workers and not (self._refused and there):
            if self._refused:
                self._break(self._refused, self.otherwise)
            else:
                self._break(f"Slurm's jobs end before their workers are there. {self._last_words()}")
            return 0.0
        self._come = self._lacked = 0
        await self._add(jobs, missing)
        return float(self.settings.look * 2 ** min(self._fruitless, DOUBLINGS))

    async def _give_back(self, jobs: Jobs, there: list[Job], count: int) -> None:
        """Cancel jobs that are not needed any more: those that wait, and those whose workers have nothing to do."""
        busy = {submission.address for submission in self._running.values()}
        if count <= 0 or "" in busy:  # of some it is not known yet who does them
            return
        idle = [job for job in there if self._at.get(job.id) not in busy]
        for job in (chosen := sorted(idle, key=lambda job: job.state != "PENDING")[:count]):
            self._told.add(job.id)
            self._workers.pop(self._at.pop(job.id, ""), None)
        self._count()
        if chosen:
            await jobs.cancel([job.id for job in chosen])

    def _see_lingering(self) -> None:
        """Take note of jobs that do not come to their end, as on a node that is gone; some come back all the same."""
        now, ending = self._loop.time(), [job.id for job in self._seen if job.state == ENDING]
        self._ending = {name: self._ending.get(name, now) for name in ending}
        lingering = {name for name, since in self._ending.items() if now - since >= LINGERING_SECONDS}
        if new := sorted(lingering - self._lingering):
            self._news.append(
                f"Slurm: {_some(new)} {'do' if len(new) > 1 else 'does'} not come to the end ({ENDING}); not counted "
                f"on any more. Which node it is: scontrol show job {new[0]}"
            )
        self._lingering = lingering

    def _tell_of_ends(self) -> None:
        ended = {job.id: job for job in self._seen if job.ended}
        new = [str(job) for name, job in ended.items() if name not in self._told and job.state not in AS_ASKED]
        self._told |= ended.keys()
        if new:
            said = f"Slurm: {_some(new)}; others take their place."
            self._news.append(said if self._workers else f"{said} {self._last_words()}")

    def _join(self, address: str, facts: dict[str, Any]) -> None:
        self._come += 1
        self._at[facts["job"]] = address
        super()._join(address, facts)

    def _refuse(self, address: str, why: str) -> None:
        super()._refuse(address, why)
        self._wrong += 1
        if not self._workers and self._wrong >= min(self.queue, FRUITLESS):
            self._break(f"Slurm's jobs have another environment than this program: {why}. {self.mend}")

    def _last_words(self) -> str:
        """Return the end of the log of the last job that has ended."""
        ended = [job for job in self._seen if job.ended]
        if not ended:
            return "See the logs of Slurm's controller."
        log = self._logs() / f"{ended[-1].id}.log"
        try:
            text = " ".join(log.read_text(errors="replace").split("\n")[-LOG_LINES:]).strip()
        except OSError:
            return f"There is no log {log}: see whether nodes see this folder (logs, folder)."
        return f"The log of {ended[-1].id} ends: {text or 'it is empty'}"

    # What is submitted

    def _name(self) -> str:
        return self._topic  # of this executor alone

    def _logs(self) -> Path:
        assert self._shared is not None  # noqa: S101 - made in _cluster
        return (self.settings.logs or Path(self._shared.name, "logs")).absolute()

    def _flags(self) -> list[str]:
        """Return options of sbatch; each is an argument of its own, so that no value can hold another one."""
        given = {
            "partition": self.settings.partition,
            "account": self.settings.account,
            "time": self.settings.time,
            "mem": self.settings.memory,
        }
        return [
            "--nodes=1",
            "--ntasks=1",
            f"--cpus-per-task={self.settings.cpus}",
            "--requeue",
            f"--signal=B:USR1@{self.settings.handover}",
            f"--output={str(self._logs()).replace('%', '%%')}/%A_%a.log",
            "--open-mode=append",
            *(f"--{name}={value}" for name, value in given.items() if value is not None),
            *self.settings.directives,
        ]

    def _script(self) -> str:
        """Return the job: the shell gives its place to the worker, so that Slurm's signals reach that."""
        assert self._shared is not None  # noqa: S101 - made in _cluster
        variables = dict.fromkeys(THREAD_VARIABLES, "1") | {WORKER_NUMBER: "0"}  # a job sees its own GPU alone
        command = [self.settings.python, "-P", "-m", "unroll.executors.slurm_worker"]
        command += [self._address, self._shared.name, str(self.settings.silence)]
        command += [self.settings.interface] if self.settings.interface else []
        exports = " ".join(f"{name}={value}" for name, value in variables.items())
        return f"#!/bin/sh\nexport {exports}\nexec {shlex.join(command)}\n"


def _some(jobs: Sequence[str]) -> str:
    """Name the first jobs."""
    return ", ".join(jobs[:SHOWN]) + (f" and {len(jobs) - SHOWN} more" if len(jobs) > SHOWN else "")


def _certify(folder: Path) -> Security:
    """Return TLS for all who hold a certificate that is made now; it and its key are left in a folder for them."""
    security = Security.temporary()
    held = security.get_tls_config_for_role("worker")
    for name, content in ((CERTIFICATE, held["cert"]), (KEY, held["key"])):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
    return security


def _seconds(time: str) -> int | None:
    """Return how long one of Slurm's times is; None where it is none.

    >>> _seconds("90"), _seconds("04:00:00"), _seconds("1-12"), _seconds("later")
    (5400, 14400, 129600, None)
    """
    found = TIME.fullmatch(time)
    if found is None:
        return None
    days, first, second, third = (int(group) if group else 0 for group in found.groups())
    if found[1] is not None:
        return ((days * 24 + first) * 60 + second) * 60 + third
    return (first * 60 + second) * 60 + third if found[4] is not None else first * 60 + second
