"""What one store takes over from another.

Planted and found: metrics left behind; ours overwritten though complete; a failed trial of theirs in the place of our
complete one; a checkpoint of theirs over ours; a damaged study that stops the merge, or is taken, or not said.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from unroll.store import PlannedStudy, PlannedTrial, State, Store
from unroll.testing.stores import finish, planned_study, planned_trial, sealed

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
        store.save_checkpoint(KEYS[2], *sealed(b"theirs", done=3), {"cpu": "x"})
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
        store.save_checkpoint(KEYS[2], *sealed(b"ours", done=1), {"cpu": "x"})
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


@pytest.mark.parametrize(
    "statement",
    ["UPDATE studies SET spec = '{' WHERE name = 'one'", "DELETE FROM study_trials WHERE study = 1 AND position = 1"],
)
def test_a_damaged_study_there_is_left_out_and_all_else_is_taken(path: Path, theirs: Path, statement: str):
    with Store.open(theirs, write=True) as store:
        store.plan(planned_study("two", TRIALS[:2]))
    with closing(sqlite3.connect(theirs)) as db:
        assert db.execute(statement).rowcount == 1
        db.commit()
    gave = merged(path, theirs)
    assert (gave.studies, gave.complete, gave.failed, gave.checkpoints) == (1, 1, 1, 1)
    assert (gave.damaged, gave.damaged_studies) == ((), ("one",))
    assert not gave.whole
    with Store.open(path) as ours:
        assert [study.name for study in ours.studies()] == ["two"]
        assert list(ours.states(KEYS[:3]).values()) == [State.complete, State.failed, State.waiting]
        assert ours.verify().faults == ()


STANDS = (
    "absent",
    "waiting",
    "waiting, checkpoint",
    "failed",
    "failed, checkpoint",
    "complete",
    "complete, other bits",
)
PAIRS = [(ours, theirs) for ours in STANDS for theirs in STANDS]


def stand(store: Store, key: str, what: str, whose: str) -> None:
    """Bring a planned trial to where it shall stand."""
    if what in ("absent", "waiting"):
        return
    store.claim(key)
    if what.endswith("checkpoint"):
        store.save_checkpoint(key, *sealed(whose.encode()), {})
    if what.startswith("complete"):
        weights = b"other" if what.endswith("bits") and whose == "theirs" else b"the same"
        finish(store, key, parameters=weights, seconds=float(len(whose)))
    elif what.startswith("failed"):
        store.fail(key, error={"type": whose}, fingerprint=None, histories={}, axes={})
    else:
        store.release(key, "stopped")


def stands(store: Store, key: str) -> tuple[object, ...] | None:
    """Everything that a merge may not lose of a trial."""
    if not store.states([key]):
        return None
    record, saved = store.trial(key), store.checkpoint(key)
    weights = store.parameters(key) if record.state is State.complete else None
    results = record.digest, record.seconds, weights, len(store.histories(key))
    return record.state, record.error, results, saved and saved.tensors


def test_whatever_is_further_stays(path: Path, tmp_path: Path):
    """Every stand of a trial here against every stand there, judged by a rule that is written down on its own."""
    trials = {pair: planned_trial(seed) for seed, pair in enumerate(PAIRS)}
    for whose, file in (("ours", path), ("theirs", tmp_path / "theirs.db")):
        with Store.open(file, write=True) as store:
            side = 0 if whose == "ours" else 1
            here = {pair: trial for pair, trial in trials.items() if pair[side] != "absent"}
            store.plan(planned_study(whose, tuple(here.values())))
            for pair, trial in here.items():
                stand(store, trial.key, pair[side], whose)
    with Store.open(path) as ours, Store.open(tmp_path / "theirs.db") as theirs:
        before = {pair: (stands(ours, trial.key), stands(theirs, trial.key)) for pair, trial in trials.items()}
    gave = merged(path, tmp_path / "theirs.db")
    with Store.open(path) as ours:
        for (here, there), trial in trials.items():
            our, their = before[here, there]
            nothing_here = here in ("absent", "waiting")
            takes = there.startswith("complete") if not here.startswith("complete") else False
            takes = takes or (nothing_here and there != "absent")
            assert stands(ours, trial.key) == (their if takes else our), (here, there)
        after = [stands(ours, trial.key) for trial in trials.values()]
    assert set(gave.different) == {
        trial.key for (here, there), trial in trials.items() if here[:8] == "complete" and there.endswith("bits")
    }
    merged(path, tmp_path / "theirs.db")
    with Store.open(path) as ours:
        assert [stands(ours, trial.key) for trial in trials.values()] == after


def versioned(version: str, trials: tuple[PlannedTrial, ...]) -> PlannedStudy:
    """One study, planned where its task has this version; its digest does not hold it, its trials' keys do."""
    return replace(planned_study("one", trials), plugins={"task": {"adding": {"version": version}}})


def test_trials_of_another_version_are_taken_and_told(path: Path, tmp_path: Path):
    older, newer = TRIALS[:2], TRIALS[2:]
    for file, study in ((path, versioned("1", older)), (tmp_path / "theirs.db", versioned("1.0.1", newer))):
        with Store.open(file, write=True) as store:
            store.plan(study)
            key = study.trials[0].key
            store.claim(key)
            finish(store, key)
    gave = merged(path, tmp_path / "theirs.db")
    assert (gave.complete, gave.fitting, gave.whole) == (1, 0, False)
    (apart,) = gave.apart
    assert (apart.study, apart.versions, apart.keys) == ("one", ("task adding 1.0.1 (here 1)",), (KEYS[2],))
    with Store.open(path, write=True) as store:
        study = store.study_by_digest(versioned("1", older).digest)
        assert [trial.key for trial in study.trials] == KEYS[:2], "the plan here stays"
        assert store.trial(KEYS[2]).state is State.complete
        assert store.parameters(KEYS[2])
        store.plan(versioned("1.0.1", newer))
        assert store.studies()[0].counts[State.complete] == 1, "planned under that version, its result is there"
