"""Callables run in this process, while ``submit`` waits: for debugging and small studies."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from unroll.errors import ExecutorError
from unroll.executors.base import UNANSWERED, Channel, Executor, Item, Value


class Inline(Executor):
    """Run each callable inside ``submit``, in the thread that calls it.

    ``workers`` is taken because every executor is constructed with it; there is one slot whatever it says.
    KeyboardInterrupt passes through ``submit``; every other exception goes into the future.
    """

    slots = 1

    def __init__(self, workers: int | None = None):
        self._closed = False

    def submit(self, call: Callable[[Item, Channel], Value], item: Item, channel: Channel) -> Future[Value]:
        """Run ``call(item, channel)`` now and return its future, which is done."""
        if self._closed:
            raise ExecutorError("This inline executor is shut down. Build a new one.")
        future: Future[Value] = Future()
        future.set_running_or_notify_cancel()
        line = _Line(channel)
        try:
            value = call(item, line.inner)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            future.set_exception(line.failure or error)
        else:
            if line.failure is None:
                future.set_result(value)
            else:
                future.set_exception(line.failure)
        finally:
            channel.relay(None)
        return future

    def shutdown(self, *, now: bool = False) -> None:
        """Take no more submissions; nothing runs or waits between two of them."""
        self._closed = True

    def describe(self) -> str:
        """Return "inline"."""
        return "inline"


class _Line:
    """The callable's end of a channel. What ``receive`` raises is the coordinator's matter and kept from the callable.

    As with a worker process: the callable is told to stop, and hears nothing of why.
    """

    def __init__(self, channel: Channel):
        self.outer, self.inner = channel, Channel(self._receive, self._answer)
        self.failure: BaseException | None = None
        channel.relay(self.inner.stop)

    def _receive(self, message: object) -> None:
        if self.failure is None:
            self._pass_on(self.outer.send, message)

    def _answer(self, question: object) -> object:
        if self.failure is None:
            answer = self._pass_on(self.outer.ask, question)
        if self.failure is not None:
            raise ExecutorError(UNANSWERED)
        return answer

    def _pass_on(self, to: Callable[[object], object], what: object) -> object:
        try:
            return to(what)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.failure = error
            self.outer.stop()
            return None
