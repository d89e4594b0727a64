"""What a call leaves behind: the floating-point mode as it was, memory given back, a process that can fork."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.kernels.oracle import CELLS, Problem, needs_native
from unroll.kernels import isas, ops

pytestmark = needs_native


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_the_floating_point_mode_is_as_it_was(cell: str, flush: bool) -> None:
    from unroll.kernels import _native

    problem = Problem.random(cell, 4, 5, 2, 6)
    torch.set_flush_denormal(flush)
    try:
        before = _native.float_mode()
        for isa in isas():
            problem.native(isa)
        with pytest.raises(ValueError, match="w_ih"):
            ops.forward(cell, **(problem.inputs | {"w_ih": torch.zeros(1, 2, dtype=torch.float64)}))
        assert _native.float_mode() == before
        assert bool(torch.tensor(1e-30) * 1e-10 == 0) is flush
    finally:
        torch.set_flush_denormal(False)


ROUNDINGS = {"x86_64": 0x800, "aarch64": 0x400000}  # FE_UPWARD of the C library


@pytest.mark.skipif(platform.machine() not in ROUNDINGS, reason="another processor's constants")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_callers_rounding_and_flags_are_as_they_were(threads: int) -> None:
    """Whole control and status state: rounding upward, and no flag raised that was not."""
    from unroll.kernels import _native

    inputs = [a.numpy() for a in (torch.randn(64, 63, 2), torch.randn(400, 2), torch.randn(400, 100))]
    h_n, c_n = (torch.empty(64, 100).numpy() for _ in range(2))
    c = ctypes.CDLL(ctypes.util.find_library("m"))
    assert c.fesetround(ROUNDINGS[platform.machine()]) == 0
    try:
        c.feclearexcept(c.fetestexcept(0x3F))
        before = _native.float_mode()
        _native.forward("lstm", isas()[0], *inputs, *[None] * 6, h_n, c_n, None, threads)
        assert _native.float_mode() == before
    finally:
        c.fesetround(0)


@pytest.mark.skipif(platform.machine() not in ROUNDINGS, reason="another processor's constants")
@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_the_callers_mode_decides_no_bit(cell: str, isa: str) -> None:
    """Rounding upward, and with denormals flushed; in every thread, with weights' gradients that are denormal."""
    from unroll.kernels import _native

    problem = Problem.random(cell, 64, 30, 2, 70)
    inputs = {n: problem.inputs[n].float().numpy() for n in ("x", "w_ih", "w_hh")}
    inputs["x"] *= np.float32(2.0**-130)
    h0, dh_n = problem.inputs["h0"].float().numpy(), problem.incoming["h_n"].float().numpy()
    c = ctypes.CDLL(ctypes.util.find_library("m"))

    def gradients(threads: int) -> bytes:
        h_n, saved = np.empty_like(dh_n), _native.take_saved(cell, 0, 64, 30, 70, True)
        c_n = np.empty_like(dh_n) if cell == "lstm" else None
        grads = [np.empty_like(inputs[n]) for n in ("w_ih", "w_hh")]
        _native.forward(cell, isa, *inputs.values(), None, None, h0, *[None] * 3, h_n, c_n, saved, threads)
        _native.backward(cell, isa, *inputs.values(), None, saved, None, dh_n, None, None, *grads, *[None] * 4, threads)
        return b"".join(one.tobytes() for one in (h_n, *grads))

    right = gradients(1)
    assert np.frombuffer(right, np.float32).any()
    try:
        for threads in (1, 2):
            assert c.fesetround(ROUNDINGS[platform.machine()]) == 0
            torch.set_flush_denormal(threads == 1)
            assert gradients(threads) == right
    finally:
        c.fesetround(0)
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("isa", isas())
def test_a_state_that_vanishes_ends_in_zero(isa: str) -> None:
    """In every thread: as denormal numbers, which cost a hundred cycles each, it would never end."""
    from unroll.kernels import _native

    B, T, H = 64, 40, 100
    h0, x = torch.full((B, H), 1e-27).numpy(), torch.zeros(B, T, 1).numpy()
    w_ih, w_hh = torch.zeros(H, 1).numpy(), (torch.eye(H) * 0.5).numpy()
    for threads in (1, 2):
        for steps in (3, T):
            h_n = torch.full((B, H), 7.0).numpy()
            few = np.ascontiguousarray(x[:, :steps])
            _native.forward("relu_rnn", isa, few, w_ih, w_hh, *[None] * 2, h0, *[None] * 3, h_n, None, None, threads)
            assert (h_n == (np.float32(1e-27) / 8 if steps == 3 else 0)).all()


def test_memory_comes_back() -> None:
    from unroll.kernels import _native

    _native.empty_blocks()
    assert _native.unused_bytes() == 0
    problem = Problem.random("lstm", 8, 50, 2, 16)
    problem.native(isas()[0])
    gc.collect()
    kept = _native.unused_bytes()
    assert kept > 0
    for _ in range(20):
        problem.native(isas()[0])
    assert _native.unused_bytes() == kept
    _native.empty_blocks()
    assert _native.unused_bytes() == 0


def test_the_blocks_that_lie_unused_for_longest_give_way() -> None:
    """Planted and found: a full store that sends the newest block back; one that counts bytes and not places."""
    from unroll.kernels import _native

    def used(T: int, B: int = 64, H: int = 64) -> int:
        """Take and give back what a GRU saves in T steps; return its bytes."""
        return int(_native.take_saved("gru", 0, B, T, H, True).nbytes)

    def is_kept(T: int, B: int = 64, H: int = 64) -> bool:
        before = _native.unused_bytes()
        block = _native.take_saved("gru", 0, B, T, H, True)
        return _native.unused_bytes() <= before - block.nbytes

    _native.empty_blocks()
    try:
        early = [used(T) for T in (360, 390, 420, 450, 480)]  # 30 to 39 MB each
        assert sum(early) <= _native.unused_bytes() <= 192 << 20
        used(1500)  # 123 MB
        assert _native.unused_bytes() <= 192 << 20
        assert is_kept(1500)
        assert is_kept(480)
        assert not is_kept(360)
        before = _native.unused_bytes()
        used(4000)  # 328 MB are never kept, and drive nothing away
        assert _native.unused_bytes() == before
        _native.empty_blocks()
        lengths = range(13, 13 * 200, 13)  # more sizes than there are places, 4 KB to 0.8 MB
        for T in lengths:
            used(T, B=1, H=16)
        assert is_kept(lengths[-1], B=1, H=16)
        assert is_kept(lengths[-50], B=1, H=16)
        assert not is_kept(lengths[0], B=1, H=16)
    finally:
        _native.empty_blocks()
    assert _native.unused_bytes() == 0


def threaded(problem: Problem) -> np.ndarray:
    """The last state, by the module itself with two threads: torch's own threads do not live through a fork."""
    from unroll.kernels import _native

    inputs = [problem.inputs[n].float().numpy() for n in ("x", "w_ih", "w_hh")]
    h_n = np.empty((inputs[0].shape[0], inputs[2].shape[1]), np.float32)
    _native.forward("gru", isas()[0], *inputs, *[None] * 5, None, h_n, None, None, 2)
    return h_n


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_computes_the_same() -> None:
    """After calls with threads, and from the middle of another Python thread's calls."""
    problem = Problem.random("gru", 64, 60, 2, 100)
    right = threaded(problem)
    done = threading.Event()

    def beside() -> None:
        while not done.is_set():
            threaded(problem)

    other = threading.Thread(target=beside)
    other.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(0 if np.array_equal(threaded(problem), right) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        done.set()
        other.join()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_no_thread_outlives_its_call() -> None:
    before = set(os.listdir("/proc/self/task"))
    threaded(Problem.random("gru", 64, 60, 2, 100))
    assert set(os.listdir("/proc/self/task")) <= before


MEMORY = """
import resource, sys, torch, unroll.nn
torch.set_num_threads(1)
layer = {"torch": torch.nn, "unroll": unroll.nn}[sys.argv[1]].LSTM(2, 64, batch_first=True)
x = torch.randn(64, 500, 2)
for _ in range(4):
    layer(x)[0][:, -1].sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.unsanitized
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is Linux's")
def test_memory_of_the_standard_trial_at_500_steps() -> None:
    """At most 200 MB over torch.nn's own peak."""
    peak = {
        name: int(
            subprocess.run([sys.executable, "-c", MEMORY, name], capture_output=True, text=True, check=True).stdout
        )
        for name in ("torch", "unroll")
    }
    assert peak["unroll"] <= peak["torch"] + 200 * 1024, peak
