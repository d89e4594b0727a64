"""What must hold while processes die and others read."""

import signal
import sqlite3
import time
from pathlib import Path

import pytest

from unroll.store import State, Store
from unroll.testing.stores import finish, planned_study, planned_trial


def test_kill_9_of_the_writer_loses_no_finished_trial(path: Path, spawn) -> None:
    writer = spawn(
        path,
        """
store = Store.open(path, write=True)
store.plan(planned_study("one", tuple(planned_trial(seed) for seed in range(5000))))
for seed in range(5000):
    key = planned_trial(seed).key
    store.claim(key)
    store.save_checkpoint(key, b"here", {"epoch": 1}, {})
    finish(store, key, metrics={"test_mse": float(seed)}, parameters=key.encode() * 100)
    print(seed, flush=True)
""",
    )
    told = [int(writer.stdout.readline()) for _ in range(40)]
    writer.send_signal(signal.SIGKILL)
    told += [int(line) for line in writer.stdout]
    assert writer.wait() == -signal.SIGKILL
    with Store.open(path, write=True) as store:
        assert store.health()["integrity"] == "ok"
        for seed in told:
            trial = store.trial(planned_trial(seed).key)
            assert trial.state is State.complete
            assert trial.metrics == {"test_mse": float(seed)}
            assert store.parameters(trial.key) == trial.key.encode() * 100
            assert len(store.histories(trial.key)) == 2
        counts = store.studies()[0].counts
        assert counts[State.running] == 0
        assert counts[State.complete] + counts[State.waiting] == 5000
        assert counts[State.complete] - len(told) in (0, 1)  # finished, and killed before it was told


def test_a_killed_writers_trial_waits_with_its_checkpoint(path: Path, spawn) -> None:
    key = planned_trial(1).key
    writer = spawn(
        path,
        """
store = Store.open(path, write=True)
store.plan(planned_study("one", (planned_trial(1),)))
store.claim(planned_trial(1).key)
store.save_checkpoint(planned_trial(1).key, b"here", {"epoch": 3}, {})
print("ready", flush=True)
time.sleep(60)
""",
    )
    assert writer.stdout.readline() == "ready\n"
    writer.kill()
    writer.wait()
    with Store.open(path) as reader:  # a reader changes nothing, also not this
        assert reader.trial(key).state is State.running
        assert reader.health()["holder"] is None
    with Store.open(path, write=True) as store:
        assert store.trial(key).state is State.waiting
        assert store.checkpoint(key).position == {"epoch": 3}
        assert [event["kind"] for event in store.events(trial=key)] == ["started", "released"]
        assert store.claim(key) == 2


def test_readers_and_the_writer_do_not_wait_for_each_other(path: Path, spawn) -> None:
    count = 150
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", tuple(planned_trial(seed) for seed in range(count))))
    writer = spawn(
        path,
        """
store = Store.open(path, write=True)
for trial in store.trials():
    store.claim(trial.key)
    finish(store, trial.key, parameters=bytes(100_000))
store.close()
""",
    )
    seen = []
    with Store.open(path) as reader:
        while writer.poll() is None:
            frame = reader.frame()
            complete = frame["state"] == "complete"
            assert len(frame) == count
            assert not complete.any() or frame.loc[complete, "test_mse"].notna().all()
            seen.append(int(complete.sum()))
        assert writer.returncode == 0, writer.stderr.read()
        assert reader.studies()[0].counts[State.complete] == count
    assert seen == sorted(seen)


def test_an_open_cursor_of_another_program_does_not_delay_a_commit(finished: Path) -> None:
    with Store.open(finished, write=True) as store:
        other = sqlite3.connect(finished)
        rows = other.execute("SELECT * FROM trial_histories UNION ALL SELECT * FROM trial_histories")
        rows.fetchone()  # and no further: its read transaction stays open
        begin = time.monotonic()
        store.claim(planned_trial(1).key)
        finish(store, planned_trial(1).key)
        assert time.monotonic() - begin < 5
        assert len(rows.fetchall()) == 3  # it goes on in its snapshot
        other.close()


def test_each_method_reads_one_snapshot_and_leaves_no_transaction(finished: Path) -> None:
    with Store.open(finished, write=True) as store, Store.open(finished) as reader:
        key = planned_trial(0).key
        for read in (
            reader.trials,
            reader.studies,
            reader.frame,
            reader.events,
            reader.health,
            lambda: reader.history(key, "train_loss"),
            lambda: reader.parameters(key),
        ):
            read()
            assert not reader._db.in_transaction
        assert not store._db.in_transaction


def test_more_trials_are_planned_than_a_statement_takes_values(path: Path) -> None:
    """It takes 32,766 here, and as few as 999 where SQLite was built so: with that, few trials are many."""
    study = planned_study("large", tuple(planned_trial(seed) for seed in range(1_100)))
    keys = [trial.key for trial in study.trials]
    with Store.open(path, write=True) as store:
        store._db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        with pytest.raises(sqlite3.OperationalError, match="too many SQL variables"):
            store._db.execute(f"SELECT {', '.join('?' * len(keys))}", keys)
        store.plan(study)
        store.plan(study)
        assert list(store.states(keys)) == keys
        assert store.studies()[0].counts[State.waiting] == len(keys)


def test_a_trial_is_planned_once_in_a_study(path: Path) -> None:
    with Store.open(path, write=True) as store:
        with pytest.raises(ValueError, match="more than once"):
            store.plan(planned_study("one", (planned_trial(1), planned_trial(1))))
        assert store.studies() == []


def test_a_study_with_the_same_digest_replaces_its_list(path: Path) -> None:
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", (planned_trial(1), planned_trial(2))))
        newer = planned_study("one", (planned_trial(3), planned_trial(1)))
        store.plan(newer)
        assert store.study_by_digest(newer.digest) == newer
        assert len(store.trials()) == 3  # a trial that nobody lists keeps its place until it is forgotten


def test_importing_the_store_imports_no_pandas_and_no_torch(path: Path, spawn) -> None:
    process = spawn(path, "print({'pandas', 'torch', 'psutil'} & set(sys.modules))")
    assert process.communicate(timeout=60)[0] == "set()\n"
