"""The wish to stop: the first Ctrl-C, SIGTERM or SIGHUP asks, the second insists; before the work begins, the first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether stopping was asked for, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._insists = False

    def __bool__(self) -> bool:
        return self.signal is not None

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Ask to stop; asked again, or ``insisting``, raise KeyboardInterrupt wherever the program is."""
        again, self.signal = self.signal is not None, self.signal or number
        if again or self._insists:
            raise KeyboardInterrupt

    @contextmanager
    def insisting(self) -> Iterator[None]:
        """Let the first signal end what is done within, which nobody can ask to stop."""
        self._insists = True
        try:
            yield
        finally:
            self._insists = False


@contextmanager
def on_signals(stop: Stop) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into ``stop.ask``; leave the handlers as they were. Only in the main thread.

    A SIGHUP that is ignored, as nohup has it, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = [signal.signal(number, stop.ask) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
