"""Callables run in worker processes, one process a slot."""

from __future__ import annotations

import resource
import signal
import threading
import weakref
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, cast

from unroll.errors import ExecutorError, WorkerDiedError, WorkerStartError
from unroll.executors.base import Channel, Executor, Item, Value
from unroll.executors.cores import usable_cores
from unroll.executors.wire import STOPPING
from unroll.executors.worker import Worker

_LEAVE_SECONDS = 2.0
STANDARD_FILES = 3
"""Files that every process has open."""


class Processes(Executor):
    """Run callables in ``workers`` processes, each started when it is needed, or ahead where it will be, and kept warm.

    Where nobody says how many, it is one a core. A thread a slot starts the slot's worker, gives it jobs and calls
    ``receive`` for its messages. Workers compute with one thread each; they share the coordinator's standard output,
    error stream and process group.

    Meant for a ``with`` block: a program that ends without ``shutdown`` first finishes what was submitted.

    cloudpickle carries callables, so that what is defined in a notebook arrives. loky's pools were tried in place of
    these workers: killed with their coordinator they leave semaphores and their trackers behind, and a program that is
    ending cannot start them any more, so that its unfinished work would be lost.
    """

    def __init__(self, workers: int | None = None):
        workers = usable_cores() if workers is None else workers
        if workers < 1:
            raise ExecutorError(f"Cannot run in {workers} worker processes. Ask for at least 1.")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if most != resource.RLIM_INFINITY and workers + STANDARD_FILES >= most:
            raise ExecutorError(
                f"Cannot run in {workers:,} worker processes: each takes an open file of this one, which may have "
                f"{most:,} (ulimit -n). Ask for fewer workers, or raise the limit."
            )
        self.slots = workers
        # The kernel ends a worker when the thread that started it ends: these live as long as the executor.
        self._threads = ThreadPoolExecutor(workers, "unroll-slot", initializer=_block_interrupts)
        self._futures: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False  # submissions are refused
        self._ended = False  # workers have been ended, and none is started any more
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        weakref.finalize(self, _end, self._workers)  # for an executor that nobody shuts down

    def submit(self, call: Callable[[Item, Channel], Value], item: Item, channel: Channel) -> Future[Value]:
        """Run ``call(item, channel)`` in a worker; call and item are pickled when their turn comes."""
        with self._lock:
            if self._closed:
                raise ExecutorError("This process executor is shut down. Build a new one.")
            future: Future[Any] = Future()
            try:
                self._threads.submit(self._fulfil, future, call, item, channel)
            except RuntimeError as error:  # it is queued all the same, and another thread may have begun it
                if future.cancel():
                    raise ExecutorError(
                        f"No thread can be started for a worker process ({error}). Ask for fewer workers, or free "
                        "memory and processes (ulimit -u)."
                    ) from error
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return cast("Future[Value]", future)

    def expect(self, callables: int) -> None:
        """Start ahead, at first, as many workers as there will be work and are cores for, so that all import at once.

        One that cannot be started is passed over here: the work that needs it will say so.
        """
        with self._lock:
            if self._closed or self._workers or self._futures:
                return
            wanted = min(self.slots, callables, usable_cores())
            for _ in range(wanted):
                with suppress(RuntimeError):  # no thread can be started
                    self._threads.submit(self._start_ahead, wanted)

    def shutdown(self, *, now: bool = False) -> None:
        """Finish or, with ``now``, end what was submitted; then end the workers."""
        try:
            with self._lock:
                self._closed = True
            if not now:
                wait(list(self._futures))
                workers = list(self._workers)
                for worker in workers:
                    worker.leave()
                for worker in workers:
                    worker.wait(_LEAVE_SECONDS)
        finally:
            for future in list(self._futures):
                future.cancel()  # which does nothing to those that run
            with self._lock:
                self._ended = True
                _end(self._workers)
            self._threads.shutdown()  # last, since workers do not outlive the threads that started them
            with self._lock:
                left = list(self._workers)
                self._workers.clear()
            for worker in left:
                worker.close()

    def describe(self) -> str:
        """Return "1 worker process", "2 worker processes"."""
        return f"{self.slots} worker process{'es' if self.slots > 1 else ''}"

    def _fulfil(
        self, future: Future[Any], call: Callable[[Item, Channel], Value], item: Item, channel: Channel
    ) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            value = self._run(call, item, channel)
        except BaseException as error:  # whoever asks for the value is told
            future.set_exception(error)
        else:
            future.set_result(value)

    def _run(self, call: Callable[[Item, Channel], Value], item: Item, channel: Channel) -> object:
        worker = self._borrow()
        try:
            return worker.run(call, item, channel)
        finally:
            with self._lock:
                if worker.busy or not worker.alive():
                    self._bury(worker)
                else:
                    self._idle.append(worker)

    def _start_ahead(self, wanted: int) -> None:
        """Start a worker, unless work has come in between and has started it."""
        with self._lock, suppress(WorkerStartError):
            if not self._ended and len(self._workers) < wanted:
                self._idle.append(self._started())

    def _borrow(self) -> Worker:
        """Return a warm worker, or else a new one; there are never more workers than threads."""
        with self._lock:
            if self._ended:
                raise WorkerDiedError("The executor was shut down before this work had started.")
            while self._idle:
                worker = self._idle.pop()
                if worker.alive():
                    return worker
                self._bury(worker)  # it died of something while it had nothing to do
            return self._started()

    def _started(self) -> Worker:
        worker = Worker(min(set(range(self.slots)) - {other.number for other in self._workers}))
        self._workers.add(worker)
        return worker

    def _bury(self, worker: Worker) -> None:
        _end([worker])
        worker.close()
        self._workers.discard(worker)


def _end(workers: Collection[Worker]) -> None:
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.wait()


def _block_interrupts() -> None:
    """Block the stopping signals in this thread, and so in the workers that it starts, until they ignore them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
