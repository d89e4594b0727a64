"""Callables run by the workers of a Dask cluster, wherever it comes from.

Of Dask no more is used than ``Client`` (submit, run, events of a topic), ``Security`` and ``LocalCluster``. A thread
runs the event loop of the client; another one, for all that workers send, decodes it and calls ``receive`` and
``answer``, so that a coordinator that is slow to take a message does not hold up the loop.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, ClassVar

from pydantic import Field

from unroll.errors import ExecutorError, WorkerDiedError, WorkerStartError
from unroll.executors.base import Channel, Executor, Item, Value
from unroll.executors.delivery import Delivery, unsendable
from unroll.executors.options import Options, checked
from unroll.executors.wire import ERROR, JOB, LEAVE, STOP, VALUE, decode, encode
from unroll.wording import counted, listed

try:
    from distributed import Client

    from unroll.executors import dask_worker
    from unroll.executors.dask_line import Line
except ImportError as error:
    raise ExecutorError(
        f'The executor dask needs the package distributed ({error}). Install it: pip install "unroll-lab[dask]"'
    ) from error

SIGNS = 6
"""How many signs of the coordinator a worker misses before it leaves."""
CLOSING_SECONDS = 10.0
NEEDED = "Each worker needs one thread, and the versions that are here"
HELLO = "here"
"""What an executor says to its own topic until it hears it."""
HELLO_SECONDS = 0.01
AGAIN_SECONDS = 1.0
"""After how long a worker that could not be asked is asked again."""


class Silence(Options):
    """What all of them can be told."""

    silence: float = Field(
        default=60.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds without a sign of the coordinator, or of a local worker, that end work",
    )
    same_numerics: bool = Field(
        default=False, description="whether trials are kept to workers with the processor of the first"
    )


class Cluster(Executor):
    """Callables run in the workers of a Dask cluster, each of one thread. They come and go, and ``slots`` follows.

    Whatever Dask does, a callable is started again where its worker is lost: its future fails with WorkerDiedError all
    the same.
    """

    options: ClassVar[type[Silence]] = Silence
    name: ClassVar[str]
    mend: ClassVar[str] = "Start workers with --nthreads 1, in the same environment."
    """What to do about workers that cannot be used."""
    again: ClassVar[str] = "Start the cluster again, then run the same command: it continues where it stopped."
    """How to go on when the cluster is gone."""
    closing: ClassVar[float] = CLOSING_SECONDS
    """Seconds that leaving it may take, where nobody is in a hurry."""

    def __init__(self, workers: int | None = None, **options: Any):
        if workers is not None and workers < 1:
            raise ExecutorError(f"Cannot run in {workers} workers. Ask for at least 1.")
        self.settings = checked(self.options, options, self.name)
        self.same_numerics = self.settings.same_numerics
        self.slots = 0
        self.here, self.notice = self._is_here(), self._warning()
        self._most = workers
        self._topic = f"unroll-{secrets.token_hex(8)}"
        self._workers: dict[str, str] = {}  # hosts, by address
        self._left: set[str] = set()  # addresses of workers that have gone
        self._coming: dict[str, asyncio.Task[Any]] = {}  # the checks of workers that have joined
        self._unfit: set[str] = set()  # addresses of workers that could not take their work
        self._news: deque[str] = deque()
        self._heard = False  # what is sent to the topic
        self._waiting: deque[_Submission] = deque()
        self._running: dict[str, _Submission] = {}
        self._known: dict[str, _Submission] = {}  # those that run, and those of lost workers, which may come back
        self._tasks: set[asyncio.Task[Any]] = set()
        self._futures: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._broken: ExecutorError | None = None
        self._client: Any = None
        self._own: Any = None  # a cluster that ends with this executor
        self._incoming = SimpleQueue[Callable[[], None] | None]()
        self._loop = asyncio.new_event_loop()
        self._threads = [
            threading.Thread(target=self._loop.run_forever, name="unroll-dask", daemon=True),
            threading.Thread(target=self._deliver_all, name="unroll-dask-messages", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._opening: asyncio.Task[Any] | None = None
        try:
            self._in_loop(self._open_until_closed())
        except BaseException as error:
            self.shutdown(now=True)
            if isinstance(error, OSError | RuntimeError | TimeoutError):
                raise ExecutorError(self._unreachable(error)) from error
            raise

    # What a subclass says

    def _is_here(self) -> bool:
        """Whether its workers are processes of this machine that it starts itself."""
        return False

    def _warning(self) -> str:
        """Return what the person should know before anything runs."""
        return ""

    @abstractmethod
    async def _cluster(self) -> Any:
        """Return what the client connects to: a cluster that ends with this executor, or an address."""

    def _security(self) -> Any:
        """Return Dask's Security for an address, or None; raises ExecutorError where it is not said well."""
        return None

    async def _kill(self) -> None:
        """End at once the workers that are processes of this machine, where it started any; Dask closes the rest."""

    @abstractmethod
    def _unreachable(self, error: BaseException) -> str:
        """Say that there is no cluster, why, and what to do."""

    # The contract

    def submit(self, call: Callable[[Item, Channel], Value], item: Item, channel: Channel) -> Future[Value]:
        """Run ``call(item, channel)`` in a worker; both are pickled at once."""
        future: Future[Value] = Future()
        with self._lock:
            if self._closed:
                raise ExecutorError("This Dask executor is shut down. Build a new one.")
            if self._broken is not None:
                raise self._broken
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        try:
            job = encode(JOB, (call, item, False))
        except Exception as error:
            future.set_exception(unsendable(f"{call!r} cannot be sent to a worker with its argument", error))
            return future
        self._loop.call_soon_threadsafe(self._accept, _Submission(job, channel, future))
        return future

    def shutdown(self, *, now: bool = False) -> None:
        """Finish or, with ``now``, end what was submitted; then leave the cluster, or end it where it is our own."""
        with self._lock:
            first, self._closed = not self._closed, True
        if not first and not self._threads:
            return
        try:
            if not now:
                wait(list(self._futures))
        except BaseException:
            now = True
            raise
        finally:
            with suppress(Exception):
                self._in_loop(asyncio.wait_for(self._close(now), CLOSING_SECONDS if now else self.closing))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._incoming.put(None)
            for thread in self._threads:
                thread.join()
            if self._threads:
                self._loop.close()
            self._threads = []

    def describe(self) -> str:
        """Return "Dask, 2 workers on this machine", "Dask, 200 workers on 17 hosts"."""
        workers = dict(self._workers)
        where = "this machine" if self.here else counted(len(set(workers.values())), "host")
        return f"{self.name.capitalize()}, {counted(len(workers), 'worker')} on {where}"

    def news(self) -> list[str]:
        """Return which workers have joined since the last call that cannot be used, and why."""
        return [self._news.popleft() for _ in range(len(self._news))]

    # In the thread of the loop

    async def _open_until_closed(self) -> None:
        self._opening = self._begin(self._open())
        await self._opening

    async def _open(self) -> None:
        security = self._security()
        place = await self._cluster()
        self._own = None if isinstance(place, str) else place
        self._client = Client(
            place,
            asynchronous=True,
            security=security if isinstance(place, str) else None,
            name="unroll",
            set_as_default=False,
        )
        await self._client
        self._client.subscribe_topic("all", self._on_change)
        self._client.subscribe_topic(self._topic, self._on_event)
        while not self._heard:  # subscriptions travel apart from questions: no worker may come between these and those
            await self._client.log_event(self._topic, HELLO)
            await asyncio.sleep(HELLO_SECONDS)
        await self._look_at_workers()
        if self.here:
            await self._client.run(dask_worker.set_up)
        self._begin(self._sign())

    async def _look_at_workers(self) -> None:
        """Take note of the workers that are there; raises ExecutorError where one of them cannot be used."""
        found = await self._client.run(dask_worker.facts, on_error="return")
        there = {address: facts for address, facts in found.items() if not isinstance(facts, OSError)}  # else it left
        wrong = [f"{address} ({why})" for address, facts in there.items() if (why := _unusable(facts))]
        if wrong:
            raise ExecutorError(f"{NEEDED}, but not so {listed(wrong)}. {self.mend}")
        for address in there.keys() - self._left:
            self._join(address, there[address])

    async def _check(self, address: str) -> None:
        """Let a worker that has joined be a slot, or say why it cannot be one."""
        while isinstance(facts := await self._facts(address), OSError):  # on its way out, or in
            await asyncio.sleep(AGAIN_SECONDS)
        if why := _unusable(facts):
            self._refuse(address, why)
            return
        if self.here:
            await self._client.run(dask_worker.set_up, workers=[address], on_error="ignore")
        self._join(address, facts)

    async def _facts(self, address: str) -> Any:
        found = await self._client.run(dask_worker.facts, workers=[address], on_error="return")
        return found[address]

    def _join(self, address: str, facts: dict[str, Any]) -> None:
        self._workers[address] = facts["host"]
        self._unfit.discard(address)
        self._count()

    def _refuse(self, address: str, why: str) -> None:
        self._news.append(f"The Dask worker {address} is not used: {why}. {NEEDED}. {self.mend}")
        self._workers.pop(address, None)
        self._count()

    def _count(self) -> None:
        there = len(self._workers)
        self.slots = there if self._most is None else min(there, self._most)
        self._start()

    def _on_change(self, event: Any) -> None:
        """Take note of workers that come and go."""
        message = event[1]
        if not isinstance(message, dict) or "worker" not in message:
            return
        address = message["worker"]
        if message.get("action") == "add-worker":
            self._left.discard(address)
            self._coming[address] = self._begin(self._check(address))
        elif message.get("action") == "remove-worker":
            self._left.add(address)
            if check := self._coming.pop(address, None):
                check.cancel()
            self._workers.pop(address, None)
            for submission in list(self._running.values()):
                submission.possible.discard(address)
                if submission.address == address or not submission.possible:
                    self._lose(submission, f"The Dask worker {address} was lost before its work was done.")
            self._count()

    def _accept(self, submission: _Submission) -> None:
        self._waiting.append(submission)
        submission.channel.relay(lambda: self._call(self._stop, submission))
        self._start()

    def _start(self) -> None:
        """Give waiting work to workers that are free."""
        while self._waiting and len(self._running) < self.slots:
            submission = self._waiting.popleft()
            if not submission.future.set_running_or_notify_cancel():
                submission.channel.relay(None)
                continue
            self._running[submission.id] = self._known[submission.id] = submission
            submission.possible = set(self._workers.keys() - self._unfit or self._workers)
            submission.work = self._client.submit(
                dask_worker.submission,
                self._topic,
                submission.id,
                self.settings.silence,
                key=f"unroll-{submission.id}",
                workers=sorted(submission.possible),  # not those that are refused or not checked yet
                pure=False,
                retries=0,
            )
            self._begin(self._follow(submission))

    async def _follow(self, submission: _Submission) -> None:
        """Wait until Dask is done with a submission: then a worker is free."""
        fate = "Its Dask worker left before its work was done."
        try:
            await submission.work
        except Exception as error:
            fate = f"Its Dask worker was lost before its work was done ({type(error).__name__})."
            self._see_connection()
        while submission.fetches:  # what is on its way from the worker counts
            await asyncio.wait(submission.fetches)
        if not submission.ended:
            self._lose(submission, fate)
        self._running.pop(submission.id, None)
        if not submission.lost:
            self._known.pop(submission.id, None)
        self._start()

    def _lose(self, submission: _Submission, fate: str) -> None:
        """End a submission whose worker is gone; what it sends later is still delivered."""
        if submission.work is not None:  # or Dask would keep it for workers that are gone
            self._begin(self._client.cancel([submission.work], force=True))
        if submission.ended:
            return
        submission.ended = submission.lost = True
        error = WorkerDiedError(f"{fate} Run it again; if it dies again, the inline executor shows where.")
        self._incoming.put(partial(self._settle, submission, error))

    def _break(self, fact: str, again: str = "") -> None:
        """Take note that the scheduler is gone, with all that was submitted, and how to go on."""
        self._broken = ExecutorError(f"{fact} What is finished is stored. {again or self.again}")
        for submission in [*self._running.values(), *self._waiting]:
            self._lose(submission, fact)
        self._waiting.clear()
        self.slots = max(1, self.slots)  # so that somebody asks for a slot and hears of it

    def _stop(self, submission: _Submission) -> None:
        submission.stopping = True
        for line in submission.lines.values():
            line.post(STOP)

    def _on_event(self, event: Any) -> None:
        """Take what a worker has sent, in the order in which it was sent."""
        message = event[1]
        if message == HELLO:
            self._heard = True
            return
        submission = self._known.get(message["of"])
        if submission is None:  # of an executor's earlier life, or done
            self._line(message).post(LEAVE)
            return
        line = submission.lines.get(message["line"])
        if line is None:
            line = submission.lines[message["line"]] = self._line(message)
        if "frame" in message:
            self._arrive(submission, line, message["number"], bytes(message["frame"]))
        else:
            task = self._begin(self._fetch(submission, line, message["number"]))
            submission.fetches.add(task)
            task.add_done_callback(submission.fetches.discard)

    def _line(self, message: dict[str, Any]) -> Line:
        return Line(self._client, self._begin, message["line"], message["worker"])

    async def _fetch(self, submission: _Submission, line: Line, number: int) -> None:
        frame = await line.fetch(number)
        if frame is not None:
            self._arrive(submission, line, number, frame)

    def _arrive(self, submission: _Submission, line: Line, number: int, frame: bytes) -> None:
        for kind, content in line.take(number, frame):
            if kind == dask_worker.BEGUN:
                self._has_begun(submission, line, decode(content))
            elif kind == dask_worker.LEAVING:
                self._workers.pop(line.address, None)
                self._count()
            else:
                submission.ended = submission.ended or kind in (VALUE, ERROR)
                self._incoming.put(partial(self._deliver, submission, line, kind, content))

    def _has_begun(self, submission: _Submission, line: Line, told: Any) -> None:
        """Give a worker the callable that it has been chosen for, unless it cannot be used."""
        submission.address = line.address
        if (why := _unusable(told)) and not submission.ended:  # another one in the place of one that was checked
            self._refuse(line.address, why)
            self._lose(submission, f"The Dask worker {line.address} was replaced by one that cannot be used.")
        if submission.ended:
            line.post(LEAVE)
            return
        if submission.stopping:
            line.post(STOP)
        line.post(submission.job)

    async def _sign(self) -> None:
        """Let workers know, again and again, that the coordinator is there."""
        signed = 0.0
        while not self._broken:
            if self._loop.time() - signed >= self.settings.silence / SIGNS:
                signed = self._loop.time()
                self._begin(self._sign_once())
            await asyncio.sleep(min(1.0, self.settings.silence / SIGNS))
            self._see_connection()

    def _see_connection(self) -> None:
        if self._client.status != "running" and not self._closed and not self._broken:
            self._break("The connection to the Dask scheduler was lost.")

    async def _sign_once(self) -> None:
        with suppress(Exception):
            await self._client.run(dask_worker.sign, self._topic, on_error="ignore")

    async def _close(self, now: bool) -> None:
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if now:
            self._loop.set_exception_handler(lambda loop, context: None)  # of what is ended so nothing is told
            await self._kill()
        for submission in [*self._running.values(), *self._waiting]:
            for line in submission.lines.values():
                line.post(LEAVE)
            if submission in self._waiting:
                submission.future.cancel()
            elif not submission.ended:
                submission.ended = True
                error = WorkerDiedError("Its worker was told to leave by the shutdown of its executor. Run it again.")
                self._incoming.put(partial(self._settle, submission, error))
        self._waiting.clear()
        if self._own is None:
            await asyncio.sleep(0.1)  # so that the last frames leave
        for task in list(self._tasks):
            task.cancel()
        for place in (self._client, self._own):
            if place is not None:
                with suppress(Exception):
                    await place.close()

    def _begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # each deals with its own; what is left is of a connection that ends

    # In the thread for what workers send

    def _deliver_all(self) -> None:
        while (deliver := self._incoming.get()) is not None:
            deliver()

    def _deliver(self, submission: _Submission, line: Line, kind: bytes, content: memoryview) -> None:
        delivery = submission.delivery
        answer = delivery.take(kind, content)
        if answer is not None:
            self._call(line.post, answer)
        if kind == ERROR and isinstance(delivery.failure, WorkerStartError):
            self._call(self._unfit.add, line.address)
        if kind in (VALUE, ERROR):
            self._settle(submission, delivery.failure, delivery.value)

    def _settle(self, submission: _Submission, error: BaseException | None, value: object = None) -> None:
        submission.channel.relay(None)
        if submission.future.done():
            return
        if not submission.future.running():  # it waited
            submission.future.set_running_or_notify_cancel()
        if error is None:
            submission.future.set_result(value)
        else:
            submission.future.set_exception(error)

    # From other threads

    def _call(self, do: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(do, *arguments)

    def _in_loop(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Submission:
    def __init__(self, job: bytes, channel: Channel, future: Future[Any]):
        self.id = secrets.token_hex(8)
        self.job, self.channel, self.future = job, channel, future
        self.delivery = Delivery(channel, "a Dask worker")
        self.work: Any = None
        self.address = ""
        self.possible: set[str] = set()  # addresses of workers that may take it
        self.lines: dict[str, Line] = {}
        self.fetches: set[asyncio.Task[Any]] = set()
        self.ended = self.lost = self.stopping = False


def _unusable(facts: Any) -> str:
    """Say why a worker cannot be used, from what it says of itself; "" where it can be."""
    if isinstance(facts, BaseException):
        return f"asked for its versions it said {type(facts).__name__}: {facts}"
    here, theirs = dask_worker.versions(), facts.get("versions", {})
    wrong = [f"{name} {theirs.get(name)}, here {here[name]}" for name in here if theirs.get(name) != here[name]]
    return ", ".join(([f"{facts['threads']} threads"] if facts["threads"] != 1 else []) + wrong)
