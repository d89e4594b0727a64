"""Nothing that was changed behind the store's back is ever a number.

Planted and found: no seal compared, of the plan or of the outcome; the seal of an outcome without its metrics, or
without the times; histories or weights sealed without their bytes, or not compared; a study sealed without its trials;
a key that is not recomputed; a damaged trial adopted, or one with damaged parts; results compared by their digests
alone; the histories of trials that were read before not compared, or told as damaged where the writer has changed them;
a plan sealed without its specification, or without what is declared; a damaged declaration that stays for ever, or an
empty one taken for none; a missing part, or a missing trial of a study, not looked for; a study adopted without it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.half_done import ALSO_DONE, DONE, STUDY, WAITING, change, half_done
from tests.store.old import planned_v1
from unroll.errors import DamagedError, StoreError
from unroll.store import State, Store
from unroll.testing.stores import finish, planned_study, planned_trial


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return half_done(tmp_path / "results.db")


OF_THE_FIRST = "(SELECT id FROM trials WHERE seed = 0)"
OUTCOMES = {
    "a metric": f"UPDATE metrics SET value = value + 1e-15 WHERE name = 'test_mse' AND trial = {OF_THE_FIRST}",
    "a metric's time": f"UPDATE metrics SET value = 9 WHERE name = 'seconds_per_epoch' AND trial = {OF_THE_FIRST}",
    "a metric's name": f"UPDATE metrics SET name = 'x' WHERE name = 'test_mse' AND trial = {OF_THE_FIRST}",
    "a metric that is text": f"UPDATE metrics SET value = 'much' WHERE name = 'test_mse' AND trial = {OF_THE_FIRST}",
    "a metric more": f"INSERT INTO metrics SELECT {OF_THE_FIRST}, 'more', 1.0",
    "a metric less": f"DELETE FROM metrics WHERE name = 'test_mse' AND trial = {OF_THE_FIRST}",
    "the state": "UPDATE trials SET state = 'waiting' WHERE seed = 0",
    "attempts": "UPDATE trials SET attempts = 2 WHERE seed = 0",
    "the time": "UPDATE trials SET seconds = seconds * 2 WHERE seed = 0",
    "when it ended": "UPDATE trials SET finished_at = '2020' WHERE seed = 0",
    "the digest": "UPDATE trials SET digest = replace(digest, '0', '1') WHERE seed = 0",
    "the fingerprint": "UPDATE trials SET fingerprint = '{' WHERE seed = 0",
    "not UTF-8": "UPDATE trials SET fingerprint = CAST(x'ff' AS TEXT) WHERE seed = 0",
    "verified": "UPDATE trials SET verified = 0 WHERE seed = 0",
    "the seal": "UPDATE trials SET seal = '' WHERE seed = 0",
}
PLANS = {
    "the specification": "UPDATE trials SET spec = replace(spec, '0.001', '0.002') WHERE seed = 0",
    "a specification that is not JSON": "UPDATE trials SET spec = '{' WHERE seed = 0",
    "the length": "UPDATE trials SET length = 51 WHERE seed = 0",
    "the baseline": "UPDATE trials SET baseline = NULL WHERE seed = 0",
    "the criterion": "UPDATE trials SET solved_below = 1 WHERE seed = 0",
    "parameters": "UPDATE trials SET parameters = 1 WHERE seed = 0",
    "nothing declared": "UPDATE trials SET declared = '' WHERE seed = 0",
    "another's declaration": "UPDATE trials SET declared = 'another' WHERE seed = 0",
}
DECLARED = {
    "another text": "UPDATE declarations SET declared = replace(declared, '0.5', '0.6')",
    "no text": "DELETE FROM declarations",
    "an empty text": "UPDATE declarations SET declared = ''",
    "no JSON": "UPDATE declarations SET declared = '{'",
    "bytes": "UPDATE declarations SET declared = x'ff'",
}


@pytest.mark.parametrize("what", OUTCOMES)
def test_a_damaged_outcome_is_no_number(path: Path, what: str):
    change(path, OUTCOMES[what])
    with Store.open(path) as store:
        record = store.trial(DONE)
        assert record.state is State.damaged
        assert record.damage
        assert (record.metrics, record.seconds, record.digest) == ({}, None, None)
        assert record.length == 50
        frame = store.frame().set_index("seed")
        assert frame["state"].tolist() == ["damaged", "complete", "waiting"]
        assert frame["test_mse"].isna().tolist() == [True, False, True]
        assert frame["seconds"].isna()[0]
        assert store.states([DONE, ALSO_DONE])[DONE] is State.damaged
        assert store.studies()[0].counts[State.damaged] == 1
        for read in (store.parameters, store.histories, store.measures):
            with pytest.raises(DamagedError, match=DONE[:12]):
                read(DONE)
        found = store.verify()
        assert len(found.faults) == 1
        assert DONE[:12] in found.faults[0].name


@pytest.mark.parametrize("what", PLANS)
def test_a_damaged_plan_is_told(path: Path, what: str):
    change(path, PLANS[what])
    with Store.open(path) as store:
        for read in (store.trial, lambda key: store.frame([key]), lambda key: store.trials([key])):
            with pytest.raises(DamagedError, match=f"{DONE[:12]}.*doctor --verify.*forget --damaged"):
                read(DONE)
        planned = store.study_by_digest(STUDY.digest)
        assert planned.damaged == 1
        assert [trial.key for trial in planned.trials] == [ALSO_DONE, WAITING]
        assert store.states([DONE]) == {DONE: State.damaged}


@pytest.mark.parametrize("what", DECLARED)
def test_what_trials_declare_is_compared_and_written_anew(path: Path, what: str):
    change(path, DECLARED[what])
    with Store.open(path) as store:
        for read in (store.trial, lambda key: store.frame([key]), lambda key: store.trials([key])):
            with pytest.raises(DamagedError, match=f"{DONE[:12]}.*doctor --verify.*forget --damaged"):
                read(DONE)
        assert len(store.verify().faults) == 3
    with Store.open(path, write=True) as store:
        assert store.forget_damaged() == 3
        store.plan(STUDY)
        assert store.study_by_digest(STUDY.digest) == STUDY
        assert store.verify().faults == ()


def test_a_key_is_recomputed(path: Path):
    """What a stranger may have sealed: another specification under the key that a study asks for."""
    with Store.open(path, write=True) as store:
        from unroll.store.seals import plan_seal

        store._db.execute("UPDATE trials SET spec = replace(spec, '0.001', '0.002') WHERE seed = 0")
        row = store._db.execute("SELECT * FROM trials WHERE seed = 0").fetchone()
        store._db.execute("UPDATE trials SET plan_seal = ? WHERE seed = 0", (plan_seal(row),))
        with pytest.raises(DamagedError, match="its key is not that of its specification"):
            store.trial(DONE)


def test_a_specification_is_sealed_where_no_key_covers_it(path: Path):
    """A key that follows from nothing, as in the first stores, is unverified; its plan is sealed as it is."""
    older = planned_v1(7)
    with Store.open(path, write=True) as store:
        store.plan(planned_study("older", (older,)))
        assert store.trial(older.key).spec == older.spec
    change(path, "UPDATE trials SET spec = replace(spec, '0.001', '0.002') WHERE seed = 7")
    with Store.open(path) as store:
        with pytest.raises(DamagedError, match="what was planned is not what was written"):
            store.trial(older.key)
        assert [fault.name for fault in store.verify().faults] == [f"trial {older.key[:12]}"]


def test_a_part_that_is_missing_is_found_where_no_digest_covers_it(path: Path):
    """Measured times are outside the digest: only the list of parts knows that there was a history of them."""
    third = planned_trial(3)
    with Store.open(path, write=True) as store:
        store.plan(planned_study("two", (third,)))
        store.claim(third.key)
        finish(store, third.key, histories={"seconds": [1.0, 2.0]}, axes={"seconds": "epoch"})
    change(path, "DELETE FROM histories WHERE name = 'seconds'")
    with Store.open(path) as store:
        assert [fault.reason for fault in store.verify().faults] == ["its history seconds is missing"]
    with Store.open(path, write=True) as store:
        assert store.forget_damaged() == 1


PARTS = {
    "history": f"UPDATE histories SET data = zeroblob(28) WHERE name = 'train_loss' AND trial = {OF_THE_FIRST}",
    "history cut": f"UPDATE histories SET data = x'00' WHERE name = 'train_loss' AND trial = {OF_THE_FIRST}",
    "its count": f"UPDATE histories SET count = 3 WHERE name = 'train_loss' AND trial = {OF_THE_FIRST}",
    "its axis": f"UPDATE histories SET axis = 'update' WHERE name = 'train_loss' AND trial = {OF_THE_FIRST}",
    "history gone": f"DELETE FROM histories WHERE name = 'train_loss' AND trial = {OF_THE_FIRST}",
    "weights": f"UPDATE trained_parameters SET tensors = zeroblob(90) WHERE trial = {OF_THE_FIRST}",
    "weights gone": f"DELETE FROM trained_parameters WHERE trial = {OF_THE_FIRST}",
}


@pytest.mark.parametrize("what", PARTS)
def test_a_damaged_part_is_told_where_it_is_asked_for(path: Path, what: str):
    change(path, PARTS[what])
    with Store.open(path) as store:
        assert store.trial(DONE).metrics["test_mse"] == 0.004
        if "weights" in what:
            with pytest.raises(DamagedError, match=f"{DONE[:12]}.*weights"):
                store.parameters(DONE)
        else:
            for read in (store.histories, lambda key: store.history(key, "train_loss")):
                with pytest.raises(DamagedError, match=f"{DONE[:12]}.*train_loss"):
                    read(DONE)
            with pytest.raises(DamagedError, match="train_loss"):
                store.history_frame(None, "train_loss")
            told: dict[str, str] = {}
            assert set(store.history_frame(None, "train_loss", told)["key"]) == {ALSO_DONE}
            assert list(told) == [DONE]
        assert [fault.what for fault in store.verify().faults] == ["trial"]


def test_what_was_read_is_still_compared_when_its_histories_are(path: Path):
    """One reading serves several tables; damage that comes between them is told, a change by the writer is none."""
    with Store.open(path, write=True) as store:
        read = store.read([DONE, ALSO_DONE, WAITING])
        assert store.frame(read)["state"].tolist() == ["complete", "complete", "waiting"]
        change(path, PARTS["history"])
        told: dict[str, str] = {}
        assert set(store.history_frame(read, "train_loss", told)["key"]) == {ALSO_DONE}
        assert list(told) == [DONE]
        change(path, OUTCOMES["a metric"])
        assert store.forget_damaged() == 1
        store.claim(DONE)
        finish(store, DONE, histories={"train_loss": [1.0, 2.0]}, axes={"train_loss": "epoch"})
        assert set(store.history_frame(read, "train_loss")["key"]) == {ALSO_DONE}  # a trial of that moment, or none
        assert set(store.history_frame([DONE, ALSO_DONE], "train_loss")["key"]) == {DONE, ALSO_DONE}
        store.forget(STUDY.digest)
        assert store.history_frame(read, "train_loss").empty


def test_what_is_damaged_is_removed_alone_and_runs_again(path: Path):
    change(path, OUTCOMES["a metric"])
    change(path, "UPDATE checkpoints SET tensors = x'00'")
    with Store.open(path, write=True) as store:
        with pytest.raises(StoreError):
            store.claim(DONE)
        assert store.forget_damaged() == 1
        assert list(store.states([DONE, ALSO_DONE, WAITING]).values()) == ["waiting", "complete", "waiting"]
        assert store.checkpoint(WAITING) is None
        assert store.forget_damaged() == 0
        assert store.claim(DONE) == 1
        finish(store, DONE)
        assert (store.verify().verified, store.verify().faults) == (3, ())


def test_a_trial_of_a_damaged_plan_is_planned_anew(path: Path):
    change(path, PLANS["the specification"])
    with Store.open(path, write=True) as store:
        assert store.forget_damaged() == 1
        store.plan(STUDY)
        assert list(store.states([DONE, ALSO_DONE]).values()) == ["waiting", "complete"]
        assert store.study_by_digest(STUDY.digest) == STUDY
        assert store.verify().faults == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE studies SET question = 'Another?'",
        "UPDATE studies SET spec = '{'",
        "DELETE FROM study_trials WHERE position = 1",
        "UPDATE study_trials SET position = 7 WHERE position = 1",
    ],
)
def test_a_damaged_study_is_told_and_its_trials_stay(path: Path, statement: str):
    change(path, statement)
    with Store.open(path) as store:
        for read in (store.studies, lambda: store.study_by_digest(STUDY.digest)):
            with pytest.raises(DamagedError, match=f"the study {STUDY.digest[:12]} is damaged"):
                read()
        assert [fault.what for fault in store.verify().faults] == ["study"]
    with Store.open(path, write=True) as store:
        assert store.forget_damaged() == 0
        store.plan(STUDY)
        assert store.studies()[0].counts[State.complete] == 2
        assert store.study_by_digest(STUDY.digest) == STUDY


def test_a_study_whose_digest_is_damaged_is_told_where_it_is_asked_for(path: Path):
    """It is none that was never planned: its seal is that of the digest asked for."""
    change(path, "UPDATE studies SET digest = 'another'")
    with Store.open(path) as store:
        with pytest.raises(DamagedError, match="is damaged"):
            store.study_by_digest(STUDY.digest)
        assert store.study_by_digest("0" * 64) is None
        assert [fault.what for fault in store.verify().faults] == ["study"]
    with Store.open(path, write=True) as store:
        store.plan(STUDY)
        store.forget_damaged()
        assert store.study_by_digest(STUDY.digest) == STUDY
        assert store.studies()[0].counts[State.complete] == 2


def test_a_study_that_lists_a_trial_that_is_gone_is_told(path: Path):
    change(path, "DELETE FROM trials WHERE seed = 0")
    with Store.open(path) as store:
        planned = store.study_by_digest(STUDY.digest)
        assert ([trial.key for trial in planned.trials], planned.damaged) == ([ALSO_DONE, WAITING], 1)
        assert [fault.what for fault in store.verify().faults] == ["study"]
    with Store.open(path, write=True) as store:
        assert store.forget_damaged() == 0
        store.plan(STUDY)
        assert list(store.states([DONE, ALSO_DONE]).values()) == ["waiting", "complete"]
        assert store.verify().faults == ()


@pytest.mark.parametrize("statement", [PLANS["the specification"], "DELETE FROM trials WHERE seed = 0"])
def test_a_merge_takes_no_study_without_some_of_its_trials(path: Path, tmp_path: Path, statement: str):
    """It would stand there under its digest, as if it had never asked for them."""
    change(path, statement)
    with Store.open(path) as other, Store.open(tmp_path / "ours.db", write=True) as store:
        gave = store.adopt(other)
        assert (gave.complete, gave.studies, gave.damaged_studies, gave.whole) == (1, 0, (STUDY.name,), False)
        assert store.study_by_digest(STUDY.digest) is None
        store.plan(STUDY)
        assert list(store.states([DONE, ALSO_DONE]).values()) == ["waiting", "complete"]
        assert store.adopt(other).damaged_studies == (() if "UPDATE" in statement else (STUDY.name,))


def test_a_damaged_index_hides_nothing(path: Path):
    """Indices repeat what tables say; where one says otherwise, the table is right."""
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_trials_1'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    raw = bytearray(path.read_bytes())
    place = raw.index(DONE.encode(), (page - 1) * size, page * size)
    raw[place] = ord("0") if raw[place] != ord("0") else ord("1")
    path.write_bytes(raw)
    with Store.open(path) as store:
        assert store.trial(DONE).metrics["test_mse"] == 0.004
        assert store.states([DONE]) == {DONE: State.complete}
        assert store.study_by_digest(STUDY.digest) == STUDY
        assert store.health()["integrity"]
    with Store.open(path, write=True) as store:
        assert store.forget_damaged() == 0  # but for the index, which is made anew
        assert store.trial(DONE[:8]).key == DONE


def test_an_unreadable_checkpoint_is_told(path: Path):
    for statement in ("UPDATE checkpoints SET position = '['", "UPDATE checkpoints SET numerics = '3'"):
        change(path, statement)
        with Store.open(path) as store, pytest.raises(DamagedError, match=f"checkpoint of trial {WAITING[:12]}"):
            store.checkpoint(WAITING)


@pytest.mark.parametrize("what", [*OUTCOMES, *PLANS, *PARTS])
def test_nothing_damaged_is_adopted(path: Path, tmp_path: Path, what: str):
    change(path, {**OUTCOMES, **PLANS, **PARTS}[what])
    with Store.open(path) as other, Store.open(tmp_path / "ours.db", write=True) as store:
        gave = store.adopt(other)
        assert gave.complete == 1
        assert len(gave.damaged) == 1
        assert not gave.whole
        assert all(trial.state is not State.complete for trial in store.trials([DONE]))
        assert store.verify().faults == ()


def test_what_differs_is_compared_and_not_guessed(path: Path, tmp_path: Path):
    """The same digest over other numbers, under the same numerics: one of the two is wrong, and ours stays."""
    with Store.open(path) as store:
        digest = store.trial(DONE).digest
    with Store.open(tmp_path / "ours.db", write=True) as store, Store.open(path) as other:
        store.plan(STUDY)
        store.claim(DONE)
        finish(store, DONE, metrics={"test_mse": 0.5}, digest=digest)
        gave = store.adopt(other)
        assert (gave.different, gave.numerics) == ((DONE,), ())
        assert store.trial(DONE).metrics["test_mse"] == 0.5


def test_a_line_of_the_timeline_that_cannot_be_read(path: Path):
    change(path, "UPDATE events SET data = '{' WHERE id = 1")
    with Store.open(path) as store, pytest.raises(DamagedError, match="timeline"):
        store.events()


def test_a_checkpoint_keeps_its_position(path: Path):
    with Store.open(path) as store:
        assert json.loads(json.dumps(dict(store.checkpoint(WAITING).position)))["done"] == 3
