"""Slurm: the conformance suite on a real one of one node, and what happens when jobs end.

Planted and found: a worker that leaves and is given more; one that stops nothing, or does not hear Slurm's warning;
jobs that are not cancelled at the end, not replaced, replaced though they come back, or given back while they work; a
folder that others may read.
"""

from __future__ import annotations

import os
import shutil
import signal
import time

import psutil
import pytest

from tests.executors.dask_cluster import wait_for
from tests.executors.slurm_node import HERE, SlurmNode, free_ports
from unroll.errors import ExecutorError, UnknownNameError, WorkerDiedError
from unroll.executors import Channel, Executor
from unroll.executors.options import checked
from unroll.testing.executors import PATIENCE, ExecutorConformance, double, ignore, until_stopped

pytest.importorskip("distributed", reason='the executor slurm needs pip install "unroll-lab[slurm]"')
pytest.importorskip("cryptography", reason='the executor slurm needs pip install "unroll-lab[slurm]"')

from unroll.executors.slurm import Slurm


def running(workers: int, **options: object) -> Slurm:
    """Return an executor all of whose jobs run."""
    executor = Slurm(workers, **{**HERE, **options})
    executor.expect(workers)
    wait_for(lambda: executor.slots == workers)
    return executor


@pytest.mark.cluster
class TestSlurm(ExecutorConformance):
    @pytest.fixture(autouse=True)
    def _on(self, slurm: SlurmNode):
        pass

    def make(self, workers: int) -> Executor:
        return running(workers)


def hand_in(item, channel):
    """Say which process this is, wait for the wish to stop, then send what there is."""
    channel.send(os.getpid())
    value = until_stopped(item, channel)
    channel.send(bytes(1 << 20))
    return value


def begun(executor: Executor) -> tuple:
    """Submit ``hand_in``; return its future, all that it sends, and its process id."""
    sent: list = []
    future = executor.submit(hand_in, 7, Channel(sent.append))
    wait_for(lambda: len(sent) == 2)
    return future, sent, sent[0]


@pytest.mark.cluster
@pytest.mark.parametrize("way", ["cancelled", "requeued", "warned"])
def test_a_job_that_has_to_end_hands_in_what_it_has_and_another_takes_its_place(slurm, way):
    with running(1) as executor:
        future, sent, pid = begun(executor)
        (job,) = slurm.jobs()
        if way == "cancelled":
            slurm.ask("scancel", job)
        elif way == "requeued":
            slurm.ask("scontrol", "requeue", job)
        else:  # as before the end of its time
            slurm.ask("scancel", "--batch", "--signal=USR1", job)
        assert future.result(PATIENCE) == "stopped"
        assert sent[2:] == [bytes(1 << 20)]
        assert executor.slots == 0, "nothing more is given to it"
        if way == "requeued":
            wait_for(lambda: slurm.jobs().get(job) == "PENDING")
            slurm.ask("scontrol", "update", f"jobid={job}", "StartTime=now")
        wait_for(lambda: executor.slots == 1)
        another, _, new = begun(executor)
        assert new != pid
        assert (list(slurm.jobs()) == [job]) == (way == "requeued"), "one that comes back is not replaced"
        slurm.ask("scancel", *slurm.jobs())
        assert another.result(PATIENCE) == "stopped"


@pytest.mark.cluster
def test_a_killed_worker_costs_its_own_work_and_is_replaced_and_said(slurm):
    told: list[str] = []
    with running(2) as executor:
        future, _, pid = begun(executor)
        os.kill(pid, signal.SIGKILL)
        assert isinstance(future.exception(PATIENCE), WorkerDiedError)
        assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8
        wait_for(lambda: executor.slots == 2)
        wait_for(lambda: told.extend(executor.news()) or told)
        assert "FAILED" in told[0]
        assert "others take their place" in told[0]
        assert len(slurm.jobs()) == 2


@pytest.mark.cluster
def test_a_job_that_waits_is_said_why_and_replaced_where_it_is_cancelled(slurm):
    with Slurm(1, **HERE, directives="--hold") as executor:
        assert (executor.slots, executor.queue) == (0, 1)
        assert executor.waiting() == "Slurm: none of its jobs is in the queue"
        executor.expect(5)
        wait_for(lambda: executor._seen)
        assert executor.waiting() == f"Slurm: one job PENDING, JobHeldUser; see squeue --name={executor._name()}"
        (job,) = slurm.jobs()
        slurm.ask("scancel", job)
        wait_for(lambda: slurm.jobs() and job not in slurm.jobs())
    with Slurm(3, **HERE, partition="closed") as executor:
        executor.expect(5)
        wait_for(lambda: executor._seen)
        assert "three jobs PENDING, PartitionDown" in executor.waiting()


@pytest.mark.cluster
def test_what_slurm_refuses_is_said_and_leaves_nothing(slurm):
    with pytest.raises(ExecutorError, match=r"Slurm's sbatch has failed: .*nosuch"):
        Slurm(1, **HERE, partition="nosuch")


@pytest.mark.cluster
def test_jobs_that_cannot_start_their_worker_are_given_up_with_their_own_words(slurm):
    with Slurm(1, **HERE, python="/no/such/python") as executor:
        executor.expect(1)
        wait_for(lambda: executor._broken)
        with pytest.raises(ExecutorError, match=r"jobs end before their workers are there.*/no/such/python.*not found"):
            executor.submit(double, 1, Channel(ignore))


@pytest.mark.cluster
def test_only_who_holds_the_certificate_is_spoken_to_and_it_is_gone_at_the_end(slurm, tmp_path):
    from distributed import Client, Security

    with running(1, logs=tmp_path / "logs") as executor:
        (folder,) = tmp_path.glob(".unroll-slurm-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {file.name: file.stat().st_mode & 0o777 for file in folder.glob("*.pem")} == {
            "certificate.pem": 0o600,
            "key.pem": 0o600,
        }
        address = executor._address
        assert address.startswith("tls://127.0.0.1:")
        strange = Security.temporary()
        for where, security in ((address.replace("tls", "tcp"), None), (address, strange)):
            with pytest.raises(OSError):  # noqa: PT011 - Dask says it in several words
                Client(where, security=security, timeout=1)
        (job,) = slurm.jobs()
        script = slurm.ask("scontrol", "write", "batch_script", job, "-")
        assert "PRIVATE KEY" not in script
        assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8
    assert not folder.exists()
    assert [file.name for file in (tmp_path / "logs").iterdir()] == [f"{job}.log"], "what is to stay stays"


SCRIPT = """
import time
from unroll.executors.slurm import Slurm
from unroll.executors import Channel

def call(item, channel):
    channel.send("ready")
    time.sleep(600)  # as in native code that looks at nothing

held = Slurm(1, host="127.0.0.1", look=0.2, silence=1.0, directives="--hold")
held.expect(1)
executor = Slurm(1, host="127.0.0.1", look=0.2)
executor.expect(1)
while executor.slots < 1:
    time.sleep(0.01)
executor.submit(call, 0, Channel(lambda message: print(message, flush=True)))
time.sleep(600)
"""


@pytest.mark.cluster
def test_jobs_end_by_themselves_when_the_coordinator_is_killed(slurm, coordinator, tmp_path):
    program = coordinator(SCRIPT)
    assert program.line() == "ready"
    wait_for(lambda: sorted(slurm.jobs().values()) == ["PENDING", "RUNNING"])
    program.kill()
    slurm.ask("scontrol", "release", *(job for job, state in slurm.jobs().items() if state == "PENDING"))
    wait_for(lambda: not slurm.jobs())
    for left in tmp_path.glob(".unroll-slurm-*"):  # nobody was there to remove them
        shutil.rmtree(left)


@pytest.mark.cluster
def test_jobs_come_when_there_is_something_to_be_done_and_go_when_there_is_less(slurm):
    with Slurm(3, **HERE) as executor:
        executor.expect(0)
        time.sleep(0.5)
        assert not slurm.jobs()
        executor.expect(2)
        wait_for(lambda: executor.slots == 2)
        assert len(slurm.jobs()) == 2
        channels = {}
        for _ in range(2):
            sent: list = []
            channel = Channel(sent.append)
            future = executor.submit(hand_in, 7, channel)
            wait_for(lambda sent=sent: len(sent) == 2)
            channels[psutil.Process(sent[0]).environ()["SLURM_ARRAY_TASK_ID"]] = channel, future
        works, idle = (job.split("_")[1] for job in slurm.jobs())  # the first in the queue works on
        channel, future = channels[idle]
        channel.stop()
        assert future.result(PATIENCE) == "stopped"
        executor.expect(1)
        wait_for(lambda: executor.slots == 1 and len(slurm.jobs()) == 1)
        assert next(iter(slurm.jobs())).endswith(f"_{works}"), "the one that has nothing to do goes"
        future = channels[works][1]
        assert not future.done()
        assert executor.news() == []
        executor.expect(3)
        wait_for(lambda: executor.slots == 3)
        slurm.ask("scancel", *slurm.jobs())
        assert future.result(PATIENCE) == "stopped"


@pytest.mark.cluster
def test_jobs_without_a_word_about_their_work_are_as_many_as_were_asked_for(slurm, tmp_path):
    shared, (port,) = tmp_path / "a folder", free_ports(1)
    shared.mkdir()
    with Slurm(2, interface="lo", port=port, folder=shared, look=0.2) as executor:
        assert executor._address == f"tls://127.0.0.1:{port}"
        assert len(list(shared.glob(".unroll-slurm-*"))) == 1
        assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8
        wait_for(lambda: executor.slots == 2)
    assert not list(shared.iterdir())


@pytest.mark.cluster
def test_jobs_ask_for_what_the_options_say(slurm):
    options = {"partition": "one", "time": "00:10:00", "memory": "100M", "cpus": "2", "handover": "60"}
    with Slurm(1, **HERE, **options, directives="--hold --comment='two words' --nice=7") as executor:
        executor.expect(1)
        wait_for(lambda: executor._seen)
        (job,) = slurm.jobs()
        shown = slurm.ask("scontrol", "show", "job", job)
    wanted = ("Partition=one", "TimeLimit=00:10:00", "MinMemoryNode=100M", "CPUs/Task=2", "Comment=two words")
    for text in (*wanted, "Nice=7", "NumNodes=1-1", "Requeue=1", f"JobName={executor._name()}"):
        assert text in shown


LIES = """
import importlib.metadata as m
true = m.version
m.version = lambda name: "0.0" if name == "numpy" else true(name)
"""


@pytest.mark.cluster
def test_jobs_in_another_environment_are_said_and_end_it(slurm, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(LIES)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    with Slurm(1, **HERE) as executor:
        executor.expect(1)
        wait_for(lambda: executor._broken)
        with pytest.raises(ExecutorError, match=r"another environment than this program: numpy 0\.0, here .*python="):
            executor.submit(double, 1, Channel(ignore))


@pytest.mark.cluster
def test_before_the_time_of_a_job_is_over_it_hands_in_what_it_has(slurm):
    with running(1, time="1", handover=5) as executor:
        future, sent, _ = begun(executor)
        (job,) = slurm.jobs()
        assert future.result(2 * PATIENCE) == "stopped"
        assert sent[2:] == [bytes(1 << 20)]
        wait_for(lambda: job not in slurm.jobs() and executor.slots == 1)
        assert executor.news() == []


def test_options():
    with pytest.raises(UnknownNameError, match=r'partiton of the executor slurm. Did you mean "partition"\?'):
        checked(Slurm.options, {"partiton": "cpu"}, "slurm")
    given = checked(Slurm.options, {"directives": "--gres=gpu:1 --comment='two words'", "cpus": "2"}, "slurm")
    assert given.directives == ("--gres=gpu:1", "--comment=two words")
    assert given.cpus == 2
    with pytest.raises(ExecutorError, match="Say it: --workers 20"):
        Slurm(partition="cpu")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"time": "soon"}, 'time: "soon" is no time'),
        ({"time": "2", "handover": 120}, "no longer than the handover"),
        ({"memory": "2 GB"}, "memory: String should match"),
        ({"cpus": 0}, "cpus: Input should be greater than or equal to 1"),
        ({"host": "here", "interface": "ib0"}, "host and interface both say"),
        ({"partition": "a\n#SBATCH --wrap=x"}, "partition: line breaks"),
        ({"python": "python\nrm"}, "python: line breaks"),
        ({"directives": ["--comment=a\nb"]}, "directives: .*no option of sbatch"),
        ({"directives": "-A me"}, "directives: '-A' is no option of sbatch. Write --name=value"),
        ({"directives": "script.sh"}, "is no option of sbatch"),
        ({"directives": "--wrap=ls"}, "--wrap is set by unroll"),
        ({"directives": "--clusters=other"}, "--clusters is set by unroll"),
        ({"directives": "--arr=0-9"}, "--arr is set by unroll"),
        ({"silence": 0}, "silence: Input should be greater than 0"),
    ],
)
def test_an_option_that_cannot_be_is_said(options, why):
    with pytest.raises(ExecutorError, match=why):
        checked(Slurm.options, options, "slurm")


def test_no_value_can_be_more_than_one_argument():
    class Nowhere(Slurm):
        async def _open(self):
            self._shared, self._address = Folder(), "tls://h:1"

    class Folder:
        name = "/a b"

        def cleanup(self):
            pass

    with Nowhere(1, partition="cpu --wrap=x", python="/my python; rm -r x", directives="--nice") as executor:
        assert "--partition=cpu --wrap=x" in executor._flags()
        last = executor._script().splitlines()[-1]
        assert last.startswith("exec '/my python; rm -r x' -P -m unroll.executors.slurm_worker tls://h:1 '/a b' ")


def test_where_slurm_is_not_there_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExecutorError, match=r"not found here: sbatch, squeue and scancel\. Run it where jobs can be"):
        Slurm(1)
    assert not list(tmp_path.iterdir())


@pytest.mark.cluster
def test_a_folder_that_cannot_be_used_is_said(slurm, tmp_path):
    with pytest.raises(ExecutorError, match=r"cannot hold what jobs need .*Name one that they see as well"):
        Slurm(1, **HERE, folder=tmp_path / "nowhere")
