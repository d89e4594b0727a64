"""A signal during a long call: its handler runs within a moment, and what it raises comes out of the call.

Planted and found: signals never looked at; the handler run in the kernels' floating-point mode.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from tests.kernels.oracle import needs_native
from unroll.kernels import isas, ops

pytestmark = [
    needs_native,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers"),
]

AFTER = 0.2  # seconds until the signal; of this process, so that others beside it do not matter


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def alarm(handler: Callable[..., None]) -> Iterator[None]:
    before = signal.signal(signal.SIGPROF, handler)
    signal.setitimer(signal.ITIMER_PROF, AFTER)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def forward(threads: int) -> None:
    """Some ten seconds of work."""
    from unroll.kernels import _native

    T, B, H = 60_000, 64, 128
    x, w_ih, w_hh = np.zeros((B, T, 1), np.float32), np.ones((4 * H, 1), np.float32), np.ones((4 * H, H), np.float32)
    h_n, c_n = np.empty((B, H), np.float32), np.empty((B, H), np.float32)
    none = [None] * 6
    _native.forward("lstm", isas()[-1], x, w_ih, w_hh, *none, h_n, c_n, None, threads)


def backward(threads: int) -> None:
    from unroll.kernels import _native

    T, B, H = 600, 32, 512
    x, w_ih, w_hh = np.zeros((B, T, 1)), np.ones((H, 1)), np.ones((H, H))
    saved = _native.take_saved("tanh_rnn", 0, B, T, H, False)
    saved.zero_()
    dw_ih, dw_hh = np.empty((H, 1)), np.empty((H, H))
    none = [None] * 4
    gradients = (None, np.ones((B, H)), None, None, dw_ih, dw_hh)
    _native.backward("tanh_rnn", isas()[-1], x, w_ih, w_hh, None, saved, *gradients, *none, threads)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("call", [forward, backward])
def test_a_handler_that_raises_ends_the_call(call: Callable[[int], None], threads: int) -> None:
    from unroll.kernels import _native

    mode = _native.float_mode()
    with alarm(stop):
        began = time.process_time()
        with pytest.raises(KeyboardInterrupt):
            call(threads)
        assert time.process_time() - began < AFTER + 1
    assert _native.float_mode() == mode


@pytest.mark.unsanitized
def test_a_handler_that_does_not_raise_runs_and_the_call_goes_on() -> None:
    """Through the operators; the caller flushes denormals, which the kernels do not, and so does the handler."""
    torch.manual_seed(0)
    T, B, H = 2000, 64, 128
    x, w_ih, w_hh = torch.randn(B, T, 1), torch.randn(4 * H, 1) * 0.1, torch.randn(4 * H, H) * 0.1
    seen: list[tuple[float, bool]] = []
    began = time.process_time()

    def note(*_: object) -> None:
        seen.append((time.process_time() - began, bool((np.float32(1e-30) * np.float32(1e-10)) == 0)))

    torch.set_flush_denormal(True)
    with alarm(note):
        began = time.process_time()
        noted = ops.forward("lstm", x, w_ih, w_hh, every=False, isa=isas()[-1])
        took = time.process_time() - began
    torch.set_flush_denormal(False)
    assert took > AFTER, "too short a call to show anything"
    assert len(seen) == 1
    assert seen[0][0] < took
    assert seen[0][1], "the handler ran in the kernels' mode"
    assert torch.equal(noted.h_n, ops.forward("lstm", x, w_ih, w_hh, every=False, isa=isas()[-1]).h_n)


def test_an_exception_leaves_the_operators_as_well() -> None:
    T, B, H = 60_000, 64, 128
    x, w_ih, w_hh = torch.zeros(B, T, 1), torch.ones(4 * H, 1), torch.ones(4 * H, H)
    with alarm(stop), pytest.raises(KeyboardInterrupt):
        ops.forward("lstm", x, w_ih, w_hh, every=False)


@pytest.mark.unsanitized
def test_a_call_in_another_thread_leaves_signals_to_the_main_one() -> None:
    """Python runs handlers in the main thread alone; the other thread's call ends as it should."""
    x, w = torch.randn(64, 1000, 1), torch.randn(256, 64) * 0.1
    results: list[torch.Tensor] = []
    seen: list[str] = []

    def call() -> None:
        while len(results) < 2 or not seen:  # the alarm counts this process's own time, which nobody else here takes
            results.append(ops.forward("lstm", x, w[:, :1].contiguous(), w, every=False).h_n)

    with alarm(lambda *_: seen.append(threading.current_thread().name)):
        other = threading.Thread(target=call)
        other.start()
        while other.is_alive():
            time.sleep(0.01)
    assert seen == [threading.main_thread().name]
    assert all(torch.equal(results[0], result) for result in results)
