"""A store that is older than the seals is believed where its keys and digests say so, and where nothing covers it.

Planted and found: sealed without a look at its digests; the key, the condition or the study of one taken as they are.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.store.half_done import change
from unroll.errors import DamagedError
from unroll.store import State, Store

ASSETS = Path(__file__).parents[1] / "assets"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Nine trials of the adding problem, written before there were seals."""
    return Path(shutil.copy(ASSETS / "store_v2.db", tmp_path / "old.db"))


@pytest.mark.parametrize("write", [False, True])
def test_a_store_older_than_the_seals_is_verified_by_its_digests(old: Path, write: bool):
    with Store.open(old, write=write) as store:
        found = store.verify()
        assert (found.verified, found.unverified) == (8, 1)  # one that failed has no digest
        assert [fault.what for fault in found.faults] == ["checkpoint"]  # it had no checksum then
        assert len(store.trials()) == 9


OLD = {
    "a metric": "UPDATE metrics SET value = value * 2 WHERE name = 'test_mse' AND trial = 1",
    "a history": "UPDATE histories SET data = zeroblob(length(data)) WHERE name = 'loss' AND trial = 1",
    "weights": "UPDATE trained_parameters SET tensors = zeroblob(length(tensors)) WHERE trial = 1",
    "the digest": "UPDATE trials SET digest = replace(digest, substr(digest, 1, 1), 'x') WHERE id = 1",
    "the specification": "UPDATE trials SET spec = replace(spec, '\"format\"', '\"gormat\"') WHERE id = 1",
    "a setting": "UPDATE trials SET spec = replace(spec, '\"epochs\": 3', '\"epochs\": 4') WHERE id = 1",
    "the length": "UPDATE trials SET length = 5 WHERE id = 1",
}


@pytest.mark.parametrize("what", OLD)
def test_damage_in_a_store_older_than_the_seals(old: Path, what: str):
    change(old, OLD[what])
    with Store.open(old) as store:
        (key,) = store._db.execute("SELECT key FROM trials WHERE id = 1").fetchone()
        assert store.states([key]) == {key: State.damaged}
        assert store.verify().verified == 7
    with Store.open(old, write=True) as store:
        assert store.forget_damaged() == 1


@pytest.mark.parametrize("count", ["count + 1", "count * 1.0 + 0.5", "'many'", "-1"])
def test_a_history_of_an_old_store_has_as_many_values_as_it_says(old: Path, count: str):
    change(old, f"UPDATE histories SET count = {count} WHERE name = 'loss' AND trial = 1")  # no digest covers it
    with Store.open(old) as store:
        (key,) = store._db.execute("SELECT key FROM trials WHERE id = 1").fetchone()
        with pytest.raises(DamagedError, match="loss has another number of values"):
            store.histories(key)
        told: dict[str, str] = {}
        assert key not in store.history_frame(None, "loss", told)["key"].tolist()
        assert key in told
        assert store.verify().verified == 7
    with Store.open(old, write=True) as store:
        assert store.forget_damaged() == 1


OLD_PLANS = {
    "spec": "spec = replace(spec, '\"epochs\": 3', '\"epochs\": 4')",
    "seed": "seed = 2",
    "key": "key = replace(key, substr(key, 1, 1), 'x')",
    "condition": "condition = replace(condition, substr(condition, 1, 1), 'x')",
}


@pytest.mark.parametrize("what", OLD_PLANS)
def test_the_key_of_an_old_trial_without_results_is_recomputed(old: Path, what: str):
    """Of one that failed nothing but key and condition tell that it was asked otherwise: it is not verified later."""
    change(old, f"UPDATE trials SET {OLD_PLANS[what]} WHERE state = 'failed'")
    with Store.open(old) as store:
        (key,) = store._db.execute("SELECT key FROM trials WHERE state = 'failed'").fetchone()
        assert store.states([key]) == {key: State.damaged}
        assert [fault.reason for fault in store.verify().faults if fault.what == "trial"] == [
            "what was planned is not what was written"
        ]


OLD_STUDIES = {
    "its question": "UPDATE studies SET question = 'Another?' WHERE id = 1",
    "what it asks": "UPDATE studies SET spec = replace(spec, '\"epochs\": 3', '\"epochs\": 4') WHERE id = 1",
    "its digest": "UPDATE studies SET digest = replace(digest, substr(digest, 1, 1), 'x') WHERE id = 1",
    "no JSON": "UPDATE studies SET overrides = '{' WHERE id = 1",
}


@pytest.mark.parametrize("what", OLD_STUDIES)
def test_a_study_of_an_old_store_is_what_its_digest_says(old: Path, what: str):
    change(old, OLD_STUDIES[what])
    with Store.open(old) as store:
        assert [fault.what for fault in store.verify().faults] == ["study", "checkpoint"]
        with pytest.raises(DamagedError, match=r"the study .* is damaged"):
            store.studies()


def test_a_study_whose_digest_was_damaged_before_there_were_seals_is_told_where_it_is_asked_for(old: Path):
    with Store.open(old) as store:
        digest = store.studies()[0].digest
    change(old, OLD_STUDIES["its digest"])
    with Store.open(old) as store:
        with pytest.raises(DamagedError, match=r"the study .* is damaged"):
            store.study_by_digest(digest)
        assert store.study_by_digest("0" * 64) is None
