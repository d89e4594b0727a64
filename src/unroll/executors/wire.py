"""The line between a coordinator and one worker process: frames over a pair of connected sockets.

A frame is one byte that says its kind, then a pickle. Cloudpickle writes it, so that functions and classes
that were defined in a notebook or a script travel by value, in both directions. The pair of sockets belongs
to these two processes alone: it has no name, no file and no port, and it ends with them.
"""

from __future__ import annotations

import io
import pickle
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

import cloudpickle

JOB = b"j"  # coordinator to worker: (callable, item, whether to stop)
STOP = b"s"  # coordinator to worker: the running callable is asked to stop
ANSWER = b"a"  # coordinator to worker: (whether there is one, what the running callable asked for)
LEAVE = b"l"  # coordinator to worker: no more jobs
MESSAGE = b"m"  # worker to coordinator: what the callable sent
ASK = b"q"  # worker to coordinator: what the callable asks
VALUE = b"v"  # worker to coordinator: what the callable returned
ERROR = b"e"  # worker to coordinator: (what the callable raised, its traceback as text)

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that a terminal, a scheduler or a service manager sends to the whole process group; workers ignore them."""

_LOOK_UP_SECONDS = 0.5


def encode(kind: bytes, content: object = None) -> bytes:
    """Return a frame; whatever pickling raises is raised here, before any byte has left."""
    with io.BytesIO() as frame:
        frame.write(kind)
        cloudpickle.CloudPickler(frame, protocol=pickle.HIGHEST_PROTOCOL).dump(content)
        return frame.getvalue()


def decode(content: memoryview) -> object:
    """Return what was pickled into a frame's content."""
    return pickle.loads(content)  # noqa: S301 - between our own processes


class GoneError(Exception):
    """The process at the other end is gone."""


class Wire:
    """One end of the line. ``descriptor`` is the end's file descriptor, owned from now on.

    ``alive`` says whether the process at the other end still lives. Normally the end of the stream tells of
    its death at once; where a child that it forked holds a copy of its socket, only ``alive`` does.
    """

    def __init__(self, descriptor: int, alive: Callable[[], bool]):
        self._connection = Connection(descriptor)
        self._alive = alive
        self._posting = threading.Lock()

    def post(self, frame: bytes) -> None:
        """Write a frame, from any thread. Raises GoneError."""
        try:
            with self._posting:
                self._connection.send_bytes(frame)
        except OSError as error:
            raise GoneError from error

    def take(self) -> tuple[bytes, memoryview]:
        """Wait for a frame and return its kind and its content. Raises GoneError."""
        try:
            while not self._connection.poll(_LOOK_UP_SECONDS):
                if not self._alive():
                    raise GoneError
            frame = memoryview(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise GoneError from error
        return bytes(frame[:1]), frame[1:]

    def close(self) -> None:
        """Close this end; the other one sees the end of the stream."""
        self._connection.close()
