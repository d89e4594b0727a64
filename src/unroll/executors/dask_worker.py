"""What runs inside a Dask worker: callables, each with a line to the coordinator that submitted it.

What a callable sends goes out as events of the executor's topic, small frames in the event itself; large ones wait here
until the coordinator fetches them, so that the scheduler keeps no copies of them. What the coordinator sends comes as
calls of the functions below, in the thread of the worker's event loop.
"""

from __future__ import annotations

import os
import platform
import secrets
import signal
import threading
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from queue import Empty, SimpleQueue
from typing import Any, Final

from distributed import get_worker

from unroll.errors import ExecutorError
from unroll.executors.base import UNANSWERED, WORKER_NUMBER, Channel
from unroll.executors.wire import ANSWER, ASK, JOB, LEAVE, MESSAGE, STOP, STOPPING, encode
from unroll.executors.worker_main import perform, read_answer

BEGUN: Final = b"b"  # worker to coordinator: facts of the worker, before anything else
LEAVING: Final = b"g"  # worker to coordinator: it has to go, and takes nothing further
PACKAGES: Final = ("unroll-lab", "torch", "numpy", "cloudpickle")
"""Those of which the coordinator and all workers must have the same version."""
ARRAY_JOB: Final = ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID")
"""The environment variables that together name a job of an array under Slurm, as its queue does."""
SMALL = 16_000
"""Bytes of a frame that travels as an event, of which a scheduler keeps some thousand."""
LOOK_SECONDS = 0.2

_lines: dict[str, Line] = {}
_to_go = threading.Event()


def facts(dask_worker: Any = None) -> dict[str, Any]:
    """Return what decides whether this worker can be used, and the names of its machine and its job."""
    return {
        "versions": versions(),
        "threads": dask_worker.state.nthreads,
        "host": platform.node(),
        "job": "_".join(os.environ.get(name, "") for name in ARRAY_JOB),
    }


def versions() -> dict[str, str]:
    """Return the versions here of what must be the same everywhere; "none" of what is not installed."""
    return {"python": ".".join(platform.python_version_tuple()[:2]), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def set_up(dask_worker: Any = None) -> None:
    """Set up a worker of a cluster on this machine: its number, and no ear for what a terminal says to all."""
    os.environ[WORKER_NUMBER] = str(dask_worker.name)
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def submission(topic: str, name: str, silence: float) -> None:
    """Run the callable of a submission: fetch it, run it, hand in how it ended, wait until that has been taken."""
    line = Line(get_worker(), topic, name, silence)
    _lines[line.id] = line
    try:
        line.post(encode(BEGUN, facts(line.worker)))
        if _to_go.is_set():
            line.leave()
        job = line.take(JOB)
        if job is not None:
            line.post(perform(job, line.channel))
            line.drain()
    finally:
        del _lines[line.id]


class Line:
    """The worker's end; ``lost`` when the coordinator has been silent for so many seconds, or has said to leave."""

    def __init__(self, worker: Any, topic: str, name: str, silence: float):
        self.worker, self.topic, self.name = worker, topic, name
        self.id = secrets.token_hex(8)
        self.lost = False
        self.channel = Channel(self._send, self._ask)
        self._silence, self._heard = silence, time.monotonic()
        self._coming = SimpleQueue[bytes]()
        self._going: dict[int, bytes] = {}  # large frames that the coordinator has not fetched yet
        self._count = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def post(self, frame: bytes) -> None:
        """Let a frame go to the coordinator, after those before it; nowhere once it is lost."""
        with self._lock:
            if self.lost:
                return
            event: dict[str, Any] = {"of": self.name, "line": self.id, "number": self._count}
            if len(frame) <= SMALL:
                event["frame"] = frame
            else:
                self._going[self._count] = frame
            self._count += 1
            self.worker.log_event(self.topic, event)

    def leave(self) -> None:
        """Let the coordinator know that this worker has to go, and the callable that it is to stop."""
        self.post(encode(LEAVING))
        self.channel.stop()

    def lose(self) -> None:
        """Give the coordinator up: nothing goes to it any more, and the callable is to stop."""
        self.lost = True
        self._going.clear()
        self.channel.stop()

    def take(self, kind: bytes) -> memoryview | None:
        """Wait for a frame of this kind; return its content, or None where there will be none."""
        while not self.lost:
            with suppress(Empty):
                frame = memoryview(self._coming.get(timeout=LOOK_SECONDS))
                return frame[1:] if frame[:1] == kind else None
        return None

    def drain(self) -> None:
        """Wait until the coordinator has fetched everything."""
        while self._going and not self.lost:
            time.sleep(0.001)

    def sign(self) -> None:
        """Take note that the coordinator is there."""
        self._heard = time.monotonic()

    def hear(self, frame: bytes) -> None:
        """Take a frame of the coordinator."""
        self.sign()
        kind = frame[:1]
        if kind == STOP:
            self.channel.stop()
            return
        if kind == LEAVE:
            self.lose()
        self._coming.put(frame)

    def fetch(self, number: int) -> bytes:
        """Hand out a large frame."""
        self.sign()
        return self._going.pop(number)

    def _send(self, message: object) -> None:
        self.post(encode(MESSAGE, message))

    def _ask(self, question: object) -> object:
        self.post(encode(ASK, question))
        answer = self.take(ANSWER)
        if answer is None:
            raise ExecutorError(UNANSWERED)
        return read_answer(answer)

    def _watch(self) -> None:
        while self.id in _lines or time.monotonic() - self._heard < 1.0:
            if time.monotonic() - self._heard > self._silence:
                self.lose()
                return
            time.sleep(min(1.0, self._silence / 10))


def deliver(line: str, frame: bytes) -> None:
    """Hand a frame to the line that it is for."""
    if line in _lines:
        _lines[line].hear(frame)


def fetch(line: str, number: int) -> bytes:
    """Return a large frame of a line."""
    return _lines[line].fetch(number)


def sign(topic: str) -> None:
    """Let the callables of an executor know that it is there."""
    for line in list(_lines.values()):
        if line.topic == topic:
            line.sign()


def leave() -> None:
    """Let whatever runs here hand in what it has and stop, and nothing further begin: this worker has to go."""
    _to_go.set()
    for line in list(_lines.values()):
        line.leave()


def lose() -> None:
    """Let whatever runs here stop: the coordinator is gone."""
    for line in list(_lines.values()):
        line.lose()


def busy() -> bool:
    """Whether anything runs here."""
    return bool(_lines)
