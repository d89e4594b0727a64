"""Trials are checked many at a time, by columns: what is found is what each alone would tell, for every bit.

Planted and found: a form that takes the text "1" for the number 1; a key computed with the seed of another trial; a
specification taken for one of a known form by its beginning alone; a seal of a neighbour compared; parts not sealed
where SQLite makes their form; a number that stands for the seed within a setting; a study's places sealed without their
trials; parts of a specification shared by all who read it; a slice from the end taken for an empty one.
"""

from __future__ import annotations

import json
import random
import sqlite3
import struct
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.errors import DamagedError, UnknownNameError
from unroll.store import MeasureRecord, State, Store, checked, rows, seals, specifications
from unroll.study.trial import digest
from unroll.testing.stores import finish, planned_study, planned_trial

SEEDS = range(12)
MEASURES = {"größe": MeasureRecord(digest="d", metrics=("test_mse",)), "plain": MeasureRecord(digest="e")}
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()
LIKE_NUMBERS = st.sampled_from(["1", "-1", "1.0", "1e5", "null", "true", "", '"1"'])
COLUMNS = (
    st.lists(LIKE_NUMBERS)
    | st.lists(VALUES)
    | st.lists(st.floats())
    | st.lists(st.text())
    | st.lists(st.integers(-(2**63), 2**63 - 1))
)
NAMES = (*seals.PLAN, *seals.OUTCOME, "declared")


def by_definition(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=lambda one: f"{type(one).__name__} {one!r}")


def sealed(value: Any) -> str:
    return blake2b(by_definition(value).encode() + b"\n", digest_size=16).hexdigest()


@given(COLUMNS)
def test_the_form_of_a_column_is_that_of_each_value(values: list[Any]):
    assert seals.forms(values) == [by_definition(value) for value in values]


@given(st.lists(VALUES, min_size=1), st.integers(0, 4), st.randoms(use_true_random=False))
def test_seals_of_many_are_those_of_each(values: list[Any], count: int, chance: random.Random):
    several = [{name: chance.choice(values) for name in NAMES} for _ in range(count)]
    columns = {name: [row[name] for row in several] for name in NAMES}
    planned = ([row[name] for name in seals.PLAN] + [row["declared"]] * bool(row["declared"]) for row in several)
    expected = [sealed(values) for values in planned]
    assert seals.plan_seals(columns) == expected == [seals.plan_seal(row) for row in several]
    lists = [[chance.sample(values, chance.randrange(len(values) + 1)) for _ in range(3)] for _ in several]
    expected = [sealed([[row[name] for name in seals.OUTCOME], *own]) for row, own in zip(several, lists, strict=True)]
    texts = [[by_definition(own[place]) for own in lists] for place in range(3)]
    assert seals.outcome_seals(columns, *texts) == expected
    each = zip(several, lists, strict=True)
    assert [seals.outcome_seal(row, *own) for row, own in each] == expected


@given(st.lists(st.tuples(st.integers(0, 2**40), VALUES), max_size=5), VALUES)
def test_the_seal_of_a_study_is_over_each_place_with_its_trial(places: list[tuple[int, Any]], value: Any):
    row = dict.fromkeys(seals.STUDY, value)
    assert seals.study_seal(row, places) == sealed([list(row.values()), places])


SPEC = {
    "format": 1,
    "task": "adding",
    "model": "lstm",
    "length": 5,
    "seed": 3,
    "protocol": "keyed",
    "settings": {"task": {"train": 7, "words": 'a "seed": 3, b'}, "train": {"rate": 0.001}},
    "versions": {"task": "1"},
}


def follows(text: Any, key: Any, derived: tuple[Any, ...]) -> bool:
    """The definition, without anything remembered."""
    try:
        spec = json.loads(text)
        return digest(spec) == key and tuple(spec[name] for name in specifications.DERIVED) == derived
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def derived(spec: Any) -> tuple[Any, ...]:
    return tuple(spec[name] for name in specifications.DERIVED)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SPEC),
        json.dumps({"seed": 3, "other": {"seed": 3, "x": 1}, **SPEC}),
        json.dumps({"settings": {"seed": 3, "x": 1}, **{k: v for k, v in SPEC.items() if k != "settings"}}),
        json.dumps(SPEC)[:-1] + ', "seed": 4}',
        json.dumps({"a": specifications.STAND_IN, **SPEC}),
        json.dumps({"a": {"seed": specifications.STAND_IN, "b": 1}, **SPEC}),
        json.dumps(SPEC, separators=(",", ":")),
    ],
)
def test_a_key_follows_from_any_text_as_by_definition(text: str):
    chance = random.Random(0)
    spec = json.loads(text)
    for seed in (3, 4, 30, -3, 10**18, specifications.STAND_IN):
        mine = text.replace('"seed": 3,', f'"seed": {seed},')
        key = digest(json.loads(mine))
        for told in (seed, 3, 4, float(seed), str(seed)):
            about = (*derived(spec)[:-1], told)
            assert specifications.follows(mine, key, about) == follows(mine, key, about)
        about = derived(json.loads(mine))
        assert list(specifications.parsed([mine], about[-1:])) == [json.loads(mine)]
        for _ in range(100):
            place, bit = chance.randrange(len(mine)), 1 << chance.randrange(7)
            wrong = mine[:place] + chr(ord(mine[place]) ^ bit) + mine[place + 1 :]
            assert specifications.follows(wrong, key, about) == follows(wrong, key, about)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of many trials, all but one of them complete, with measures."""
    path = tmp_path / "results.db"
    trials = [planned_trial(seed) for seed in SEEDS]
    with Store.open(path, write=True) as store:
        store.plan(planned_study("many", tuple(trials)))
        for trial in trials[:-1]:
            store.claim(trial.key)
            finish(store, trial.key, measures=MEASURES)
    return path


TABLES = {
    "trials": ("id", (*seals.PLAN, *seals.OUTCOME[1:], "plan_seal", "seal", "declared")),
    "metrics": ("trial", ("name", "value")),
    "measures": ("trial", ("name", "digest", "metrics", "histories")),
    "seals": ("trial", ("part", "seal")),
}
PLACES = [(table, column) for table, (_, columns) in TABLES.items() for column in columns]


def flipped(value: Any, chance: random.Random) -> list[Any]:
    """Return what one changed bit, or another type, makes of a value of a row."""
    if value is None:
        return [0, "x"]
    if isinstance(value, int):
        return [value ^ (1 << chance.randrange(16)), str(value), float(value), None]
    if isinstance(value, float):
        (bits,) = struct.unpack("<q", struct.pack("<d", value))
        other = struct.unpack("<d", struct.pack("<q", bits ^ (1 << chance.randrange(52))))[0]
        return [other, str(value), None]
    data, place = bytearray(value.encode()), chance.randrange(max(len(value.encode()), 1))
    if not data:
        return ["x"]
    data[place] ^= 1 << chance.randrange(8)
    return [data.decode("utf-8", "surrogateescape"), value.encode(), None]


@pytest.mark.parametrize(("table", "column"), PLACES, ids=lambda part: part)
def test_one_changed_value_among_many_is_told_of_its_trial_alone(path: Path, table: str, column: str):
    chance, own = random.Random(f"{table} {column}"), TABLES[table][0]
    with closing(sqlite3.connect(path, isolation_level=None)) as db, Store.open(path) as store:
        sound = {trial.key: trial for trial in store.trials()}
        db.execute("PRAGMA ignore_check_constraints = ON")
        victim, key = db.execute("SELECT id, key FROM trials ORDER BY id LIMIT 1 OFFSET 7").fetchone()
        here = f"{table} WHERE {own} = {victim}"
        whole = db.execute(f"SELECT * FROM {here} ORDER BY 1, 2").fetchall()
        (value,) = db.execute(f"SELECT {column} FROM {here} ORDER BY 1 LIMIT 1").fetchone()
        for wrong in flipped(value, chance):
            before = db.execute(f"SELECT hex({column}), typeof({column}) FROM {here}").fetchall()
            db.execute("PRAGMA foreign_keys = OFF")
            text = "CAST(? AS TEXT)" if isinstance(wrong, str) else "?"
            given = wrong.encode("utf-8", "surrogateescape") if isinstance(wrong, str) else wrong
            try:
                db.execute(
                    f"UPDATE {here.replace(' WHERE', f' SET {column} = {text} WHERE')} AND {column} IS ?",
                    (given, value),
                )
            except sqlite3.IntegrityError:
                continue  # no column holds this
            changed = db.execute(f"SELECT hex({column}), typeof({column}) FROM {here}").fetchall() != before
            read = store.read()
            told = {trial.row["id"] for trial in read if trial.damage}
            assert told == ({victim} if changed else set())
            assert all(store.trial(one.row["key"]) == sound[one.row["key"]] for one in read if not one.damage)
            try:
                assert store.trial(key).state is (State.damaged if changed else State.complete)
            except (DamagedError, UnknownNameError):
                assert changed
            db.execute("BEGIN")
            if table == "trials":
                names = [name for _, name, *_ in db.execute("PRAGMA table_info(trials)")]
                db.execute(
                    f"UPDATE trials SET {', '.join(f'{name} = ?' for name in names)} WHERE id = {victim}", whole[0]
                )
            else:
                db.execute(f"DELETE FROM {here}")
                db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(whole[0]))})", whole)
            db.execute("COMMIT")
            assert not any(trial.damage for trial in store.read())


class Failing(sqlite3.Cursor):
    """Fails the first time, as where a read has failed and SQLite has rolled back."""

    calls = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        Failing.calls += 1
        if Failing.calls > 1:
            return super().execute(*arguments)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
        raise error


@pytest.mark.parametrize("column", ["plan_seal", "seal"])
def test_seals_of_two_trials_are_not_taken_for_each_others(path: Path, column: str):
    with closing(sqlite3.connect(path)) as db, db:
        (one, other) = db.execute(f"SELECT {column} FROM trials WHERE id IN (3, 4) ORDER BY id").fetchall()
        db.executemany(f"UPDATE trials SET {column} = ? WHERE id = ?", [(*other, 3), (*one, 4)])
    with Store.open(path) as store:
        assert [trial.row["id"] for trial in store.read() if trial.damage] == [3, 4]


def test_who_changes_what_was_read_changes_nothing_that_others_read(path: Path):
    with Store.open(path) as store:
        first, second = (store.trials() for _ in range(2))
        first[0].spec["settings"]["train"]["learning_rate"] = 7
        for trials in (second, store.trials()):
            assert {trial.spec["settings"]["train"]["learning_rate"] for trial in trials} == {1e-3}


def test_trials_are_a_sequence_like_any_other(path: Path):
    with Store.open(path) as store:
        read = store.read()
        keys = [trial.row["key"] for trial in read]
        for part in (slice(None, None, -1), slice(8, 2, -2), slice(-3, None), slice(1, 9, 3)):
            assert [trial.row["key"] for trial in read[part]] == keys[part]


def test_what_the_disk_refuses_is_not_asked_again_as_if_a_text_were_damaged(monkeypatch: pytest.MonkeyPatch):
    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Failing)

    db = sqlite3.connect(":memory:", factory=Connection)
    for ask in (lambda: rows.fetched(db, "SELECT 1"), lambda: checked._lists(db, "seals", ("part",), [1])):
        monkeypatch.setattr(Failing, "calls", 0)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O"):
            ask()
        assert Failing.calls == 1
    db.close()
