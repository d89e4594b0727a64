"""A real Slurm of one node, over loopback, that ends with the tests: controller, node and munge are children of theirs.

All of its files lie in a folder of the tests; nothing of this machine's own Slurm is read or touched.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.executors.dask_cluster import wait_for
from unroll.testing.executors import PATIENCE

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
PACKAGES = "apt-get install --no-install-recommends slurm-wlm munge"
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
CORES = 4
HERE = {"host": "127.0.0.1", "look": 0.2}
"""How its jobs reach this process, and how often that looks at the queue."""
ENDING_SECONDS = 20.0
SLURM_CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=0,sched_interval=1
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=1000 State=UNKNOWN
PartitionName=one Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=closed Nodes=ALL MaxTime=INFINITE State=DOWN
"""


class SlurmNode:
    """Slurm's daemons; ``close`` ends them and whatever jobs have left."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        host = socket.gethostname().split(".")[0]
        self.conf = folder / "slurm.conf"
        self.conf.write_text(SLURM_CONF.format(host=host, ports=free_ports(2), folder=folder, cores=CORES))
        try:
            munge = {"key-file": key, **{f"{name}-file": folder / f"munge.{name}" for name in ("pid", "log", "seed")}}
            self._start(
                "munged", "-F", "--force", f"--socket={folder}/munge.socket", *(f"--{n}={p}" for n, p in munge.items())
            )
            wait_for((folder / "munge.socket").exists)
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D")
            wait_for(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%T", check=False))
        except BaseException:
            self.close()
            raise

    def ask(self, program: str, *arguments: str, check: bool = True) -> str:
        """Return what one of Slurm's programs says."""
        done = subprocess.run(
            [program, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=check,
        )
        return done.stdout

    def jobs(self) -> dict[str, str]:
        """Return the states of the jobs that are not over, by their ids."""
        rows = self.ask("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return {row.split()[0]: row.split()[1] for row in rows if "COMPLETING" not in row}

    def close(self) -> None:
        with suppress(AssertionError, OSError, subprocess.SubprocessError):  # a job that ends tells the controller so
            wait_for(lambda: not self.ask("squeue", "--noheader"), ENDING_SECONDS)
        for program in reversed(self._daemons):
            program.terminate()
        for program in reversed(self._daemons):
            try:
                program.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        for left in self.processes():
            left.kill()

    def processes(self) -> list[psutil.Process]:
        """Return what runs under this Slurm, without its daemons, programs that ask it, and what started those."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                under = process.environ().get("SLURM_CONF") == str(self.conf)
                if (under and "SLURM_JOB_ID" in process.environ()) or (under and "slurmstepd" in process.name()):
                    found.append(process)
        return found

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.out").open("wb") as out:
            self._daemons.append(
                subprocess.Popen(
                    [str(shutil.which(program, path=PLACES)), *arguments],
                    env=self._environment(),
                    stdout=out,
                    stderr=out,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                    preexec_fn=_end_with_parent,
                )
            )


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="session")
def slurm_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmNode]:
    """A Slurm that the programs of this process and its children speak to; skips where there cannot be one."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=PLACES) is None]
    reason = (
        f"no test on Slurm: {', '.join(missing)} not found ({PACKAGES})"
        if missing
        else "no test on Slurm: only root can start one"
        if os.geteuid()
        else ""
    )
    if reason and os.environ.get("REQUIRE_SLURM"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    node = SlurmNode(tmp_path_factory.mktemp("slurm"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(node.conf))
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # what the tests submit is theirs
        try:
            yield node
        finally:
            node.close()


@pytest.fixture
def slurm(slurm_node: SlurmNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmNode]:
    """Slurm, and a folder of one's own to work in; no job and no file may be left there."""
    monkeypatch.chdir(tmp_path)
    yield slurm_node
    wait_for(lambda: not slurm_node.jobs())
    assert not list(tmp_path.glob(".unroll-slurm-*"))
