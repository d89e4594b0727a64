"""What a worker does, done in this process."""

from __future__ import annotations

import pytest

from unroll.executors import Channel
from unroll.running.messages import Batch, Order, Outcome, Said
from unroll.running.work import work


def work_on(order: Order, *, stop: bool = False) -> tuple[Outcome, list[object]]:
    """Return how work on one trial ends, and all that was said of it before; ``stop``: told to as soon as it begins."""
    said: list[Said] = []
    channel = Channel(said.append, lambda question: Batch((order,), 60.0, 60.0))
    with pytest.MonkeyPatch.context() as patch:
        if stop:
            patch.setattr("unroll.running.work.confirm_plugins", lambda trial: channel.stop())
        assert work(None, channel)
    *before, outcome = [message.content for message in said]
    assert isinstance(outcome, Outcome)
    return outcome, before
