"""Jobs under Slurm's programs, each played by a script that answers slowly, wrongly or not at all.

Planted and found: a cancel that waits for a look at the queue; one that comes before what is being submitted; no second
try; any line of squeue taken for a job; a program of the event loop's, left open when that is closed.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.executors.dask_cluster import wait_for
from unroll.errors import ExecutorError
from unroll.executors import Channel
from unroll.executors.slurm_jobs import Job, Jobs

Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Let programs be scripts; each notes its name when it begins and when it ends."""

    def played(**scripts: str) -> None:
        for name in ("sbatch", "squeue", "scancel", "scontrol"):
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


@pytest.mark.parametrize("program", ["sbatch", "squeue"])
def test_of_what_nobody_waits_for_any_more_nothing_is_left_open(tmp_path: Path, play: Play, program: str) -> None:
    """sbatch comes to its end, a look at the queue is ended."""
    play(**{program: f"cat; sleep 1; echo there >> {tmp_path}/calls"})
    before = threading.active_count()

    async def used() -> None:
        jobs = Jobs("mine", "script", [])
        asking = asyncio.create_task(jobs.add(1) if program == "sbatch" else jobs.look())
        await begun(tmp_path, program)
        asking.cancel()
        with suppress(TimeoutError):  # closing is cut off
            await asyncio.wait_for(jobs.close(), 0.2)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(used())
    loop.close()
    if program == "squeue":
        assert threading.active_count() == before
    gc.collect()  # what is still open is told now
    wait_for(lambda: threading.active_count() == before)
    assert ("there" in calls(tmp_path)) == (program == "sbatch")


def test_whoever_has_stopped_waiting_for_sbatch_is_not_told_that_all_is_cancelled(tmp_path: Path, play: Play) -> None:
    play(sbatch="sleep 1")

    async def used() -> bool:
        jobs = Jobs("mine", "", [])
        adding = asyncio.create_task(jobs.add(1))
        await begun(tmp_path, "sbatch")
        adding.cancel()
        waiting = asyncio.create_task(jobs.close())
        with suppress(TimeoutError):  # who insists
            await asyncio.wait_for(jobs.close(), 0.2)
        await waiting
        return jobs.cancelled

    assert not asyncio.run(used())


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


def submitting(tmp_path: Path, script: str) -> str:
    """Return a sbatch that takes whatever it only looks at, and notes the array that it is to submit."""
    return f"""
case "$*" in *--test-only*) exit 0;; esac
for one; do case $one in --array=*) echo $one >> {tmp_path}/arrays;; esac; done
{script}
"""


def arrays(tmp_path: Path) -> list[str]:
    path = tmp_path / "arrays"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("echo Configuration; echo 'MaxArraySize            = 2'", ["--array=0-1", "--array=0-1", "--array=0-0"]),
        ("echo 'MaxArraySize = 4000001'", ["--array=0-4"]),
        ("echo not allowed >&2; exit 1", ["--array=0-4"]),
    ],
)
def test_no_array_is_larger_than_the_site_allows(tmp_path: Path, play: Play, said: str, expected: list[str]) -> None:
    play(scontrol=said, sbatch=submitting(tmp_path, "echo 17"))

    async def used() -> int:
        jobs = Jobs("mine", "", [])
        await jobs.check()
        await jobs.add(5)
        return jobs.submitted

    assert asyncio.run(used()) == 5
    assert arrays(tmp_path) == expected


def test_where_no_arrays_are_allowed_it_is_said_what_to_do(play: Play) -> None:
    play(scontrol="echo 'MaxArraySize            = 0'")
    with pytest.raises(ExecutorError, match=r"no arrays of jobs \(its MaxArraySize is 0\).*--shard 1/8"):
        asyncio.run(Jobs("mine", "", []).check())


LIMIT = "QOSMaxSubmitJobPerUserLimit"


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Callable[[int], Any]]:
    """Make executors that wait for their jobs; all are shut down at the end."""
    pytest.importorskip("distributed", reason='the executor slurm needs pip install "unroll-lab[slurm]"')
    from unroll.executors.slurm import Slurm

    made: list[Any] = []

    def make(jobs: int) -> Any:
        made.append(Slurm(jobs, host="127.0.0.1", look=0.01, folder=tmp_path))
        made[-1].expect(jobs)
        return made[-1]

    yield make
    for executor in made:
        executor.shutdown(now=True)


def taking(tmp_path: Path, count: int) -> str:
    """Return a sbatch that takes so many arrays."""
    return submitting(tmp_path, f"test $(wc -l < {tmp_path}/arrays) -le {count} || {{ echo {LIMIT} >&2; exit 1; }}")


@pytest.mark.parametrize("taken", [0, 1])
def test_what_sbatch_refuses_ends_a_run_without_jobs_in_its_own_words(
    tmp_path: Path, play: Play, played: Callable[[int], Any], taken: int
) -> None:
    play(sbatch=taking(tmp_path, taken), squeue='echo "17_0 FAILED NonZeroExitCode"')
    executor = played(1)
    wait_for(lambda: executor._broken)
    with pytest.raises(ExecutorError, match=rf"^Slurm's sbatch has failed: {LIMIT}\. .*fewer --workers"):
        executor.submit(print, None, Channel(print))
    assert len(arrays(tmp_path)) == (1 if taken == 0 else 4)


def test_where_sbatch_takes_some_jobs_it_is_gone_on_with_those(
    tmp_path: Path, play: Play, played: Callable[[int], Any]
) -> None:
    play(
        scontrol="echo MaxArraySize = 1",
        sbatch=taking(tmp_path, 2),
        squeue='echo "17_0 PENDING Priority"; echo "18_0 PENDING Priority"',
    )
    executor = played(3)
    wait_for(lambda: len(arrays(tmp_path)) == 9)
    assert executor.news() == [f"Slurm's sbatch has failed: {LIMIT}. It is tried again."], "once"
    assert executor._broken is None
    assert executor.waiting().startswith("Slurm: two jobs PENDING, Priority")


def test_a_job_that_does_not_come_to_its_end_is_replaced(
    tmp_path: Path, play: Play, played: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    play(
        sbatch=submitting(tmp_path, ":"),
        squeue=f"""
test $(wc -l < {tmp_path}/arrays) -eq 1 || echo "18_0 PENDING Priority"
test -e {tmp_path}/back && echo "17_0 PENDING BeginTime" || echo "17_0 COMPLETING NonZeroExitCode"
""",
    )
    executor = played(1)
    wait_for(lambda: executor._seen)
    assert arrays(tmp_path) == ["--array=0-0"]
    monkeypatch.setattr("unroll.executors.slurm.LINGERING_SECONDS", 0.1)
    wait_for(lambda: len(arrays(tmp_path)) == 2)
    assert executor.news() == [
        "Slurm: 17_0 does not come to the end (COMPLETING); not counted on any more. Which node it is: "
        "scontrol show job 17_0"
    ]
    assert "scancel" not in calls(tmp_path)
    (tmp_path / "back").touch()  # put into the queue again after all
    wait_for(lambda: "scancel" in calls(tmp_path))
    assert len(arrays(tmp_path)) == 2


@pytest.mark.parametrize("way", ["while it is left", "on the way out"])
def test_who_insists_does_not_wait_for_sbatch_and_is_told_what_to_type(
    tmp_path: Path, play: Play, played: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    play(sbatch=submitting(tmp_path, f"for i in $(seq 300); do test -e {tmp_path}/go && break; sleep 0.1; done"))
    executor = played(1)
    monkeypatch.setattr("unroll.executors.cluster.CLOSING_SECONDS", 600.0)
    wait_for(lambda: arrays(tmp_path))

    def interrupt() -> None:
        wait_for(lambda: "scancel" in calls(tmp_path))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    if way == "while it is left":
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell's children ignore it
        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            executor.shutdown(now=True)
        interrupting.join()
        signal.signal(signal.SIGINT, before)

    def leave() -> None:
        if way == "while it is left":
            executor.shutdown(now=True)
        else:
            with pytest.raises(KeyboardInterrupt), executor:
                raise KeyboardInterrupt
        executor.shutdown(now=True)  # nothing is told again

    with pytest.warns(RuntimeWarning) as warned:
        leave()
    assert [str(one.message) for one in warned] == [
        f"Slurm has not said that the jobs are cancelled. See to it: scancel --name={executor._name()}"
    ]
    (tmp_path / "go").touch()
