"""The coordinator's handle on one worker process."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from unroll.errors import WorkerDiedError, WorkerStartError
from unroll.executors.base import WORKER_NUMBER, Channel, Item, Value
from unroll.executors.cores import THREAD_VARIABLES
from unroll.executors.delivery import Delivery, unsendable
from unroll.executors.wire import ERROR, JOB, LEAVE, STOP, VALUE, GoneError, Wire, encode

_BOOTSTRAP = (  # for python -c; the arguments are a socket, the coordinator's process id and the import path
    "import sys; sys.path[:] = sys.argv[3:]; "
    "from unroll.executors.worker_main import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)
_EXIT_SECONDS = 2.0


class Worker:
    """One worker process, started here; it dies with the thread that constructs this.

    It inherits one end of a pair of sockets and nothing else but the standard streams. One job at a time. Its
    ``number`` is no other's that works beside it.
    """

    busy: bool
    """Whether a job was handed over whose end has not been seen."""

    def __init__(self, number: int) -> None:
        self.busy, self.number = False, number
        self._killed = False
        try:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                numbers = [str(theirs.fileno()), str(os.getpid())]
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                    [sys.executable, "-u", "-c", _BOOTSTRAP, *numbers, *sys.path],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), WORKER_NUMBER: str(number)},
                    pass_fds=[theirs.fileno()],
                )
                self._wire = Wire(ours.detach(), self.alive)
        except OSError as error:
            raise WorkerStartError(
                f"A worker process cannot be started ({error}): {_lacking(error)} Then run it again."
            ) from error

    def run(self, call: Callable[[Item, Channel], Value], item: Item, channel: Channel) -> object:
        """Run ``call(item, channel)`` there; return or raise what it does. Raises WorkerDiedError."""
        try:
            job = encode(JOB, (call, item, channel.stopping))
        except Exception as error:
            raise unsendable(f"{call!r} cannot be sent to a worker process with its argument", error) from error
        self.busy = True
        delivery = Delivery(channel, f"worker process {self._process.pid}")
        try:
            self._wire.post(job)
            channel.relay(self._carry_stop)
            self._follow(delivery)
        except GoneError as error:
            raise WorkerDiedError(self._obituary()) from error
        finally:
            channel.relay(None)
        if delivery.failure is not None:
            raise delivery.failure
        return delivery.value

    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def leave(self) -> None:
        """Ask the process, which must not be busy, to end as Python programs do, with exit handlers."""
        with suppress(GoneError):
            self._wire.post(encode(LEAVE))

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        if self.alive():
            self._killed = True
            self._process.kill()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the process to end, this long at most."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def close(self) -> None:
        """Free the socket; the process must have ended."""
        self._wire.close()

    def _follow(self, delivery: Delivery) -> None:
        """Deliver what comes until the callable has ended."""
        while self.busy:
            kind, content = self._wire.take()
            answer = delivery.take(kind, content)
            if answer is not None:
                self._wire.post(answer)
            self.busy = kind not in (VALUE, ERROR)

    def _carry_stop(self) -> None:
        with suppress(GoneError):  # which the thread in _follow is about to notice
            self._wire.post(encode(STOP))

    def _obituary(self) -> str:
        """Say how the process ended, and what to do."""
        self.wait(_EXIT_SECONDS)
        code = self._process.poll()
        advice = "Run it again; if it dies again, the inline executor shows where."
        if self._killed:
            fact, advice = "was ended by the shutdown of its executor", "Run it again."
        elif code is None:
            fact = "closed its connection"
        elif code == -signal.SIGKILL:
            fact = "was ended by SIGKILL, often the kernel's out-of-memory killer"
            advice = "Run it again with fewer workers or a smaller batch."
        elif code < 0:
            fact = f"was ended by {_signal_name(-code)}"
        else:
            fact = f"ended with exit code {code}"
        return f"Worker process {self._process.pid} {fact}, before its work was done. {advice}"


def _lacking(error: OSError) -> str:
    """Say what to do where the system denies another process."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "ask for fewer workers, or raise the limit of open files (ulimit -n)."
    if error.errno in (errno.EAGAIN, errno.ENOMEM):
        return "ask for fewer workers, or free memory and processes (ulimit -u)."
    return f"check {sys.executable}."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
