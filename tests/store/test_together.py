"""Changes that are written together: all of them or none, and one that raises is taken back alone.

Planted and found: changes that are written after SQLite has taken back those before them; a change that raised and is
kept as far as it went.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unroll.errors import StoreError, StoreLostError, UnknownNameError
from unroll.store import State, Store
from unroll.testing.stores import finish, planned_study, planned_trial

TRIALS = tuple(planned_trial(seed) for seed in range(4))
KEYS = tuple(trial.key for trial in TRIALS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "results.db"
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", TRIALS))
    return path


def states(path: Path) -> list[State]:
    with Store.open(path) as reader:
        return [trial.state for trial in reader.trials()]


def test_nobody_else_sees_a_block_before_its_end(path: Path) -> None:
    with Store.open(path, write=True) as store:
        with store.together():
            store.claim(KEYS[0])
            finish(store, KEYS[0])
            store.claim(KEYS[1])
            assert store.trial(KEYS[0]).state is State.complete, "the block itself does"
            assert store.states(KEYS)[KEYS[1]] is State.running
            assert states(path) == [State.waiting] * 4
        assert states(path) == [State.complete, State.running, State.waiting, State.waiting]
        assert store.verify().verified == 4


def test_a_block_that_raises_leaves_nothing(path: Path) -> None:
    with Store.open(path, write=True) as store:
        before = store.events()

        def half():
            with store.together():
                store.claim(KEYS[0])
                store.release(KEYS[1], "which does not run")

        with pytest.raises(StoreError, match="waiting and cannot be released"):
            half()
        assert states(path) == [State.waiting] * 4
        assert store.events() == before
        store.claim(KEYS[0])
        assert states(path)[0] is State.running


CHANGES = st.lists(st.tuples(st.sampled_from(["claim", "finish", "bad", "release"]), st.integers(0, 3)), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(CHANGES)
def test_together_is_the_same_as_one_by_one(tmp_path_factory, changes) -> None:
    """Whatever raises in the middle, the others are written, and what is there is sound."""
    found = []
    for together in (False, True):
        path = tmp_path_factory.mktemp("store") / "results.db"
        with Store.open(path, write=True) as store:
            store.plan(planned_study("one", TRIALS))
            if together:
                with store.together():
                    raised = [change(store, *one) for one in changes]
            else:
                raised = [change(store, *one) for one in changes]
            lines = [(event["kind"], event["trial"]) for event in store.events()]
            assert store.verify().verified == len(TRIALS)
        found.append((raised, states(path), lines))
    assert found[0] == found[1]


def change(store: Store, what: str, number: int) -> str:
    """Make a change and say what it raised. A bad result is refused when half of it has been written."""
    try:
        if what in ("claim", "release"):
            getattr(store, what)(KEYS[number], *(["a test"] if what == "release" else []))
        elif what == "finish":
            finish(store, KEYS[number])
        else:
            finish(store, KEYS[number], axes={"loss": "no such axis"}, histories={"loss": [1.0]})
    except (StoreError, ValueError) as error:
        return type(error).__name__
    return ""


def test_a_block_without_a_change_locks_nothing(path: Path) -> None:
    with Store.open(path, write=True) as store, store.together():
        assert len(store.trials()) == 4
        with sqlite3.connect(path, timeout=0.1) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        other.close()


def test_what_sqlite_takes_back_by_itself_is_not_half_written(path: Path) -> None:
    """After some errors SQLite rolls the whole transaction back: what comes after must not be written without it."""
    with Store.open(path, write=True) as store:

        def lost_half_way():
            with store.together():
                store.claim(KEYS[0])
                store._db.execute("ROLLBACK")
                with pytest.raises(StoreError, match="was taken back"):
                    store.claim(KEYS[1])

        with pytest.raises(StoreError, match=r"was taken back after an error\. Nothing was changed"):
            lost_half_way()
        assert states(path) == [State.waiting] * 4
        store.claim(KEYS[1])


def test_a_block_in_a_block_is_refused(path: Path) -> None:
    with Store.open(path, write=True) as store:
        with store.together(), pytest.raises(StoreError, match="written together already"), store.together():
            pass
        with store.together():
            store.claim(KEYS[0])
    assert states(path)[0] is State.running


def test_a_store_that_is_gone_is_noticed_before_a_block_begins(path: Path) -> None:
    with Store.open(path, write=True) as store:
        with pytest.raises(UnknownNameError), store.together():
            store.claim("0" * 64)
        path.unlink()
        with pytest.raises(StoreLostError), store.together():
            store.claim(KEYS[0])


def test_another_writer_is_noticed(path: Path) -> None:
    with Store.open(path, write=True) as store:
        with sqlite3.connect(path) as other:
            other.execute("UPDATE writer SET token = 'other'")
        other.close()
        for _ in range(2):
            with pytest.raises(StoreLostError), store.together():
                store.claim(KEYS[0])
    assert states(path) == [State.waiting] * 4
