"""A study under a real Slurm comes to the bits that it has inline, also where jobs are cancelled and requeued."""

from __future__ import annotations

import os
import re
import shlex
import signal
import threading
from pathlib import Path

import pytest

from tests.executors.dask_cluster import wait_for
from tests.executors.slurm_node import HERE, SlurmNode
from tests.running.conftest import OFTEN, afresh, bits, command, has_checkpoint, start, states, unroll
from tests.running.test_run import Recorder
from unroll import read_study
from unroll.errors import ExecutorError
from unroll.running import execute, foresee
from unroll.store import Store
from unroll.testing.executors import PATIENCE

ARGUMENTS = ("--executor", "slurm", "--executor-option", "host=127.0.0.1", "--executor-option", "look=0.2")


@pytest.mark.cluster
def test_a_study_whose_jobs_are_cancelled_and_requeued_has_the_bits_of_one_in_this_process(
    small: Path, uninterrupted: dict, store: Path, slurm: SlurmNode, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unroll.running.run.CHECKPOINT_SECONDS", 600.0)  # what a worker hands in when it leaves is all
    monkeypatch.setattr("unroll.running.run.REPORT_SECONDS", 0.05)
    monkeypatch.setattr("unroll.running.run.BATCH_TRIALS", 1)

    class Disturbs(Recorder):
        """When both workers train: cancels the job of one, and puts that of the other into the queue again."""

        def __init__(self):
            super().__init__()
            self.seen, self.thread = set(), None

        def progressed(self, slot, trial, share, epoch, loss):
            self.seen.add(slot)
            if len(self.seen) == 2 and self.thread is None:
                first, second = slurm.jobs()
                slurm.ask("scancel", first)
                slurm.ask("scontrol", "requeue", second)
                self.thread = threading.Thread(target=self.go_on, args=(second,))
                self.thread.start()

        def go_on(self, job):
            wait_for(lambda: has_checkpoint(store))
            handed_in.append(True)
            wait_for(lambda: slurm.jobs().get(job) == "PENDING")
            slurm.ask("scontrol", "update", f"jobid={job}", "StartTime=now")

    handed_in: list[bool] = []
    recorder = Disturbs()
    summary = execute(read_study(small), store, executor="slurm", workers=2, executor_options=HERE, observer=recorder)
    recorder.thread.join()
    assert (summary.complete, summary.failed) == (4, 0)
    assert handed_in == [True]
    assert not [note for note in recorder.notes if "is begun again" in note], "to leave is not to die"
    assert afresh(store) == []
    assert bits(store) == uninterrupted
    with Store.open(store) as opened:
        circumstances = [trial.fingerprint["circumstances"] for trial in opened.trials()]
    assert {one["executor"] for one in circumstances} <= {
        f"Slurm, {count} on {hosts}"
        for count in ("no workers", "one worker", "two workers")
        for hosts in ("no hosts", "one host")
    }
    assert all(one["job"].isdigit() for one in circumstances)


@pytest.mark.cluster
def test_ctrl_c_leaves_no_job_behind_and_the_same_command_goes_on(
    small: Path, uninterrupted: dict, store: Path, slurm: SlurmNode
):
    process = start("run", small, "--store", store, "--workers", "2", *ARGUMENTS)
    try:
        wait_for(lambda: has_checkpoint(store))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130, errors
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not slurm.jobs())
    assert "running" not in states(store)
    recorder = Recorder()
    assert (
        execute(
            read_study(small), store, executor="slurm", workers=2, executor_options=HERE, observer=recorder
        ).complete
        == 4
    )
    assert recorder.outlooks[0].workers.startswith("Slurm, ")
    assert afresh(store) == []
    assert bits(store) == uninterrupted


@pytest.mark.cluster
def test_ctrl_c_while_all_jobs_wait_says_why_and_leaves_none(small: Path, store: Path, slurm: SlurmNode):
    process = start(
        "run", small, "--store", store, "--workers", "3", *ARGUMENTS, "--executor-option", "partition=closed"
    )
    try:
        said = ""
        while "Waiting for the first worker" not in said:
            said += process.stderr.readline()
        assert "(Slurm: three jobs PENDING, PartitionDown; see squeue --name=unroll-" in said
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()
    assert not slurm.jobs()


@pytest.mark.cluster
def test_what_is_done_and_what_is_only_estimated_asks_for_no_job(small: Path, store: Path, slurm: SlurmNode):
    study = read_study(small, ["train.epochs=1"])
    execute(study, store, executor="inline")
    before = slurm.ask("squeue", "--noheader", "--states=all", "--format=%i")
    assert execute(study, store, executor="slurm", workers=3, executor_options=HERE).complete == 4
    more = read_study(small, ["train.epochs=1", "seed=[1,2]"])
    estimate = foresee(more, store, executor="slurm", workers=3, executor_options=HERE)
    assert (estimate.workers, estimate.cores, estimate.here) == (3, 3, False)
    assert estimate.seconds > 0
    with pytest.raises(ExecutorError, match=r"Slurm's sbatch has failed: .*nosuch"):
        foresee(more, store, executor="slurm", workers=3, executor_options={**HERE, "partition": "nosuch"})
    assert slurm.ask("squeue", "--noheader", "--states=all", "--format=%i") == before


@pytest.mark.cluster
def test_the_array_of_the_guide_is_requeued_in_the_middle_and_merged_to_the_same_bits(
    small: Path, uninterrupted: dict, store: Path, slurm: SlurmNode, monkeypatch: pytest.MonkeyPatch
):
    guide = Path(__file__).parents[2].joinpath("docs", "shards.md").read_text()
    (script,) = (block for block in re.findall(r"```bash\n(.*?)```", guide, re.DOTALL) if "--array" in block)
    changes = {
        "--array=1-8": "--array=1-2",
        "/8": "/2",
        "run adding": f"run {small}",
        "--cpus-per-task=4": "--cpus-per-task=1",
    }
    for old, new in changes.items():
        assert old in script
        script = script.replace(old, new)
    Path("bin").mkdir()
    often = Path("bin", "unroll")
    often.write_text(f'#!/bin/sh\nexec {shlex.join(command(plant=OFTEN))} "$@"\n')
    often.chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path.cwd() / 'bin'}{os.pathsep}{os.environ['PATH']}")
    Path("array.sh").write_text(script)
    array = slurm.ask("sbatch", "--parsable", "--requeue", "array.sh").strip()
    parts = [store.with_name(f"part-{part}.db") for part in (1, 2)]
    wait_for(lambda: has_checkpoint(parts[1]))
    slurm.ask("scontrol", "requeue", f"{array}_2")
    wait_for(lambda: slurm.jobs().get(f"{array}_2") == "PENDING")
    assert "waiting" in states(parts[1])
    slurm.ask("scontrol", "update", f"jobid={array}_2", "StartTime=now")
    wait_for(lambda: not slurm.jobs())
    merged = unroll("merge", *parts, "--store", store)
    assert merged.returncode == 0, merged.stderr
    assert afresh(parts[1]) == []
    assert bits(store) == uninterrupted


def test_without_the_packages_the_error_says_how_to_install_them(small: Path, store: Path, called):
    for package in ("distributed", "cryptography"):
        absent = f"import sys; sys.modules['{package}'] = None"
        done = unroll("run", small, "--store", store, "--executor", "slurm", "--workers", "2", plant=absent)
        assert done.returncode == 1
        assert 'Install them: pip install "unroll-lab[slurm]"' in done.stderr
    wrong = called("run", small, "--store", store, "--executor", "slurm", "--scheduler", "tcp://127.0.0.1:1")
    assert wrong.code == 2
    assert "Unknown option scheduler of the executor slurm." in wrong.err
