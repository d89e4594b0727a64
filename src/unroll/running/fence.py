"""One start a submission, whatever the executor does; and which workers are alike."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from unroll.running.messages import Batch, Said, Start


class Alike:
    """The processor of the worker that asked first: all others are to have it. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: Mapping[str, str] | None = None

    def of(self, processor: Mapping[str, str]) -> Mapping[str, str]:
        """Return the first processor that was told here, by this call or an earlier one."""
        with self._lock:
            self._first = processor if self._first is None else self._first
            return self._first


class Fence:
    """Hands the work of one submission to the first start that asks, and tells its messages from all others'.

    A scheduler that has lost sight of a worker starts its work elsewhere, while that worker may still be there. What
    the second start would do then has been begun already, and from an older checkpoint: it is told to leave. Safe in
    any thread. With ``alike``, the work names the processor that it is for.
    """

    def __init__(self, batch: Batch, alike: Alike | None = None):
        self._batch: Batch | None = batch
        self._alike = alike
        self._lock = threading.Lock()
        self.start: str | None = None
        """The start that was let in, None before there is one."""

    def answer(self, question: object) -> Batch | None:
        """Return the work, and None to any start but the first: it leaves."""
        assert isinstance(question, Start)  # noqa: S101 - a worker asks nothing else
        with self._lock:
            if self.start is not None:
                return None
            self.start, batch, self._batch = question.id, self._batch, None
        if batch is None or self._alike is None:
            return batch
        return replace(batch, processor=self._alike.of(question.processor))

    def passes(self, message: Said) -> bool:
        """Whether a message comes from the start that was let in."""
        return message.start == self.start
