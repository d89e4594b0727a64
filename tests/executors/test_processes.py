import atexit
import ctypes
import os
import resource
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import psutil
import pytest

from unroll.errors import ExecutorError, WorkerDiedError, WorkerStartError
from unroll.executors import Channel, Executor, Processes
from unroll.testing.executors import (
    PATIENCE,
    ExecutorConformance,
    Unreadable,
    ask,
    double,
    ignore,
    until_stopped,
)


class TestProcesses(ExecutorConformance):
    def make(self, workers: int) -> Executor:
        return Processes(workers)


def pid(item, channel):
    return os.getpid()


def sleep(item, channel):
    channel.send(os.getpid())
    time.sleep(item)


def die(item, channel):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(100):
        channel.send(number)
    item()


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def exit_3():
    os._exit(3)


def read_address_0():
    ctypes.string_at(0)


def close_files():
    os.closerange(3, 64)
    ctypes.PyDLL(None).sleep(60)  # without letting the listening thread run, which would end the process


def leave_a_child_and_die():
    if os.fork() == 0:
        time.sleep(10)  # and holds a copy of the worker's socket
        os._exit(0)
    kill_self()


@pytest.mark.parametrize(
    ("death", "fact"),
    [
        (kill_self, "ended by SIGKILL, often the kernel's out-of-memory killer"),
        (exit_3, "ended with exit code 3"),
        (os.abort, "ended by SIGABRT"),
        (read_address_0, "ended by SIGSEGV"),
        (close_files, "closed its connection"),
        (leave_a_child_and_die, "ended by SIGKILL"),
    ],
)
def test_a_dying_worker_takes_nothing_with_it(death, fact):
    started = threading.Event()
    received = []
    with Processes(2) as executor:
        neighbour_channel = Channel(lambda _: started.set())
        neighbour = executor.submit(until_stopped, 0, neighbour_channel)
        assert started.wait(PATIENCE)
        start = time.monotonic()
        error = executor.submit(die, death, Channel(received.append)).exception(PATIENCE)
        assert time.monotonic() - start < 5
        assert isinstance(error, WorkerDiedError)
        assert fact in str(error)
        assert received == list(range(100))
        assert executor.submit(double, 21, Channel(ignore)).result(PATIENCE) == 42
        assert not neighbour.done()
        neighbour_channel.stop()
        assert neighbour.result(PATIENCE) == "stopped"


def test_workers_start_when_needed_and_stay_warm():
    with Processes(3) as executor:
        assert children() == set()
        pids = {executor.submit(pid, 0, Channel(ignore)).result(PATIENCE) for _ in range(4)}
        assert len(pids) == 1
        assert pids == children()
    assert children() == set()


def test_workers_that_will_be_needed_start_ahead(monkeypatch):
    """As many as there will be work and are cores for, once, and the work goes to them."""
    cores = iter((8, 8, 1))
    monkeypatch.setattr("unroll.executors.processes.usable_cores", lambda: next(cores))
    for callables, count in ((2, 2), (5, 3), (5, 1)):
        with Processes(3) as executor:
            executor.expect(callables)
            deadline = time.monotonic() + PATIENCE
            while len(children()) < count and time.monotonic() < deadline:
                time.sleep(0.01)
            ahead = children()
            assert len(ahead) == count
            executor.expect(callables)
            futures = [executor.submit(pid, 0, Channel(ignore)) for _ in range(count)]
            assert {future.result(PATIENCE) for future in futures} <= ahead
            assert children() == ahead
        assert children() == set()


def test_work_that_overtakes_the_start_ahead_starts_its_worker_alone(monkeypatch):
    """Planted, seen to be found: as many started ahead as were expected, whatever has been started since."""
    overtaken, late = threading.Event(), []

    class Late(ThreadPoolExecutor):
        def submit(self, call, /, *arguments):
            if call.__name__ != "_start_ahead":
                return super().submit(call, *arguments)
            late.append(super().submit(lambda: overtaken.wait(PATIENCE) and call(*arguments)))
            return late[-1]

    monkeypatch.setattr("unroll.executors.processes.ThreadPoolExecutor", Late)
    with Processes(3) as executor:
        executor.expect(1)
        assert executor.submit(pid, 0, Channel(ignore)).result(PATIENCE) in children()
        overtaken.set()
        assert wait(late, PATIENCE).not_done == set()
        assert len(late) == len(children()) == 1


def test_what_is_refused_for_want_of_a_thread_is_never_run(monkeypatch, tmp_path):
    start, path = threading.Thread.start, tmp_path / "run"
    with Processes(2) as executor:
        channel, begun = Channel(ignore), threading.Event()
        channel_of_first = Channel(lambda _: begun.set())
        first = executor.submit(until_stopped, 0, channel_of_first)
        assert begun.wait(PATIENCE)

        def refuse(thread):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(ExecutorError, match="No thread can be started"):
            executor.submit(lambda item, channel: item.touch(), path, channel)
        monkeypatch.setattr(threading.Thread, "start", start)
        channel_of_first.stop()
        assert first.result(PATIENCE) == "stopped"
        assert executor.submit(double, 21, channel).result(PATIENCE) == 42
    assert not path.exists()


def test_two_threads_shut_down_at_once():
    for _ in range(10):
        executor = Processes(2)
        executor.submit(double, 1, Channel(ignore)).result(PATIENCE)
        with ThreadPoolExecutor(2) as pool:
            ends = [pool.submit(executor.shutdown, now=True) for _ in range(2)]
            assert [end.exception(PATIENCE) for end in ends] == [None, None]
        assert children() == set()


def test_shutdown_while_workers_start_ahead():
    for now in (True, False):
        executor = Processes(2)
        executor.expect(2)
        start = time.monotonic()
        executor.shutdown(now=now)
        assert time.monotonic() - start < PATIENCE
        assert children() == set()


def test_a_worker_that_cannot_start_ahead_is_the_error_of_the_work_that_needs_it(monkeypatch):
    def refuse(*arguments, **names):
        raise OSError(24, "Too many open files")

    with Processes(2) as executor:
        monkeypatch.setattr("subprocess.Popen", refuse)
        executor.expect(2)
        error = executor.submit(double, 1, Channel(ignore)).exception(PATIENCE)
        assert isinstance(error, WorkerStartError)
        monkeypatch.undo()
        assert executor.submit(double, 21, Channel(ignore)).result(PATIENCE) == 42


def test_a_worker_that_died_while_idle_is_replaced():
    with Processes(1) as executor:
        first = executor.submit(pid, 0, Channel(ignore)).result(PATIENCE)
        os.kill(first, signal.SIGKILL)
        time.sleep(0.2)
        assert executor.submit(pid, 0, Channel(ignore)).result(PATIENCE) != first


def test_workers_compute_with_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with Processes(1) as executor:
        call = lambda item, channel: [os.environ.get(name) for name in item]  # noqa: E731
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        assert executor.submit(call, names, Channel(ignore)).result(PATIENCE) == ["1", "1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_signals_of_a_worker():
    def handlers(item, channel):
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)], blocked

    with Processes(1) as executor:
        found = executor.submit(handlers, 0, Channel(ignore)).result(PATIENCE)
    assert found == ([signal.SIG_IGN] * 3, set())


def test_shutdown_now_ends_what_runs_and_cancels_what_waits():
    started = threading.Event()
    executor = Processes(1)
    running = executor.submit(sleep, 600, Channel(lambda _: started.set()))
    waiting = executor.submit(double, 1, Channel(ignore))
    assert started.wait(PATIENCE)
    start = time.monotonic()
    executor.shutdown(now=True)
    assert time.monotonic() - start < 1
    assert waiting.cancelled()
    assert isinstance(running.exception(0), WorkerDiedError)
    assert "shutdown" in str(running.exception(0))
    assert children() == set()


def test_shutdown_now_while_workers_start():
    for delay in (0, 0.01, 0.03):
        executor = Processes(2)
        futures = [executor.submit(sleep, 600, Channel(ignore)) for _ in range(2)]
        time.sleep(delay)
        executor.shutdown(now=True)
        assert wait(futures, timeout=0).not_done == set()
        assert children() == set()


def test_an_exception_in_the_block_ends_the_work():
    executor = Processes(1)

    def work():
        with executor:
            executor.submit(sleep, 600, Channel(ignore))
            raise ZeroDivisionError

    start = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        work()
    assert time.monotonic() - start < 5
    assert children() == set()


def test_exit_handlers_of_workers_run(tmp_path):
    path = tmp_path / "left"
    with Processes(1) as executor:
        executor.submit(lambda item, channel: atexit.register(item.touch) and None, path, Channel(ignore))
    assert path.exists()


def test_a_waiting_callable_can_be_cancelled():
    with Processes(1) as executor:
        first = Channel(ignore)
        executor.submit(until_stopped, 0, first)
        second = executor.submit(double, 1, Channel(ignore))
        assert second.cancel()
        first.stop()
    assert second.cancelled()


def test_what_cannot_be_pickled_is_said():
    lock = threading.Lock()
    with Processes(1) as executor:
        error = executor.submit(double, lock, Channel(ignore)).exception(PATIENCE)
        assert isinstance(error, ExecutorError)
        assert "cannot pickle '_thread.lock'" in str(error)

        def send_lock(item, channel):
            channel.send(threading.Lock())

        def return_lock(item, channel):
            return threading.Lock()

        for call in (send_lock, return_lock):
            error = executor.submit(call, 0, Channel(ignore)).exception(PATIENCE)
            assert "cannot pickle '_thread.lock'" in str(error)
        assert executor.submit(double, 1, Channel(ignore)).result(PATIENCE) == 2


def test_what_was_asked_for_and_cannot_be_sent_or_read_is_said():
    with Processes(1) as executor:
        error = executor.submit(ask, 1, Channel(ignore, lambda question: threading.Lock())).exception(PATIENCE)
        assert isinstance(error, ExecutorError)
        assert "What a worker process asked for cannot be sent to it: cannot pickle '_thread.lock'" in str(error)
        error = executor.submit(ask, 1, Channel(ignore, lambda question: Unreadable())).exception(PATIENCE)
        assert isinstance(error, WorkerStartError)
        assert "No module named 'a_module_that_is_not_here'" in str(error)
        assert executor.submit(double, 1, Channel(ignore)).result(PATIENCE) == 2


def test_no_file_descriptor_is_left():
    def descriptors():
        return psutil.Process().num_fds()

    before = descriptors()
    with Processes(2) as executor:
        futures = [executor.submit(die, death, Channel(ignore)) for death in (exit_3, kill_self, exit_3)]
        wait(futures)
        executor.submit(double, 1, Channel(ignore)).result(PATIENCE)
    assert descriptors() == before


def test_at_least_one_worker():
    with pytest.raises(ExecutorError, match="0 worker processes"):
        Processes(0)


def test_description():
    for workers, words in ((1, "1 worker process"), (2, "2 worker processes")):
        with Processes(workers) as executor:
            assert executor.describe() == words
            assert executor.slots == workers


def test_script_without_main_guard(coordinator):
    script = """
        from dataclasses import dataclass
        from unroll.executors import Channel, Processes

        scale = 3

        @dataclass
        class Trial:
            value: int

        class Odd(Exception):
            pass

        def call(trial, channel):
            channel.send(Trial(trial.value + 1))
            if trial.value % 2:
                raise Odd(trial.value)
            return Trial(scale * trial.value)

        received = []
        with Processes(2) as executor:
            assert executor.submit(call, Trial(4), Channel(received.append)).result() == Trial(12)
            assert type(executor.submit(call, Trial(5), Channel(received.append)).exception()) is Odd
        assert received == [Trial(5), Trial(6)], received
        print("done")
        """
    assert coordinator(script).finish() == (0, "done\n", "")


def test_executor_that_nobody_shuts_down_leaves_nothing_and_warns_of_nothing(coordinator):
    script = """
        from unroll.executors import Channel, Processes
        executor = Processes(2)
        futures = [executor.submit(lambda item, channel: item, i, Channel(print)) for i in range(3)]
        if DROP:
            del executor
        print([future.result() for future in futures])
        """
    for drop in ("True", "False"):
        program = coordinator(script.replace("DROP", drop))
        assert program.finish() == (0, "[0, 1, 2]\n", "")
        assert program.seconds_until_gone() < 2


def test_output_of_workers_is_seen_at_once(coordinator):
    script = """
        import os
        from unroll.executors import Channel, Processes

        def call(item, channel):
            print("from a worker")
            os._exit(0)

        with Processes(1) as executor:
            executor.submit(call, 0, Channel(print)).exception()
        """
    assert coordinator(script).finish() == (0, "from a worker\n", "")


OTHERS: set[int] = set()
"""Processes that other tests of this process have started, for as long as it lives."""


@pytest.fixture(autouse=True)
def others():
    OTHERS.clear()
    OTHERS.update(children())


def children():
    return {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)} - OTHERS
