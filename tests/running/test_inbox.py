"""What waits for the main loop: in order, one report a trial, no more than is bearable; and who is let in.

Planted and found: a report that replaces another trial's; checkpoints dropped from the new end; a second start that is
given the work too.
"""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from unroll.running.fence import Fence
from unroll.running.inbox import Inbox
from unroll.running.messages import Batch, Note, Outcome, Report, Resumable, Said, Start
from unroll.training import Checkpoint

DONE = Outcome({}, {})


def report(done: int) -> Report:
    return Report(done, 100, 0, 1.0, 0, 0.5)


def resumable(size: int, tag: int = 0) -> Resumable:
    return Resumable(Checkpoint(bytes(size), {"tag": tag}), {})


messages = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["k1", "k2"]), st.sampled_from(["report", "note", "done"]))
)


@given(messages, st.integers(0, 30))
def test_all_comes_in_order_but_for_reports_which_later_ones_replace(sent, cut):
    inbox = Inbox()
    taken, expected = [], []
    for number, (start, key, kind) in enumerate(sent):
        content = {"report": report(number), "note": Note(str(number)), "done": DONE}[kind]
        inbox.put(start, Said(start, key, content))
        if number == cut:
            taken.append(inbox.take(0.0))
            expected.append([])
    taken.append(inbox.take(0.0))
    rounds = [sent[: cut + 1], sent[cut + 1 :]] if len(sent) > cut else [sent]
    for part, (got, first) in enumerate(zip(taken, (0, cut + 1), strict=False)):
        want: dict[object, int] = {}  # in order of the first report, with the content of the last
        for number, (start, key, kind) in enumerate(rounds[part], first):
            want[start, key, "report" if kind == "report" else number] = number
        assert [(sender, said.key) for sender, said in got] == [(start, key) for start, key, _ in want]
        for (_, said), number in zip(got, want.values(), strict=True):
            if isinstance(said.content, Report):
                assert said.content.done == number
            elif isinstance(said.content, Note):
                assert said.content.text == str(number)
    assert inbox.take(0.0) == []


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=30))
def test_the_oldest_checkpoints_are_dropped_and_nothing_else(sent):
    inbox = Inbox(checkpoint_bytes=100)
    for number, (checkpoint, size) in enumerate(sent):
        inbox.put("a", Said("a", "k", resumable(size, number) if checkpoint else DONE))
    got = [said.content for _, said in inbox.take(0.0)]
    assert sum(content is DONE for content in got) == sum(not checkpoint for checkpoint, _ in sent)
    tags = [content.checkpoint.position["tag"] for content in got if isinstance(content, Resumable)]
    every = [number for number, (checkpoint, _) in enumerate(sent) if checkpoint]
    assert tags == every[len(every) - len(tags) :], "the newest are kept"
    sizes = {number: size for number, (_, size) in enumerate(sent)}
    assert len(tags) <= 1 or sum(sizes[tag] for tag in tags) <= 100
    if len(tags) < len(every):
        assert sum(sizes[tag] for tag in every[-len(tags) - 1 :]) > 100, "no more than must be"


def test_who_sends_too_much_waits_until_something_is_taken_or_all_is_over():
    inbox = Inbox(most=2)
    come = []

    def send():
        for number in range(6):
            inbox.put("a", Said("a", str(number), DONE))
            come.append(number)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    sender.join(0.2)
    assert come == [0, 1]
    assert [said.key for _, said in inbox.take(0.0)] == ["0", "1"]
    sender.join(0.2)
    assert come == [0, 1, 2, 3]
    inbox.close()
    sender.join(10)
    assert come == list(range(6))


def test_waking_ends_a_wait_once():
    inbox = Inbox()
    inbox.wake()
    assert inbox.take(60.0) == []
    threading.Timer(0.05, inbox.wake).start()
    assert inbox.take(60.0) == []
    assert inbox.take(0.0) == []


def test_one_start_of_many_is_let_in():
    batch = Batch((), 1.0, 1.0)
    fence = Fence(batch)
    given_to = []
    begin = threading.Barrier(8)

    def begins(number):
        begin.wait()
        if fence.answer(Start(str(number))) is batch:
            given_to.append(str(number))

    threads = [threading.Thread(target=begins, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (first,) = given_to
    assert fence.start == first
    assert [number for number in map(str, range(8)) if fence.passes(Said(number, "k", DONE))] == [first]
