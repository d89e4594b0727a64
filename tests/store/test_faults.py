"""A full or faulty disk: a clear error, finished trials intact, and on it goes when there is space again.

Seen to fail on the code before it was mended: each stat that fails, as found by ``tests/faults/sweep.py``; a lock that
cannot be written told as a full disk.
"""

import errno
import io
import os
import subprocess
from pathlib import Path

import pytest

from unroll.errors import StoreError, StoreFullError
from unroll.store import State, Store
from unroll.testing.stores import finish, planned_study, planned_trial

# The limit stands for a quota (EDQUOT) and a file size limit (EFBIG); SIGXFSZ is ignored by Python.
FILL = """
from unroll.errors import StoreFullError
trials = tuple(planned_trial(seed) for seed in range(100))
store = Store.open(path, write=True)
store.plan(planned_study("one", trials))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
done = []
try:
    for trial in trials:
        store.claim(trial.key)
        finish(store, trial.key, parameters=os.urandom(100_000))
        done.append(trial.key)
except StoreFullError as error:
    for fact in (str(path), "bytes are free", "Finished trials are safe", "again"):
        assert fact in str(error), error
else:
    raise SystemExit("was never full")
assert 3 < len(done) < 50, len(done)
stuck = trials[len(done)].key
assert set(store.states(done).values()) == {State.complete}
assert store.trial(stuck).state in (State.running, State.waiting)
assert store.histories(stuck) == {} and store.trial(stuck).metrics == {}
"""


def test_a_full_disk_leaves_finished_trials_and_the_same_process_goes_on(path: Path, spawn) -> None:
    process = spawn(
        path,
        FILL
        + """
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
if store.trial(stuck).state is State.waiting:
    store.claim(stuck)
finish(store, stuck)
store.close()
""",
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    with Store.open(path) as store:
        assert store.health()["integrity"] == "ok"
        assert store.studies()[0].counts[State.running] == 0


def test_a_full_disk_leaves_finished_trials_and_the_next_process_goes_on(path: Path, spawn) -> None:
    process = spawn(path, FILL + "print(len(done))\nstore.close()\n")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    with Store.open(path, write=True) as store:
        assert store.health()["integrity"] == "ok"
        counts = store.studies()[0].counts
        assert counts[State.complete] == int(out)
        assert counts[State.waiting] == 100 - int(out)
        key = next(trial.key for trial in store.trials() if trial.state is State.waiting)
        store.claim(key)
        finish(store, key)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small tmpfs")
def test_a_full_file_system(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        trials = tuple(planned_trial(seed) for seed in range(100))
        done: list[str] = []

        def run(store: Store) -> None:
            for trial in trials:
                store.claim(trial.key)
                finish(store, trial.key, parameters=os.urandom(100_000))
                done.append(trial.key)

        with Store.open(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", trials))
            with pytest.raises(StoreFullError, match="bytes are free"):
                run(store)
        assert done
        subprocess.run(["mount", "-o", "remount,size=20m", tmp_path], check=True)
        with Store.open(tmp_path / "results.db", write=True) as store:
            assert store.health()["integrity"] == "ok"
            assert set(store.states(done).values()) == {State.complete}
            store.claim(trials[-1].key)
            finish(store, trials[-1].key)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_no_space_for_a_new_store(path: Path, spawn) -> None:
    process = spawn(
        path,
        """
from unroll.errors import StoreFullError
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    Store.open(path, write=True)
except StoreFullError as error:
    print(error)
""",
    )
    out, err = process.communicate(timeout=60)
    assert "No space to write" in out, err
    Store.open(path, write=True).close()  # what was left of it is no obstacle


@pytest.mark.parametrize(
    ("write", "looked_at"),
    [(False, "results.db-wal"), (False, "results.db-journal"), (True, None), (True, "results.db")],
)
def test_a_disk_that_fails_when_files_are_looked_at(
    finished: Path, write: bool, looked_at: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = str(finished.with_name(looked_at) if looked_at else finished.parent)
    if not write:
        finished.with_name("results.db-wal").mkdir()  # SQLite cannot open its log: the files are looked at
    real = os.stat

    def stat(name, *rest, **more):
        if not isinstance(name, int) and os.fspath(name) == broken:
            raise OSError(errno.EIO, "Input/output error", broken)
        return real(name, *rest, **more)

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(StoreError, match=r"results\.db.*Input/output error"):
        Store.open(finished, write=write)


def test_a_full_disk_of_which_nobody_knows_how_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("shutil.disk_usage", broken)
    monkeypatch.setattr("fcntl.flock", lambda *_: broken_lock())

    def broken_lock() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreFullError, match="No space to write"):
        Store.open(path, write=True)


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.EIO, "cannot be locked.*Input/output error.*Check the disk"), (errno.EDQUOT, "No space")],
)
def test_a_lock_that_cannot_be_written_says_why(
    path: Path, number: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.FileIO):
        def write(self, _: object) -> int:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("unroll.store.lock.os.fdopen", lambda descriptor, mode, buffering: Broken(descriptor, mode))
    with pytest.raises(StoreError, match=told):
        Store.open(path, write=True)
    monkeypatch.undo()
    Store.open(path, write=True).close()
