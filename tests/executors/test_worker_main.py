"""What a worker does when its coordinator dies or the terminal says Ctrl-C."""

import os
import signal
import sys
import time

import pytest

LIMIT = 30.0
"""Seconds after which a process counts as left behind, on however loaded a machine."""

SCRIPT = """
import ctypes, os, sys, time
from unroll.executors import Channel, Processes

def disarm():
    # The kernel's own guard is switched off, so that the other two are seen to work alone.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 0)

def busy(item, channel):
    channel.send("ready")
    while True:
        pass

def sleep(item, channel):
    channel.send("ready")
    time.sleep(60)

def busy_without_kernel(item, channel):
    disarm()
    busy(item, channel)

def sleep_without_kernel(item, channel):
    disarm()
    sleep(item, channel)

def native_with_lock(item, channel):
    channel.send("ready")
    ctypes.PyDLL(None).sleep(60)

def matmul(item, channel):
    import torch
    large = torch.ones(6000, 6000)
    channel.send("ready")
    while True:
        large @ large

def flood(item, channel):
    channel.send("ready")
    while True:
        channel.send(bytes(1 << 20))

def report(message):
    if message == "ready":
        sys.stdout.write("ready\\n")  # in one piece: there are two threads
        sys.stdout.flush()

executor = Processes(2)
call = globals()[sys.argv[1]]
print("submitting", flush=True)
futures = [executor.submit(call, 0, Channel(report)) for _ in range(2)]
"""


@pytest.mark.parametrize(
    "call",
    [
        "busy",
        "sleep",
        "busy_without_kernel",
        "sleep_without_kernel",
        "matmul",
        "flood",
        pytest.param(
            "native_with_lock",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's guard"),
        ),
    ],
)
def test_worker_dies_with_its_coordinator(coordinator, call):
    program = coordinator(SCRIPT, call)
    assert [program.line() for _ in range(3)] == ["submitting", "ready", "ready"]
    time.sleep(0.1)
    assert len(program.family()) == 3
    program.kill()
    assert program.seconds_until_gone() < LIMIT


@pytest.mark.parametrize("delay", [0.01 * i for i in range(12)])
def test_worker_that_is_being_started_dies_with_its_coordinator(coordinator, delay):
    program = coordinator(SCRIPT, "sleep_without_kernel")
    assert program.line() == "submitting"
    time.sleep(delay)
    program.kill()
    assert program.seconds_until_gone() < LIMIT


def test_worker_dies_though_a_child_of_the_coordinator_holds_its_socket(coordinator):
    fork = """
import warnings
warnings.simplefilter("ignore")
time.sleep(0.5)
child = os.fork()
if child == 0:
    time.sleep(10)
    os._exit(0)
print(child, flush=True)
"""
    program = coordinator(SCRIPT + fork, "sleep_without_kernel")
    first, *lines = (program.line() for _ in range(4))
    (holder,) = (int(line) for line in lines if line != "ready")  # it may come before a worker that starts slowly
    assert (first, lines.count("ready")) == ("submitting", 2)
    program.kill()
    assert program.seconds_until_gone(besides={holder}) < LIMIT
    assert holder in program.family()


def test_ctrl_c_reaches_only_the_coordinator(coordinator):
    script = """
        import signal, sys, time
        from unroll.executors import Channel, Processes

        interrupts = []
        signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))

        def until_stopped(item, channel):
            channel.send("ready")
            while not channel.stopping:
                time.sleep(0.001)
            return "stopped"

        with Processes(2) as executor:
            print("submitting", flush=True)
            channels = [Channel(lambda message: sys.stdout.write(message + "\\n")) for _ in range(2)]
            futures = [executor.submit(until_stopped, 0, channel) for channel in channels]
            time.sleep(1)
            for channel in channels:
                channel.stop()
            print([future.result() for future in futures], len(interrupts) > 10)
        """
    program = coordinator(script)
    assert program.line() == "submitting"
    for _ in range(150):
        os.killpg(program.process.pid, signal.SIGINT)
        time.sleep(0.002)
    assert program.finish() == (0, "ready\nready\n['stopped', 'stopped'] True\n", "")


def test_ctrl_c_in_the_block_ends_the_work_at_once(coordinator):
    script = """
        import signal, time
        from unroll.executors import Channel, Processes

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell's children ignore it

        def sleep(item, channel):
            channel.send("ready")
            time.sleep(60)

        with Processes(1) as executor:
            executor.submit(sleep, 0, Channel(lambda message: print(message, flush=True)))
            executor.submit(sleep, 0, Channel(print))
            WAIT
        """
    for waiting in ("time.sleep(60)", "pass  # so that shutdown is what is interrupted"):
        program = coordinator(script.replace("WAIT", waiting))
        assert program.line() == "ready"
        time.sleep(0.3)  # the main thread is where the interrupt is meant to find it
        os.killpg(program.process.pid, signal.SIGINT)
        code, _, errors = program.finish(timeout=5)
        assert code == -signal.SIGINT
        assert errors.endswith("KeyboardInterrupt\n")
        assert program.seconds_until_gone() < LIMIT
