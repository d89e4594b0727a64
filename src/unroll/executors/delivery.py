"""The coordinator's end of a channel whose callable runs in another process: its frames in, answers to them out."""

from __future__ import annotations

from typing import Any

from unroll.errors import ExecutorError
from unroll.executors.base import Channel
from unroll.executors.wire import ANSWER, ASK, ERROR, MESSAGE, VALUE, decode, encode


class Delivery:
    """Hands what a callable sends to its channel until a function of the coordinator raises, and holds how it ended.

    ``place`` says where the callable runs, in words that follow "In".
    """

    value: Any
    """What the callable has returned, None until then."""

    failure: BaseException | None
    """What came first: an error of the coordinator's functions, of reading a frame here, or of the callable itself."""

    def __init__(self, channel: Channel, place: str):
        self.channel, self.place = channel, place
        self.value, self.failure = None, None

    def take(self, kind: bytes, content: memoryview) -> bytes | None:
        """Deliver a frame; return the one that answers it, None where it asks nothing."""
        answer = None
        try:
            received = decode(content)
            if self.failure is None:
                answer = self._deliver(kind, received)
        except BaseException as error:
            self.failure = self.failure or error
            self.channel.stop()
        return encode(ANSWER, (False, None)) if kind == ASK and answer is None else answer

    def _deliver(self, kind: bytes, received: Any) -> bytes | None:
        if kind == MESSAGE:
            self.channel.send(received)
        elif kind == ASK:
            return _answer(self.channel.ask(received))
        elif kind == VALUE:
            self.value = received
        elif kind == ERROR:
            self.failure, text = received
            self.failure.add_note(f"In {self.place}:\n{text}")
        return None


def _answer(answer: object) -> bytes:
    try:
        return encode(ANSWER, (True, answer))
    except Exception as error:
        raise unsendable("What a worker process asked for cannot be sent to it", error) from error


def unsendable(what: str, error: Exception) -> ExecutorError:
    """Return the error for what no pickle can hold."""
    return ExecutorError(f"{what}: {error}. The inline executor sends nothing.")
