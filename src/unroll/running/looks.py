"""When a training looks up, and what it sees: the time, and whether it is to stop."""

from __future__ import annotations

import time

from unroll.executors import Channel
from unroll.training.cohort import Answer

STALE_SECONDS = 0.5
"""After which what one of several trainings saw is looked at again by the next."""


class Looks:
    """What trials see that are trained in step: after one call the same time, and the same wish to stop.

    So they hand in checkpoints at the same update, from which they go on in step.
    """

    def __init__(self, channel: Channel, cohort: int):
        self.channel, self.cohort = channel, cohort
        self._answer: Answer | None = None
        self._now, self._stopping = time.monotonic(), False

    def after(self, answer: Answer | None) -> tuple[float, bool]:
        """Return the time, and whether to stop, as seen first after an answer, or between answers a while ago."""
        new = answer is not None and answer is not self._answer
        if new or self.cohort == 1 or time.monotonic() - self._now > STALE_SECONDS:
            self._answer = answer or self._answer
            self._now, self._stopping = time.monotonic(), self.channel.stopping
        return self._now, self._stopping
