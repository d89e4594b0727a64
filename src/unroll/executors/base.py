"""What an executor promises, and the channel between a callable and whoever submitted it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, ClassVar, Final, Self, TypeVar

from unroll.errors import ExecutorError
from unroll.executors.options import Options

Item = TypeVar("Item")
Value = TypeVar("Value")

UNANSWERED: Final = "The coordinator could not answer. Its own error says why."
"""What a callable hears that has asked."""

WORKER_NUMBER: Final = "UNROLL_WORKER"
"""The environment variable that holds a worker process's number, from 0, of those that work at once."""


def _no_answer(question: object) -> object:
    raise ExecutorError(f"Nobody answers {question!r}: its channel was built without a function that does.")


class Channel:
    """The two-way line of one submission: messages and questions come back, answers and the wish to stop go forth.

    The callable sees ``send``, ``ask`` and ``stopping``. The coordinator, which submits, builds the channel with the
    functions that take each message and answer each question, and has ``stop``. A channel belongs to one submission.

    ``receive`` and ``answer`` may be called from another thread, never from two at once. An error that one of them
    raises becomes the future's exception: no further message is delivered, and the callable is told to stop.
    """

    stopping: bool
    """Whether the callable is asked to stop. A plain attribute, so that it can be read at every update."""

    def __init__(self, receive: Callable[[object], None], answer: Callable[[object], object] = _no_answer):
        self._receive, self._answer = receive, answer
        self._relay: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self.stopping = False

    def send(self, message: object) -> None:
        """Hand a message to the coordinator, after all earlier ones.

        The message must be picklable and must not change afterwards. Allowed until the callable returns.
        """
        self._receive(message)

    def ask(self, question: object) -> Any:
        """Return the coordinator's answer, when it has received all earlier messages. Both must be picklable.

        Raises WorkerStartError where the answer cannot be read here, ExecutorError where there is none.
        """
        return self._answer(question)

    def stop(self) -> None:
        """Ask the callable to stop at its next update, also if it has not started yet.

        Safe in any thread and in a signal handler; a second call does nothing.
        """
        if self.stopping:  # before the lock: a signal handler may interrupt the thread that holds it
            return
        self.stopping = True
        self._pass_on()

    def relay(self, carry: Callable[[], None] | None) -> None:
        """For executors: call ``carry`` once when stopping is asked for, or at once if it has been.

        After ``relay(None)`` has returned, ``carry`` is not running and will not be called.
        """
        with self._lock:
            self._relay = carry
        if carry is not None and self.stopping:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            carry, self._relay = self._relay, None
            if carry is not None:
                carry()


class Executor(ABC):
    """A place where callables run; it knows nothing of what they compute.

    - ``submit`` returns a future at once or when the callable has ended; the future holds what the callable
      returned or raised. An exception arrives with its type, its arguments and the text of its traceback;
      one that cannot be pickled arrives as an ExecutorError that holds this text.
    - Every message that the callable sent has been received before its future is done.
    - At most ``slots`` callables run at once. Further ones wait and start in the order of their submission.
      One that has not started can be cancelled through its future. ``slots`` may change while work is done.
    - A callable may be started a second time where the first start seems lost, as schedulers do: whoever must not do
      its work twice asks the coordinator first (``Channel.ask``), which lets one of them go on.
    - The executor changes nothing in the coordinator: neither its environment and signal handlers nor its
      computing threads and floating-point mode.
    - A worker that dies takes only its own callable with it: that future fails with WorkerDiedError, and its
      slot works again for the next one. No worker that the executor started as a process of its own outlives its
      coordinator by two seconds; on machines that are not its own, a callable is told to stop when nothing has been
      heard of the coordinator for a minute, and nothing that it sends after that is taken.
    - A worker that has to go, as where its time is over, may ask its callable to stop by itself.
    - A worker that cannot be started, or cannot take its work, fails the future with WorkerStartError: the work has
      not begun, and may be submitted again.
    - Ctrl-C, SIGTERM and SIGHUP reach the coordinator alone, which decides whether to ``stop`` a channel.

    Each executor is constructed with the number of workers that is wanted, None for as many as its place has, and its
    options: ``Executor(workers, **options)``. An executor of your own inherits from this class and passes
    ``unroll.testing.executors.ExecutorConformance``.
    """

    options: ClassVar[type[Options]] = Options
    """What it can be told; ``unroll run --executor-option`` checks it with this model before it is constructed."""

    slots: int
    """How many callables run at once, now: 0 while there is no worker yet. Asked often, so it must cost nothing."""

    here: bool = True
    """Whether callables run on this machine, whose cores they share."""

    queue: int = 0
    """How many workers it asks a queue for, which may let them wait for hours; 0 where it asks none."""

    same_numerics: bool = False
    """Whether trials whose bits depend on the processor are kept to workers that have the one of the first."""

    notice: str = ""
    """What the person should know before anything runs."""

    @abstractmethod
    def __init__(self, workers: int | None = None, **options: Any):
        """Prepare for work; raises ExecutorError where that cannot be."""

    @abstractmethod
    def submit(self, call: Callable[[Item, Channel], Value], item: Item, channel: Channel) -> Future[Value]:
        """Run ``call(item, channel)`` in a slot and return its future.

        Raises ExecutorError after ``shutdown``.
        """

    @abstractmethod
    def shutdown(self, *, now: bool = False) -> None:
        """Finish all that was submitted, then free the slots. A second call does nothing.

        With ``now`` what waits is cancelled and what runs is ended, within about a second; the futures of the
        latter fail with WorkerDiedError. An interrupt while work is being finished has the same effect.
        Never to be called from ``receive``.
        """

    @abstractmethod
    def describe(self) -> str:
        """Return where callables run, for fingerprints: "2 worker processes"."""

    def expect(self, callables: int) -> None:  # noqa: B027 - most places need not know
        """Take note of how many callables there will still be, at most: a place that is paid for needs no more workers.

        Said before the first one is submitted, and from time to time; or never.
        """

    def waiting(self) -> str:
        """Return why there is no slot yet, in words that follow "Waiting for the first worker"; "" where none is known.

        Asked from time to time while ``slots`` is 0; it may take a second.
        """
        return ""

    def news(self) -> list[str]:
        """Return what the person should know that has happened since the last call; asked often."""
        return []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(now=error is not None)
