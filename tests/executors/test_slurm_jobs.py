"""Jobs under Slurm's programs, each played by a script that answers slowly, wrongly or not at all.

Planted and found: a cancel that waits for a look at the queue; one that comes before what is being submitted; no second
try; any line of squeue taken for a job.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.errors import ExecutorError
from unroll.executors.slurm_jobs import Job, Jobs

Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Let programs be scripts; each notes its name when it begins and when it ends."""

    def played(**scripts: str) -> None:
        for name in ("sbatch", "squeue", "scancel"):
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/calls\n{scripts.get(name, ':')}\n")
            path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SQUEUE_PARTITION", "other")
    return played


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().split()


async def begun(tmp_path: Path, program: str) -> None:
    while not (tmp_path / "calls").exists() or program not in calls(tmp_path):
        await asyncio.sleep(0.01)


def test_a_look_at_the_queue_that_hangs_keeps_no_job_from_being_cancelled(tmp_path: Path, play: Play) -> None:
    play(squeue="exec sleep 30")

    async def used() -> float:
        jobs = Jobs("mine", "", [])
        looking = asyncio.create_task(jobs.look())
        await begun(tmp_path, "squeue")
        began = time.monotonic()
        await jobs.close()
        looking.cancel()
        assert jobs.cancelled
        return time.monotonic() - began

    assert asyncio.run(used()) < 20
    assert calls(tmp_path) == ["squeue", "scancel"]


def test_what_is_being_submitted_is_cancelled_when_it_is_there(tmp_path: Path, play: Play) -> None:
    play(sbatch=f"sleep 1; echo there >> {tmp_path}/calls")

    async def used() -> None:
        jobs = Jobs("mine", "", [])
        adding = asyncio.create_task(jobs.add(2))
        await begun(tmp_path, "sbatch")
        adding.cancel()
        await jobs.close()
        await jobs.add(1)

    asyncio.run(used())
    assert calls(tmp_path) == ["sbatch", "scancel", "there", "scancel"]


def test_slurm_is_asked_again_to_cancel_jobs(tmp_path: Path, play: Play) -> None:
    play(scancel=f"test $(grep -c scancel {tmp_path}/calls) -gt 1 || {{ echo Socket timed out >&2; exit 1; }}")
    jobs = Jobs("mine", "", [])
    asyncio.run(jobs.close())
    assert calls(tmp_path) == ["scancel"] * 2
    assert jobs.cancelled


def test_jobs_that_cannot_be_cancelled_are_told(tmp_path: Path, play: Play) -> None:
    play(scancel="echo Socket timed out >&2; exit 1")
    jobs = Jobs("mine", "", [])
    with pytest.raises(ExecutorError, match="scancel has failed: Socket timed out"):
        asyncio.run(jobs.close())
    assert calls(tmp_path) == ["scancel"] * 3
    assert not jobs.cancelled


def test_only_jobs_are_taken_from_what_squeue_says(tmp_path: Path, play: Play) -> None:
    play(squeue='echo NOTICE; echo "CLUSTER: other"; echo "12_0 PENDING"; echo "12_1 RUNNING $SQUEUE_PARTITION None"')
    assert asyncio.run(Jobs("mine", "", []).look()) == [Job("12_0", "PENDING", "None"), Job("12_1", "RUNNING", "None")]
