"""One start a submission, whatever the executor does."""

from __future__ import annotations

import threading

from unroll.running.messages import Batch, Said, Start


class Fence:
    """Hands the work of one submission to the first start that asks, and tells its messages from all others'.

    A scheduler that has lost sight of a worker starts its work elsewhere, while that worker may still be there. What
    the second start would do then has been begun already, and from an older checkpoint: it is told to leave. Safe in
    any thread.
    """

    def __init__(self, batch: Batch):
        self._batch: Batch | None = batch
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
            return batch

    def passes(self, message: Said) -> bool:
        """Whether a message comes from the start that was let in."""
        return message.start == self.start
