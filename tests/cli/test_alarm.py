"""``unroll merge`` of two machines' results: other bits under equal numerics are an alarm.

Planted and found: an alarm over results that say of each other's processor; none where both digests are under a seal;
the other result taken; a merge that exits with 0; a task of somebody else that is not named; one of unroll's that is.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from tests.cli.test_recomputation import resealed
from unroll import registry
from unroll.store import Store
from unroll.store.digests import results_digest
from unroll.streams import Generator
from unroll.tasks import Split
from unroll.tasks.adding import Adding
from unroll.training import loop


@pytest.fixture
def other(finished: str, unroll: Callable, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a machine that computes otherwise has come to, in other.db."""
    with monkeypatch.context() as patch:
        rate = loop.learning_rate
        patch.setattr(loop, "learning_rate", lambda *given: rate(*given) * 1.001)
        assert unroll("run", finished, "--store", "other.db", "--executor", "inline").code == 0
    return "other.db"


def digests(path: str) -> dict[str, str]:
    with Store.open(path) as store:
        return {record.key: record.digest for record in store.trials()}


def test_other_bits_under_equal_numerics_raise_an_alarm(other: str, unroll: Callable) -> None:
    ours, theirs = digests("results.db"), digests(other)
    done = unroll("merge", other, "--store", "results.db")
    assert done.code == 1
    assert done.err.count("ALARM: trial ") == 4
    with Store.open("results.db") as store:
        for record in store.trials():
            name = f"{record.key[:12]} ({record.model} on {record.task}, T = {record.length}, seed {record.seed})"
            assert f"ALARM: trial {name} has other bits under the same numerics." in done.err
    assert all(digest in done.err for digest in (*ours.values(), *theirs.values()))
    assert "does not come with unroll" not in done.err
    assert "kernels 2, fused" in done.err or "torch " in done.err
    assert "unroll doctor --verify --sample" in done.err
    assert digests("results.db") == ours, "nothing was taken"
    told = json.loads(unroll("merge", other, "--store", "results.db", "--json").out)[other]["alarms"]
    assert {one["key"]: one["digests"] for one in told} == {key: [ours[key], theirs[key]] for key in ours}
    assert all({"numerics", "circumstances"} == found.keys() for one in told for found in one["fingerprints"])


def test_under_other_numerics_there_is_none(other: str, unroll: Callable) -> None:
    resealed("UPDATE trials SET fingerprint = json_set(fingerprint, '$.numerics.kernels', '1, fused')", other)
    done = unroll("merge", other, "--store", "results.db")
    assert done.code == 1
    assert "ALARM" not in done.err
    assert "4 of these differ from those in results.db, which were kept" in done.err
    assert "they were computed under another kernels" in done.err


def test_the_same_bits_of_another_processor_are_none(finished: str, unroll: Callable) -> None:
    assert unroll("run", finished, "--store", "other.db", "--executor", "inline").code == 0
    resealed("UPDATE trials SET fingerprint = json_set(fingerprint, '$.circumstances.cpu', 'Abacus')", "other.db")
    done = unroll("merge", "other.db", "--store", "results.db")
    assert (done.code, done.err) == (0, "")
    assert "4 were there already" in done.out


def test_what_another_version_has_measured_beside_the_same_bits_is_none(finished: str, unroll: Callable) -> None:
    assert unroll("run", finished, "--store", "other.db", "--executor", "inline").code == 0
    with Store.open("other.db", write=True) as store:
        store._db.execute("UPDATE metrics SET value = value * (1 + 1e-15) WHERE name = 'memoryless_gain'")
        for row, names in store._db.execute("SELECT trial, metrics FROM measures WHERE name = 'memoryless'").fetchall():
            values = dict(store._db.execute("SELECT name, value FROM metrics WHERE trial = ?", (row,)).fetchall())
            digest = results_digest({name: values[name] for name in json.loads(names)}, {})
            store._db.execute("UPDATE measures SET digest = ? WHERE trial = ? AND name = 'memoryless'", (digest, row))
    resealed("UPDATE trials SET state = state", "other.db")
    done = unroll("merge", "other.db", "--store", "results.db")
    assert (done.code, done.err.count("ALARM: ")) == (1, 4), done.err
    resealed("UPDATE trials SET fingerprint = json_remove(fingerprint, '$.circumstances.beside')", "other.db")
    done = unroll("merge", "other.db", "--store", "results.db")
    assert done.code == 0
    assert "What memoryless found in 4 trained networks there differs from what is in results.db" in done.err
    assert "ALARM" not in done.err


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE metrics SET value = value + 1 WHERE name = 'test_mse'",
        "UPDATE trained_parameters SET tensors = substr(tensors, 1, 900) || x'00' || substr(tensors, 902)",
    ],
    ids=["metrics", "weights"],
)
def test_a_sound_result_beside_a_damaged_one_is_told(damage: str, finished: str, unroll: Callable) -> None:
    shutil.copy("results.db", "other.db")
    with closing(sqlite3.connect("results.db")) as db:
        db.execute(damage)
        db.commit()
    done = unroll("merge", "other.db", "--store", "results.db")
    assert done.code == 1
    assert "cannot take the place of what is damaged in results.db" in done.err
    assert unroll("forget", "--damaged", "--store", "results.db").code == 0
    done = unroll("merge", "other.db", "--store", "results.db")
    assert (done.code, done.err) == (0, "")
    assert "took 4 complete trials" in done.out


class Elsewhere(Adding):
    """The adding problem of somebody else, with numbers that differ from one processor to another."""

    name = "elsewhere"
    version = "1"
    shift: ClassVar[float] = 0.0

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        split = super().sequences(generator, n, length)
        return replace(split, y=split.y + np.float32(self.shift))


def test_where_a_plug_in_may_compute_otherwise_it_is_named(
    study: str, unroll: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.tasks, "_registered", {"elsewhere": Elsewhere})
    run = ("run", study, "--set", 'task=["elsewhere"]', "--set", 'model=["gru"]', "--executor", "inline")
    assert unroll(*run).code == 0
    monkeypatch.setattr(Elsewhere, "shift", 1e-6)
    assert unroll(*run, "--store", "other.db").code == 0
    done = unroll("merge", "other.db", "--store", "results.db")
    assert done.code == 1
    said = 'One of the two is wrong, or the task "elsewhere" gives other numbers there:'
    assert done.err.count(said) == 2
    assert 'Where neither fails, neither is wrong: the task "elsewhere" does not come with unroll' in done.err
    told = json.loads(unroll("merge", "other.db", "--store", "results.db", "--json").out)["other.db"]["alarms"]
    assert [alarm["foreign"] for alarm in told] == [['task "elsewhere"']] * 2
    verified = unroll("doctor", "--verify", "--sample", 2)
    assert verified.code == 1
    assert verified.out.count('changed by hand or the task "elsewhere" gives other numbers here.') == 2
