"""``unroll doctor --verify --sample``: results that are trained again come out with the same bits, or are named.

Planted and found: results not compared; measures not compared; trials of another processor compared; what was measured
on another processor compared; one trial fewer than asked for; specifications of another form taken for those of today.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernels.oracle import needs_native
from unroll.store import Store
from unroll.store.seals import seal_outcome
from unroll.training import loop

ASSETS = Path(__file__).parents[1] / "assets"
VERIFY = ("doctor", "--verify", "--json", "--sample")


def resealed(change: str, path: str = "results.db") -> None:
    """Change every trial as somebody would who knows the seals."""
    with Store.open(path, write=True) as store:
        store._db.execute(change)
        for (row,) in store._db.execute("SELECT id FROM trials").fetchall():
            seal_outcome(store._db, row)


def test_the_same_bits_come_out_again(finished: str, unroll: Callable) -> None:
    done = unroll("doctor", "--verify", "--sample", 3)
    assert done.code == 0, done.err
    assert done.out.count(": the same bits.") == 3
    assert len({line for line in done.out.splitlines() if "trained again" in line}) == 3
    found = json.loads(unroll(*VERIFY, 9).out)["recomputed"]
    assert len(found) == 4
    assert not any(trial["different"] or trial["reason"] for trial in found)
    assert "Four trials could be trained again, 9 were asked for." in unroll("doctor", "--verify", "--sample", 9).err


def test_results_of_other_code_are_named(study: str, unroll: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        rate = loop.learning_rate
        patch.setattr(loop, "learning_rate", lambda *given: rate(*given) * 1.001)
        assert unroll("run", study, "--executor", "inline").code == 0
    done = unroll("doctor", "--verify", "--sample", 4)
    assert done.code == 1
    assert done.out.count("different: ") == 4
    assert "4 trials are what was written" in done.out, "nothing in the store has changed"
    assert all("results" in trial["different"] for trial in json.loads(unroll(*VERIFY, 4).out)["recomputed"])


def test_a_measure_is_compared_too(finished: str, unroll: Callable) -> None:
    with sqlite3.connect("results.db") as db:
        names = {name for (name,) in db.execute("SELECT name FROM measures").fetchall()}
    assert names
    resealed("UPDATE measures SET digest = replace(digest, '0', '1')")
    done = unroll(*VERIFY, 1)
    assert done.code == 1
    assert set(json.loads(done.out)["recomputed"][0]["different"]) == names


def test_what_was_made_under_other_numerics_is_not_compared(finished: str, unroll: Callable) -> None:
    resealed("""UPDATE trials SET fingerprint = json_set(fingerprint, '$.numerics.backend', 'abacus') WHERE seed = 1""")
    done = unroll("doctor", "--verify", "--sample", 4)
    assert done.code == 0, done.err
    assert done.out.count(": the same bits.") == 2
    assert "Two trials cannot be compared here." in done.err
    assert "backend abacus, here" in done.err


@needs_native
def test_of_another_processor_all_is_compared_but_what_was_found_in_the_network(
    finished: str, unroll: Callable
) -> None:
    with Store.open("results.db") as store:
        assert {"cpu", "torch", "beside"} <= {
            name for one in store.trials() for name in one.fingerprint["circumstances"]
        }
        names = set(store.measures(store.trials()[0].key))
        assert all(store.examinations(one.key).records for one in store.trials())
    resealed("UPDATE trials SET fingerprint = json_set(fingerprint, '$.circumstances.cpu', 'Abacus')")
    done = unroll("doctor", "--verify", "--sample", 4)
    assert done.out.count(": the same bits. What was measured cannot be compared here: cpu Abacus, here") == 4
    resealed("UPDATE measures SET digest = replace(digest, '0', '1')")
    found = json.loads(unroll(*VERIFY, 4).out)["recomputed"]
    assert [set(trial["different"]) for trial in found] == [names] * 4
    resealed("UPDATE trials SET digest = replace(digest, '0', '1')")
    found = json.loads(unroll(*VERIFY, 4).out)["recomputed"]
    assert [set(trial["different"]) for trial in found] == [{"results", *names}] * 4


def test_what_was_measured_otherwise_once_is_not_compared(finished: str, unroll: Callable) -> None:
    resealed("UPDATE trials SET fingerprint = json_remove(fingerprint, '$.circumstances.beside')")
    resealed("UPDATE measures SET digest = replace(digest, '0', '1')")
    done = unroll("doctor", "--verify", "--sample", 4)
    assert done.out.count(": the same bits. What was measured cannot be compared here: beside unknown, here 2") == 4


def test_it_belongs_to_verify(unroll: Callable) -> None:
    done = unroll("doctor", "--sample", 2)
    assert done.code == 1
    assert "unroll doctor --verify --sample N" in done.err


@pytest.mark.parametrize("asset", ["store_v1.db", "store_v2.db"])
def test_trials_of_older_stores_are_told_and_not_compared(asset: str, tmp_path: Path, unroll: Callable) -> None:
    shutil.copy(ASSETS / asset, tmp_path / "old.db")
    found = json.loads(unroll(*VERIFY, 99, "--store", tmp_path / "old.db").out)["recomputed"]
    assert found
    assert all(trial["reason"] and not trial["different"] for trial in found)
