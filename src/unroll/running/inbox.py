"""What workers have sent and the main loop has not taken yet."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from unroll.running.messages import Report, Resumable, Said

Sender = TypeVar("Sender")

MOST = 10_000
"""Messages that wait; whoever sends one more waits too."""
CHECKPOINT_BYTES = 256 << 20
"""Bytes of the checkpoints that wait; beyond it the oldest are dropped: at worst some work is done again."""


class Inbox(Generic[Sender]):
    """Messages in the order in which they came, each with its sender. Any thread may put, one takes.

    Of each trial at most one report waits: a later one takes its place. No result is ever dropped.
    """

    def __init__(self, most: int = MOST, checkpoint_bytes: int = CHECKPOINT_BYTES) -> None:
        self._most, self._checkpoint_bytes = most, checkpoint_bytes
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[Sender, Said]] = {}  # by a number that counts all that came
        self._reports: dict[str, int] = {}  # the numbers of reports, by the start and the key of their trials
        self._checkpoints: dict[int, int] = {}  # the bytes of checkpoints, by their numbers
        self._count = 0
        self._awake = self._closed = False

    def put(self, sender: Sender, message: Said) -> None:
        """Add a message; wait while there are too many, unless the inbox is closed."""
        with self._changed:
            report = message.start + message.key if isinstance(message.content, Report) else None
            if report in self._reports:
                self._waiting[self._reports[report]] = (sender, message)
                return
            self._changed.wait_for(lambda: len(self._waiting) < self._most or self._closed)
            self._count += 1
            self._waiting[self._count] = (sender, message)
            if report is not None:
                self._reports[report] = self._count
            if isinstance(message.content, Resumable):
                self._checkpoints[self._count] = len(message.content.checkpoint.tensors)
                self._drop()
            self._changed.notify_all()

    def wake(self) -> None:
        """Let ``take`` return, though nothing may have come."""
        with self._changed:
            self._awake = True
            self._changed.notify_all()

    def take(self, seconds: float) -> list[tuple[Sender, Said]]:
        """Return all that has come, in order, after waiting this long at most for anything."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._awake, seconds)
            taken = list(self._waiting.values())
            for emptied in (self._waiting, self._reports, self._checkpoints):
                emptied.clear()
            self._awake = False
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Make nobody wait any more who puts something."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _drop(self) -> None:
        while len(self._checkpoints) > 1 and sum(self._checkpoints.values()) > self._checkpoint_bytes:
            oldest = next(iter(self._checkpoints))
            del self._checkpoints[oldest], self._waiting[oldest]
