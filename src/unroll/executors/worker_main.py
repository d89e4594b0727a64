"""What runs inside a worker process.

The main thread runs the callables. A second thread listens to the coordinator: it takes jobs and the wish to
stop, and ends the process when the coordinator is gone, whatever the main thread is doing. While the main
thread is in native code that holds the interpreter's lock, the second cannot run; on Linux the kernel ends
the process.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import Any

from unroll.errors import ExecutorError, WorkerStartError
from unroll.executors.base import UNANSWERED, Channel
from unroll.executors.wire import ANSWER, ASK, ERROR, JOB, LEAVE, MESSAGE, STOP, STOPPING, VALUE, Wire, decode, encode

_PR_SET_PDEATHSIG = 1


def main(descriptor: int, coordinator: int) -> None:
    """Run jobs from the coordinator (its process id) behind a socket until it says to leave or is gone."""
    if sys.platform == "linux":  # a coordinator that died before this line is met as the end of the stream
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in STOPPING:  # they go to the whole group; the coordinator decides, and its end is ours
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)  # they are blocked until here
    sys.argv = [""]
    wire = Wire(descriptor, lambda: os.getppid() == coordinator)
    jobs: SimpleQueue[tuple[memoryview, Channel] | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(wire, jobs), daemon=True).start()
    while (job := jobs.get()) is not None:
        wire.post(perform(*job))
        del job  # a warm worker holds on to nothing


def _listen(wire: Wire, jobs: SimpleQueue[tuple[memoryview, Channel] | None]) -> None:
    channel = Channel(lambda _: None)
    answers = SimpleQueue[memoryview]()

    def ask(question: object) -> object:
        wire.post(encode(ASK, question))
        return read_answer(answers.get())

    try:
        while True:
            kind, content = wire.take()
            if kind == JOB:
                channel = Channel(lambda message: wire.post(encode(MESSAGE, message)), ask)
                jobs.put((content, channel))
            elif kind == ANSWER:
                answers.put(content)
            elif kind == STOP:
                channel.stop()
            elif kind == LEAVE:
                jobs.put(None)
    finally:  # the coordinator is gone, or can no longer be heard
        os._exit(1)


def perform(content: memoryview, channel: Channel) -> bytes:
    """Run one job and return the frame that tells how it ended."""
    try:
        call, item, stopping = read(content)
        if stopping:
            channel.stop()
        return encode(VALUE, call(item, channel))
    except BaseException as error:
        return _encode_error(error)


def read(content: memoryview) -> Any:
    """Return what the coordinator has sent; raises WorkerStartError where what it needs, or memory, is not here."""
    try:
        return decode(content)
    except BaseException as error:
        raise WorkerStartError(
            f"A worker process could not take its work: {type(error).__name__}: {error}. See that what it imports is "
            "installed and that memory is left for it, then run it again."
        ) from error


def read_answer(content: memoryview) -> object:
    """Return the coordinator's answer; raises WorkerStartError as ``read`` does, ExecutorError where there is none."""
    known, answer = read(content)
    if not known:
        raise ExecutorError(UNANSWERED)
    return answer


def _encode_error(error: BaseException) -> bytes:
    text = "".join(traceback.format_exception(error))
    try:
        frame = encode(ERROR, (error, text))
        decode(memoryview(frame)[1:])  # many exceptions can be pickled, but not read back
    except Exception:
        summary = traceback.format_exception_only(error)[-1].strip()
        frame = encode(ERROR, (ExecutorError(f"{summary} (raised in a worker process; cannot be pickled)"), text))
    return frame
