"""What every executor must do: inherit from ``ExecutorConformance`` in a test and say how to make one."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from abc import ABC, abstractmethod
from concurrent.futures import Future
from importlib import import_module
from typing import Any

from unroll.errors import ExecutorError
from unroll.executors import Channel, Executor

PATIENCE = 300.0
"""Seconds after which something that should have happened has not; on a busy machine all of it takes long."""


class AwkwardError(Exception):
    """An exception that can be pickled and not read back, as many are."""

    def __init__(self, place: str, number: int):
        super().__init__(f"{place} {number}")


def double(item: int, channel: Channel) -> int:
    """Return twice the item."""
    return 2 * item


def count(item: int, channel: Channel) -> str:
    """Send 0, 1, ... below the item."""
    for number in range(item):
        channel.send(number)
    return "counted"


def fail(item: int, channel: Channel) -> None:
    """Raise a ValueError."""
    channel.send("before")
    raise ValueError(f"no such thing: {item}", item)


def fail_awkwardly(item: int, channel: Channel) -> None:
    """Raise an exception that cannot travel."""
    raise AwkwardError("shelf", item)


def echo(item: bytes, channel: Channel) -> bytes:
    """Send the item and return it."""
    channel.send(item)
    return item


def see_stop(item: int, channel: Channel) -> bool:
    """Return whether the callable is asked to stop when it starts."""
    return channel.stopping


def see_late_stop(item: int, channel: Channel) -> bool:
    """Return whether the callable is asked to stop a little later."""
    channel.send(item)
    time.sleep(0.2)
    return channel.stopping


def until_stopped(item: int, channel: Channel) -> str:
    """Send the item, then wait for the wish to stop."""
    channel.send(item)
    deadline = time.monotonic() + PATIENCE
    while not channel.stopping:
        if time.monotonic() > deadline:
            return "never stopped"
        time.sleep(0.001)
    return "stopped"


def send_whatever_happens(item: int, channel: Channel) -> str:
    """Send, catch every exception of it, and wait for the wish to stop."""
    try:
        return until_stopped(item, channel)
    except Exception:
        return "caught what the coordinator raised"


def ask(item: int, channel: Channel) -> list[object]:
    """Send and ask below the item, in turn; return the answers."""
    answers: list[object] = []
    for number in range(item):
        channel.send(number)
        answers.append(channel.ask({"number": number}))
    return answers


def ask_whatever_happens(item: int, channel: Channel) -> str:
    """Ask, and return what kind of error that raises."""
    try:
        channel.ask(item)
    except Exception as error:
        return type(error).__name__
    return "answered"


class Unreadable:
    """What can be pickled and not read back: it belongs to the place where it was made."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return import_module, ("a_module_that_is_not_here",)


def ignore(message: object) -> None:
    """Receive a message and do nothing with it."""


class ExecutorConformance(ABC):
    """The tests; a subclass whose name begins with ``Test`` gives ``make`` and inherits them."""

    @abstractmethod
    def make(self, workers: int) -> Executor:
        """Return a new executor with this many workers."""

    def test_value_is_returned(self) -> None:
        """What the callable returns is the future's value."""
        with self.make(1) as executor:
            assert [executor.submit(double, i, Channel(ignore)).result(PATIENCE) for i in range(3)] == [
                0,
                2,
                4,
            ]

    def test_closure_runs(self) -> None:
        """A function, and a class, that exist only inside another function reach the worker and come back."""
        offset = 40

        class Answer:
            value = 0

        def add(item: int, channel: Channel) -> Answer:
            answer = Answer()
            answer.value = item + offset
            return answer

        with self.make(1) as executor:
            answer = executor.submit(add, 2, Channel(ignore)).result(PATIENCE)
        assert isinstance(answer, Answer)
        assert answer.value == 42

    def test_exception_arrives_with_its_traceback(self) -> None:
        """Type, arguments and the text of the traceback are kept, and the executor works on."""
        with self.make(1) as executor:
            error = executor.submit(fail, 7, Channel(ignore)).exception(PATIENCE)
            assert type(error) is ValueError
            assert error.args == ("no such thing: 7", 7)
            assert "in fail\n" in "".join(traceback.format_exception(error))
            assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8

    def test_awkward_exception_arrives_as_text(self) -> None:
        """An exception that cannot travel does not hide what happened, and does no harm."""
        with self.make(1) as executor:
            error = executor.submit(fail_awkwardly, 7, Channel(ignore)).exception(PATIENCE)
            assert isinstance(error, AwkwardError | ExecutorError)
            text = "".join(traceback.format_exception(error))
            assert "shelf 7" in text
            assert "in fail_awkwardly\n" in text
            assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8

    def test_messages_keep_their_order(self) -> None:
        """Messages are received in the order in which they were sent."""
        received: list[object] = []
        with self.make(1) as executor:
            executor.submit(count, 2000, Channel(received.append)).result(PATIENCE)
        assert received == list(range(2000))

    def test_all_messages_come_before_the_end(self) -> None:
        """However slow ``receive`` is, nothing is missing when the future is done, also after a failure."""
        received: list[object] = []
        seen_at_end: list[int] = []

        def receive_slowly(message: object) -> None:
            time.sleep(0.005)
            received.append(message)

        with self.make(1) as executor:
            future = executor.submit(count, 40, Channel(receive_slowly))
            future.add_done_callback(lambda _: seen_at_end.append(len(received)))
            future.result(PATIENCE)
            failing = executor.submit(fail, 7, Channel(receive_slowly))
            failing.exception(PATIENCE)
            assert len(received) == 41
        assert seen_at_end == [40]

    def test_large_items_messages_and_values(self) -> None:
        """20 MB pass in both directions, unchanged."""
        large = os.urandom(1 << 20) * 20
        received: list[object] = []
        with self.make(1) as executor:
            value = executor.submit(echo, large, Channel(received.append)).result(PATIENCE)
        assert value == large
        assert received == [large]

    def test_error_in_receive_is_the_futures(self) -> None:
        """When the coordinator cannot take a message, the callable does not go on for nothing."""
        received: list[object] = []

        def refuse(message: object) -> None:
            received.append(message)
            raise OSError("the disk is full")

        with self.make(1) as executor:
            error = executor.submit(until_stopped, 0, Channel(refuse)).exception(PATIENCE)
            assert isinstance(error, OSError)
            assert "the disk is full" in str(error)
            error = executor.submit(count, 5, Channel(refuse)).exception(PATIENCE)
            assert isinstance(error, OSError)
            error = executor.submit(send_whatever_happens, 0, Channel(refuse)).exception(PATIENCE)
            assert isinstance(error, OSError)
            assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8
        assert received == [0, 0, 0]

    def test_questions_are_answered_after_the_messages_before_them(self) -> None:
        """Each answer belongs to its question, and the coordinator has seen what was sent before it."""
        received: list[object] = []

        def answer(question: Any) -> object:
            assert received[-1] == question["number"]
            return {"asked": question, "large": bytes(1 << 20)}

        with self.make(1) as executor:
            answers = executor.submit(ask, 3, Channel(received.append, answer)).result(PATIENCE)
        assert answers == [{"asked": {"number": n}, "large": bytes(1 << 20)} for n in range(3)]

    def test_error_in_answer_is_the_futures(self) -> None:
        """The callable hears that there is no answer, and is told to stop; the future says why."""

        def refuse(question: object) -> object:
            raise OSError("nobody knows")

        with self.make(1) as executor:
            for call in (ask_whatever_happens, ask):
                error = executor.submit(call, 2, Channel(ignore, refuse)).exception(PATIENCE)
                assert isinstance(error, OSError)
                assert "nobody knows" in str(error)
            error = executor.submit(ask, 1, Channel(ignore)).exception(PATIENCE)
            assert isinstance(error, ExecutorError)
            assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8

    def test_two_callables_that_ask_at_once_have_their_own_answers(self) -> None:
        """Whatever the order in which they come."""
        with self.make(2) as executor:
            futures = [executor.submit(ask, 20, Channel(ignore, lambda question, i=i: i)) for i in range(4)]  # type: ignore[misc]
            assert [future.result(PATIENCE) for future in futures] == [[i] * 20 for i in range(4)]

    def test_stop_before_the_start(self) -> None:
        """The wish to stop is there when the callable first looks."""
        with self.make(1) as executor:
            channel = Channel(ignore)
            channel.stop()
            assert executor.submit(see_stop, 0, channel).result(PATIENCE) is True

    def test_stop_while_running(self) -> None:
        """The wish to stop reaches a running callable, and not the next one."""
        with self.make(1) as executor:
            channel = Channel(lambda _: channel.stop())
            assert executor.submit(until_stopped, 0, channel).result(PATIENCE) == "stopped"
            assert executor.submit(see_stop, 0, Channel(ignore)).result(PATIENCE) is False

    def test_late_stop_does_no_harm(self) -> None:
        """Stopping what has ended, also twice, disturbs nobody."""
        with self.make(1) as executor:
            channel = Channel(ignore)
            assert executor.submit(double, 1, channel).result(PATIENCE) == 2
            channel.stop()
            channel.stop()
            assert executor.submit(see_stop, 0, Channel(ignore)).result(PATIENCE) is False
            late = Channel(ignore)
            executor.submit(double, 1, late).result(PATIENCE)
            next_one = Channel(lambda _: late.stop())
            assert executor.submit(see_late_stop, 0, next_one).result(PATIENCE) is False

    def test_every_slot_runs_at_once(self) -> None:
        """As many callables as there are slots wait for each other, and all of them come to their end."""
        running: list[object] = []
        channels: list[Channel] = []

        def receive(message: object) -> None:
            running.append(message)
            if len(running) == executor.slots:
                for channel in channels:
                    channel.stop()

        with self.make(2) as executor:
            channels += [Channel(receive) for _ in range(executor.slots)]
            futures = [executor.submit(until_stopped, i, channel) for i, channel in enumerate(channels)]
            assert [future.result(PATIENCE) for future in futures] == ["stopped"] * executor.slots
        assert sorted(map(str, running)) == [str(i) for i in range(executor.slots)]

    def test_more_work_than_slots(self) -> None:
        """What finds no free slot waits for one, and leaving the block finishes it."""
        with self.make(2) as executor:
            futures = [executor.submit(double, i, Channel(ignore)) for i in range(11)]
        assert [future.result(0) for future in futures] == list(range(0, 22, 2))

    def test_waiting_work_starts_in_order(self) -> None:
        """First come, first served."""
        received: list[Any] = []
        with self.make(1) as executor:
            for i in range(8):
                executor.submit(echo, bytes([i]), Channel(received.append))
        assert received == [bytes([i]) for i in range(8)]

    def test_coordinator_is_left_as_it_was(self) -> None:
        """Environment, signal handlers and, after the end, threads are those from before."""

        def state() -> tuple[dict[str, str], list[Any], int]:
            handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
            return dict(os.environ), handlers, threading.active_count()

        before = state()
        with self.make(1) as executor:
            executor.submit(count, 3, Channel(ignore)).result(PATIENCE)
            assert state()[:2] == before[:2]
        assert state() == before

    def test_shutdown_twice_and_no_submission_after_it(self) -> None:
        """The second call does nothing; a submission is refused."""
        executor = self.make(1)
        future: Future[int] = executor.submit(double, 1, Channel(ignore))
        executor.shutdown()
        executor.shutdown(now=True)
        executor.shutdown()
        assert future.result(0) == 2
        try:
            executor.submit(double, 1, Channel(ignore))
        except ExecutorError:
            pass
        else:
            raise AssertionError("an executor that was shut down took a submission")

    def test_shutdown_of_an_unused_executor(self) -> None:
        """Nothing was started, and nothing is waited for."""
        self.make(2).shutdown()
        self.make(2).shutdown(now=True)

    def test_description(self) -> None:
        """It says in words where callables run."""
        with self.make(2) as executor:
            assert executor.describe().strip()
            assert executor.slots >= 1
