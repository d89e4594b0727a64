"""What a worker does, done in this process."""

from __future__ import annotations

from unroll.executors import Channel
from unroll.running.messages import Batch, Order, Outcome, Said
from unroll.running.work import work


def work_on(order: Order) -> tuple[Outcome, list[object]]:
    """Return how work on one trial ends, and all that was said of it before."""
    said: list[Said] = []
    assert work(None, Channel(said.append, lambda question: Batch((order,), 60.0, 60.0)))
    *before, outcome = [message.content for message in said]
    assert isinstance(outcome, Outcome)
    return outcome, before
