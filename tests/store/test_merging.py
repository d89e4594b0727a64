"""What one store takes over from another.

Planted and found: metrics left behind; ours overwritten though complete; a failed trial of theirs in the place of our
complete one; a checkpoint of theirs over ours.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from unroll.store import State, Store
from unroll.testing.stores import finish, planned_study, planned_trial

TRIALS = tuple(planned_trial(seed) for seed in range(4))
KEYS = [trial.key for trial in TRIALS]


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Seed 0 complete, 1 failed, 2 waiting with a checkpoint, 3 waiting."""
    path = tmp_path / "theirs.db"
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", TRIALS))
        for key in KEYS[:3]:
            store.claim(key)
        finish(store, KEYS[0])
        store.fail(KEYS[1], error={"type": "E", "message": "m"}, fingerprint=None, histories={}, axes={})
        store.save_checkpoint(KEYS[2], b"theirs", {"done": 3}, {"cpu": "x"})
        store.release(KEYS[2], "stopped")
    return path


def merged(path: Path, theirs: Path):
    with Store.open(theirs) as other, Store.open(path, write=True) as store:
        return store.adopt(other)


def test_into_an_empty_store(path: Path, theirs: Path):
    gave = merged(path, theirs)
    assert (gave.studies, gave.complete, gave.failed, gave.checkpoints, gave.known) == (1, 1, 1, 1, 0)
    with Store.open(path) as ours, Store.open(theirs) as other:
        assert list(ours.states(KEYS).values()) == [State.complete, State.failed, State.waiting, State.waiting]
        assert ours.trial(KEYS[0]) == other.trial(KEYS[0])
        assert ours.trial(KEYS[0]).metrics
        assert ours.parameters(KEYS[0]) == other.parameters(KEYS[0])
        assert ours.histories(KEYS[0]).keys() == other.histories(KEYS[0]).keys() != set()
        assert ours.trial(KEYS[1]).error == {"type": "E", "message": "m"}
        assert ours.checkpoint(KEYS[2]).tensors == b"theirs"
        assert ours.studies()[0].digest == other.studies()[0].digest
        assert [e["message"] for e in ours.events(trial=KEYS[0])] == ["complete, from theirs.db"]
    again = merged(path, theirs)
    assert (again.studies, again.complete, again.failed, again.checkpoints, again.known) == (0, 0, 0, 0, 1)


def test_what_is_here_stays(path: Path, theirs: Path):
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", TRIALS))
        for key in KEYS[:3]:
            store.claim(key)
        finish(store, KEYS[0])
        finish(store, KEYS[1])
        store.save_checkpoint(KEYS[2], b"ours", {"done": 1}, {"cpu": "x"})
    with Store.open(path) as store:
        before = store.trial(KEYS[0]), store.trial(KEYS[1])
    gave = merged(path, theirs)
    assert (gave.studies, gave.complete, gave.failed, gave.checkpoints, gave.known) == (0, 0, 0, 0, 1)
    with Store.open(path) as store:
        assert (store.trial(KEYS[0]), store.trial(KEYS[1])) == before
        assert store.checkpoint(KEYS[2]).tensors == b"ours"


def test_our_failure_gives_way_to_their_result(path: Path, theirs: Path):
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", TRIALS))
        store.claim(KEYS[0])
        store.fail(
            KEYS[0],
            error={"type": "E", "message": "m"},
            fingerprint=None,
            histories={"loss": [1.0]},
            axes={"loss": "update"},
        )
    assert merged(path, theirs).complete == 1
    with Store.open(path) as store:
        assert store.trial(KEYS[0]).state is State.complete
        assert store.trial(KEYS[0]).error is None


def test_other_bits_are_named(path: Path, theirs: Path):
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", TRIALS))
        store.claim(KEYS[0])
        store.finish(
            KEYS[0], metrics={"test_mse": 1.0}, histories={}, axes={}, parameters=b"", fingerprint={}, digest="f" * 64,
            seconds=1.0,
        )  # fmt: skip
    assert merged(path, theirs).different == (KEYS[0],)
