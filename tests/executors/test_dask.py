"""Dask: the conformance suite, and what happens when workers, the scheduler or the coordinator go.

Planted and found: a result that is taken for lost while it is fetched. Found without planting: a wish to stop that came
after the callable's first look; a worker that joined while an executor was connecting, and was never seen.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.executors.dask_cluster import TTL, Cluster, wait_for
from unroll.errors import ExecutorError, UnknownNameError, WorkerDiedError, WorkerStartError
from unroll.executors import Channel, Executor
from unroll.executors.options import checked
from unroll.testing.executors import PATIENCE, ExecutorConformance, count, double, ignore, until_stopped

dask = pytest.importorskip("dask")
pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')

from unroll.executors.dask import Dask


def joined(cluster: Cluster, workers: int | None = None, **options: object) -> Dask:
    """Return an executor that sees all workers of a cluster."""
    executor = Dask(workers, scheduler=cluster.address, **options)
    wait_for(lambda: executor.slots == (workers or len(cluster.workers)))
    return executor


@pytest.fixture(scope="module")
def shared(forge, tmp_path_factory):
    """Two workers that no test harms."""
    cluster = Cluster(forge, tmp_path_factory.mktemp("shared"), 2)
    try:
        joined(cluster).shutdown()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def own(forge, tmp_path):
    """Make clusters that may be harmed."""
    made = []

    def make(workers: int, **options: str) -> Cluster:
        made.append(Cluster(forge, tmp_path, workers, **options))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


class TestDask(ExecutorConformance):
    @pytest.fixture(autouse=True)
    def _on(self, shared):
        self.cluster = shared

    def make(self, workers: int) -> Executor:
        return Dask(workers, scheduler=self.cluster.address)


def pid_then_wait(item, channel):
    channel.send(os.getpid())
    return until_stopped(item, channel)


def starts(item, channel):
    """Write down a start, then be there for a while."""
    with Path(item).open("a") as file:
        file.write(f"{os.getpid()}\n")
    channel.send(os.getpid())
    while not channel.stopping:
        time.sleep(0.01)
    time.sleep(0.5)
    channel.send("late")


def test_a_cluster_of_this_machine_over_loopback_alone_that_leaves_nothing():
    before = children()
    with Dask(2) as executor:
        assert executor.here
        assert executor.describe() == "Dask, two workers on this machine"
        futures = [executor.submit(double, i, Channel(ignore)) for i in range(4)]
        assert [future.result(PATIENCE) for future in futures] == [0, 2, 4, 6]
        family = [psutil.Process(), *(psutil.Process(pid) for pid in children() - before)]
        sockets = [one for process in family for one in process.net_connections("inet")]
        listening = {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
        numbers = {executor.submit(number, 0, Channel(ignore)).result(PATIENCE) for _ in range(4)}
        assert numbers <= {("0", "1"), ("1", "1")}
    wait_for(lambda: children() <= before)


def children():
    """Return process ids, without that of Python's own tracker, which ends with this process."""
    found = psutil.Process().children(recursive=True)
    return {child.pid for child in found if "resource_tracker" not in " ".join(child.cmdline())}


def number(item, channel):
    return os.environ["UNROLL_WORKER"], os.environ["OMP_NUM_THREADS"]


def test_workers_come_and_go_and_slots_follow(own):
    cluster = own(1)
    with joined(cluster) as executor:
        assert not executor.here
        assert executor.describe() == "Dask, one worker on one host"
        second = cluster.add()
        wait_for(lambda: executor.slots == 2)
        cluster.end(second)
        wait_for(lambda: executor.slots == 1)
        assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8
    with joined(cluster, 1) as executor:
        cluster.add()
        wait_for(lambda: len(executor._workers) == 2)
        assert executor.slots == 1, "no more than was asked for"


def test_a_killed_worker_costs_its_own_work_alone(own):
    cluster = own(2)
    with joined(cluster) as executor:
        pids: list[object] = []
        victim = executor.submit(pid_then_wait, 0, Channel(pids.append))
        wait_for(lambda: pids)
        channel = Channel(ignore)
        other = executor.submit(until_stopped, 0, channel)
        os.kill(pids[0], signal.SIGKILL)
        start = time.monotonic()
        error = victim.exception(PATIENCE)
        assert time.monotonic() - start < PATIENCE / 2
        assert isinstance(error, WorkerDiedError)
        assert "was lost before its work was done" in str(error)
        wait_for(lambda: executor.slots == 1)
        channel.stop()
        assert other.result(PATIENCE) == "stopped"
        assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8


def test_a_frozen_worker_is_given_up_and_what_it_sends_later_is_delivered_to_whoever_asks(own, tmp_path):
    cluster = own(2, ttl=TTL)
    with joined(cluster) as executor:
        sent: list[object] = []
        future = executor.submit(starts, str(tmp_path / "starts"), Channel(sent.append))
        wait_for(lambda: sent)
        os.kill(sent[0], signal.SIGSTOP)
        assert isinstance(future.exception(PATIENCE), WorkerDiedError)
        wait_for(lambda: executor.slots == 1)
        again = executor.submit(double, 5, Channel(ignore))
        assert again.result(PATIENCE) == 10
        os.kill(sent[0], signal.SIGCONT)
        time.sleep(1.0)
        assert executor.submit(double, 6, Channel(ignore)).result(PATIENCE) == 12
        assert len((tmp_path / "starts").read_text().split()) == 1


def test_a_dead_scheduler_is_said_and_ends_all(own):
    cluster = own(2)
    executor = joined(cluster)
    try:
        channel = Channel(ignore)
        future = executor.submit(until_stopped, 0, channel)
        waiting = [executor.submit(until_stopped, 0, Channel(ignore)) for _ in range(3)]
        time.sleep(0.3)
        cluster.end(cluster.scheduler)
        for one in (future, *waiting):
            assert isinstance(one.exception(PATIENCE), WorkerDiedError)
        with pytest.raises(ExecutorError, match=r"connection to the Dask scheduler was lost.*run the same command"):
            executor.submit(double, 1, Channel(ignore))
        assert executor.slots >= 1
    finally:
        executor.shutdown(now=True)


SCRIPT = """
import os, sys, time
from unroll.executors import Channel
from unroll.executors.dask import Dask

def call(path, channel):
    channel.send("ready")
    while not channel.stopping:
        time.sleep(0.01)
    open(path, "w").close()

executor = Dask(scheduler=sys.argv[1], silence=1.0)
while executor.slots < 1:
    time.sleep(0.01)
executor.submit(call, sys.argv[2], Channel(lambda message: print(message, flush=True)))
time.sleep(60)
"""


def test_work_leaves_a_worker_whose_coordinator_was_killed(own, coordinator, tmp_path):
    cluster = own(1)
    program = coordinator(SCRIPT, cluster.address, tmp_path / "left")
    assert program.line() == "ready"
    program.kill()
    wait_for((tmp_path / "left").exists)
    with joined(cluster) as executor:  # the worker is free again
        assert executor.submit(double, 3, Channel(ignore)).result(PATIENCE) == 6


FORGED = """
import os, signal, sys
from pathlib import Path
from tests.executors.dask_cluster import Cluster, Forge

cluster = Cluster(Forge(), Path(sys.argv[1]), 1)
os.kill(cluster.workers[0], signal.SIGSTOP)
print("ready", flush=True)
signal.pause()
"""


def test_no_cluster_outlives_the_tests_that_made_it(coordinator, tmp_path):
    program = coordinator(FORGED, tmp_path)
    assert program.line() == "ready"
    assert len(program.family()) == 4
    program.kill()
    assert program.seconds_until_gone() < PATIENCE


LOCAL = """
import signal
from unroll.executors.dask import Dask

if __name__ == "__main__":
    executor = Dask(1)
    print("ready", flush=True)
    signal.pause()
"""


@pytest.mark.slow
def test_workers_of_a_cluster_of_this_machine_end_with_a_coordinator_that_is_killed(coordinator):
    program = coordinator(LOCAL)
    assert program.line() == "ready"
    assert len(program.family()) >= 2
    program.kill()
    assert program.seconds_until_gone() < PATIENCE


@pytest.mark.slow
def test_a_cluster_of_this_machine_that_cannot_start_leaves_nothing(monkeypatch):
    from distributed import LocalCluster

    before, made = children(), []
    start = LocalCluster._correct_state_internal

    async def fails(self):
        await start(self)
        if not made:
            made.extend(children() - before)
            raise RuntimeError("no room")

    monkeypatch.setattr(LocalCluster, "_correct_state_internal", fails)
    with pytest.raises(ExecutorError, match="No Dask cluster can be started on this machine: no room"):
        Dask(1)
    assert made
    wait_for(lambda: children() <= before)


LIES = """
import importlib.metadata as m
true = m.version
m.version = lambda name: "0.0" if name == "numpy" else true(name)
"""


@pytest.mark.filterwarnings("ignore:Mismatched versions")  # which Dask says of some, and goes on
@pytest.mark.parametrize(("options", "why"), [((), "numpy 0.0, here"), (("--nthreads", "2"), "2 threads")])
def test_workers_that_cannot_be_used_are_refused_before_and_when_they_join(own, tmp_path, options, why):
    lies = tmp_path / "lies.py"
    lies.write_text("" if options else LIES)
    cluster = own(1)
    told: list[str] = []
    with joined(cluster) as executor:
        cluster.add(*options, plant=str(lies))
        wait_for(lambda: told.extend(executor.news()) or told)
        assert executor.slots == 1
        assert executor.describe() == "Dask, one worker on one host"
        where = {executor.submit(whoami, 0, Channel(ignore)).result(PATIENCE) for _ in range(8)}
        assert where == {cluster.workers[0]}
        cluster.add()
        wait_for(lambda: executor.slots == 2)
        cluster.end(cluster.workers.pop(1))
        cluster.end(cluster.workers.pop(1))
        wait_for(lambda: executor.slots == 1)
        told += executor.news()
        cluster.add(*options, plant=str(lies))
        wait_for(lambda: told.extend(executor.news()) or len(told) == 2)
    assert [text for text in told if why in text and "Start workers with --nthreads 1" in text] == told
    with pytest.raises(ExecutorError, match=rf"not so tcp://127\.0\.0\.1:\d+ \({why}"):
        Dask(scheduler=cluster.address)


def whoami(item, channel):
    return os.getpid()


class OnlyIn:
    """What only one process can read."""

    def __init__(self, pid):
        self.pid = pid

    def __reduce__(self):
        return only_in, (self.pid,)


def only_in(pid):
    if os.getpid() != pid:
        raise ImportError("not installed here")
    return pid


def test_a_worker_that_cannot_take_its_work_is_not_given_any_while_there_are_others(own):
    cluster = own(2)
    good = cluster.workers[0]
    errors = []
    with joined(cluster) as executor:
        for _ in range(8):
            future = executor.submit(double, OnlyIn(good), Channel(ignore))
            if error := future.exception(PATIENCE):
                errors.append(error)
            else:
                assert future.result() == 2 * good
        executor.submit(until_stopped, 0, busy := Channel(ignore))
        busy.stop()
        cluster.end(good)
        wait_for(lambda: executor.slots == 1)
        with pytest.raises(WorkerStartError, match="not installed here"):
            executor.submit(double, OnlyIn(good), Channel(ignore)).result(PATIENCE)
    assert [type(error) for error in errors] in ([], [WorkerStartError])


def test_work_that_has_not_begun_is_given_back_when_all_that_could_take_it_are_gone(own):
    cluster = own(1)
    with joined(cluster) as one, joined(cluster) as other:
        holds = []
        held = one.submit(pid_then_wait, 0, Channel(holds.append))
        wait_for(lambda: holds)
        waits = other.submit(double, 1, Channel(ignore))
        wait_for(lambda: waits.running())
        cluster.end(cluster.workers.pop())
        assert isinstance(held.exception(PATIENCE), WorkerDiedError)
        assert isinstance(waits.exception(PATIENCE), WorkerDiedError)
        cluster.add()
        wait_for(lambda: other.slots == 1)
        assert other.submit(double, 1, Channel(ignore)).result(PATIENCE) == 2


def test_thousands_of_messages_and_callables(shared):
    received: list[object] = []
    with Dask(2, scheduler=shared.address) as executor:
        executor.submit(count, 5_000, Channel(received.append)).result(PATIENCE)
        futures = [executor.submit(double, i, Channel(ignore)) for i in range(100)]
        assert [future.result(PATIENCE) for future in futures] == list(range(0, 200, 2))
    assert received == list(range(5_000))


def test_two_executors_on_one_cluster_do_not_hear_each_other(shared):
    with Dask(1, scheduler=shared.address) as one, Dask(1, scheduler=shared.address) as two:
        mine, yours = [], []
        futures = [one.submit(count, 50, Channel(mine.append)), two.submit(count, 60, Channel(yours.append))]
        assert [future.result(PATIENCE) for future in futures] == ["counted"] * 2
    assert (mine, yours) == (list(range(50)), list(range(60)))


def test_options():
    with pytest.raises(UnknownNameError, match=r'"scheduler"\? Its options: silence, same-numerics, scheduler, tls-ca'):
        checked(Dask.options, {"shceduler": "x"}, "dask")
    with pytest.raises(ExecutorError, match="silence: Input should be greater than 0"):
        Dask(silence=-1)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2 s"}),
        pytest.raises(ExecutorError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1"),
    ):
        Dask(scheduler="tcp://127.0.0.1:1")
    with pytest.raises(ExecutorError, match="silence: Input should be a finite number"):
        Dask(silence=float("inf"))
    for address in ("tls://127.0.0.1:1", None):
        with pytest.raises(ExecutorError, match="TLS needs tls-cert and tls-key as well"):
            Dask(scheduler=address, tls_ca="ca.pem")
    with pytest.raises(ExecutorError, match="TLS is for a scheduler that is there"):
        Dask(tls_ca="ca.pem", tls_cert="c.pem", tls_key="k.pem")
    with pytest.raises(ExecutorError, match="names of options are texts, not 1"):
        checked(Dask.options, {1: 2}, "dask")


@pytest.mark.parametrize("workers", [0, -1])
def test_there_is_at_least_one_worker(workers):
    for scheduler in (None, "tcp://127.0.0.1:1"):
        with pytest.raises(ExecutorError, match=f"Cannot run in {workers} workers. Ask for at least 1"):
            Dask(workers, scheduler=scheduler)


@pytest.mark.parametrize(
    "address",
    ["localhost", "127.0.0.1", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "tcp://h:70000", "foo://x:1", "", "tcp://[::1"],
)
def test_an_address_that_is_none_is_said(address, recwarn):
    with pytest.raises(ExecutorError, match=r'scheduler: ".*" is no address .* Write it as tcp://HOST:PORT'):
        Dask(scheduler=address)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("127.0.0.1:8786", False),
        ("localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("head:8786", True),
        ("tcp://head:8786", True),
    ],
)
def test_a_connection_that_is_open_to_others_is_said(address, warned):
    class Nowhere(Dask):
        async def _open(self):
            pass

    with Nowhere(scheduler=address) as executor:
        assert ("whoever reaches that port can run code" in executor.notice) == warned
