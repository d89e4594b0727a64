import pytest

from unroll.executors import Channel, Executor, Inline
from unroll.testing.executors import ExecutorConformance, ignore


class TestInline(ExecutorConformance):
    def make(self, workers: int) -> Executor:
        return Inline(workers)


def test_one_slot_whatever_is_asked():
    assert Inline(4).slots == 1
    assert Inline(4).describe() == "inline"


def test_keyboard_interrupt_passes_through():
    def interrupt(item, channel):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Inline().submit(interrupt, 0, Channel(ignore))


def test_future_is_done_when_submit_returns():
    assert Inline().submit(lambda item, channel: item, 3, Channel(ignore)).done()
