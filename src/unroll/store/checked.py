"""Trials as they are read: each is checked against its seals before anyone sees a number of it."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

from unroll.store.faults import DamageError
from unroll.store.plain import parses, to_json
from unroll.store.records import State
from unroll.store.seals import outcome_seal, plan_seal, study_seal
from unroll.study.trial import digest

MOST_REMEMBERED = 1_000_000
"""Trials of which is remembered whether their keys follow from their specifications."""
PART = 1_000
"""Trials that are read at a time where only a little of each is kept."""
DERIVED = ("task", "model", "length", "seed", "protocol")
"""Columns that repeat what the specification says."""


@dataclass(frozen=True)
class Planned:
    """A trial's row, of which what was planned is compared with its seal when it is asked for."""

    row: sqlite3.Row
    declared: str | None
    """The text of what its plug-ins declare, "" for a trial that is older; None where it is missing."""

    @cached_property
    def plan(self) -> str | None:
        """What is wrong with what was planned, or None."""
        sealed = plan_seal(self.row)
        if self.row["plan_seal"] != sealed:
            return "what was planned is not what was written"
        if self.row["verified"] and not _follows(sealed, self.row):
            return "its key is not that of its specification"
        if not self.row["verified"] and not parses(dict, self.row["spec"]):
            return "its specification is none that can be read"
        said = self.declared
        if not isinstance(said, str) or (said and declaration_digest(said) != self.row["declared"]):
            return "what its plug-ins declare is not what was written"
        return None

    @property
    def name(self) -> str:
        """The trial in words, as far as it is known."""
        row = self.row
        if self.plan:
            return f"trial {str(row['key'])[:12]}"
        return f"trial {row['key'][:12]} ({row['model']} on {row['task']}, T = {row['length']}, seed {row['seed']})"

    def planned(self) -> sqlite3.Row:
        """Return the row; raises DamageError where what was planned is not what was written."""
        if self.plan:
            raise DamageError(f"{self.name} is damaged: {self.plan}")
        return self.row


@dataclass(frozen=True)
class Checked(Planned):
    """A trial's row with what belongs to it, compared with both its seals when it is asked for.

    ``values`` are its metrics, ``measures`` and ``sealed`` (its parts) as they are stored, each in the order of names.
    """

    values: list[tuple[str, float]]
    measures: list[tuple[str, str, str, str]]
    sealed: list[tuple[str, str]]

    @cached_property
    def outcome(self) -> str | None:
        """What is wrong with what became of it, or None."""
        if self.row["seal"] != outcome_seal(self.row, self.values, self.measures, self.sealed):
            return "its results are not what was written" if self.values else "its state is not what was written"
        names = (text for _, _, metrics, histories in self.measures for text in (metrics, histories))
        if parses(dict, self.row["error"], self.row["fingerprint"]) and parses(list, *names):
            return None
        return "what is told of its end is none that can be read"

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Its final values; none where they cannot be believed."""
        return {} if self.outcome else dict(self.values)

    @cached_property
    def parts(self) -> dict[str, str]:
        """The seals of its histories and weights, by the names of these parts."""
        return dict(self.sealed)

    @property
    def damage(self) -> str | None:
        """What is wrong, or None."""
        return self.plan or self.outcome

    @property
    def state(self) -> State:
        """The state, "damaged" where that cannot be believed."""
        return State.damaged if self.damage else State(self.row["state"])


def checked(db: sqlite3.Connection, keys: Collection[str] | None) -> list[Checked]:
    """Return those of the keys that the store has, in their order; for None all, in the order of planning."""
    if keys is None:
        return checked_rows(db, db.execute("SELECT * FROM trials ORDER BY id").fetchall(), everything=True)
    return [trial for part in in_parts(db, keys) for trial in part]


def in_parts(db: sqlite3.Connection, keys: Collection[str]) -> Iterator[list[Checked]]:
    """Yield those of the keys that the store has, in their order, so many at a time that they need little memory."""
    found = _found(db, list(keys))
    for first in range(0, len(found), PART):
        part = found[first : first + PART]
        query = "SELECT * FROM trials WHERE id IN (SELECT value FROM json_each(?))"
        rows = {row["id"]: row for row in db.execute(query, (to_json(part),)).fetchall()}
        yield checked_rows(db, [rows[number] for number in part if number in rows])


def checked_rows(db: sqlite3.Connection, rows: Sequence[sqlite3.Row], everything: bool = False) -> list[Checked]:
    """Return these rows of ``trials``, checked."""
    chosen = None if everything else to_json([row["id"] for row in rows])
    metrics = _by_trial(db, "metrics", ("name", "value"), chosen)
    measures = _by_trial(db, "measures", ("name", "digest", "metrics", "histories"), chosen)
    parts = _by_trial(db, "seals", ("part", "seal"), chosen)
    said = declarations(db)
    return [
        Checked(row, said.get(row["declared"]), metrics[row["id"]], measures[row["id"]], parts[row["id"]])
        for row in rows
    ]


def declarations(db: sqlite3.Connection) -> dict[str, str]:
    """Return the texts of what trials declare, by their digests; that of nothing is ""."""
    found = db.execute("SELECT digest, declared FROM declarations NOT INDEXED").fetchall()
    return {"": "", **{row["digest"]: row["declared"] for row in found}}


@lru_cache(maxsize=1024)
def declaration_digest(text: str) -> str:
    """Return the digest by which trials refer to what they declare."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def one(db: sqlite3.Connection, row_id: int) -> Checked:
    """Return the trial in this row."""
    return checked_rows(db, db.execute("SELECT * FROM trials WHERE id = ?", (row_id,)).fetchall())[0]


def study_is_sound(row: sqlite3.Row, places: Sequence[tuple[int, int]]) -> bool:
    """Say whether a study with these trials is what was written, and can be read."""
    return study_parses(row) and bool(row["seal"] == study_seal(row, places))


def study_parses(row: sqlite3.Row) -> bool:
    """Say whether the texts of a study can be read."""
    return parses(dict, row["spec"], row["plugins"]) and parses(list, row["overrides"])


def follows(row: sqlite3.Row) -> bool:
    """Say whether a trial's key is the hash of its specification, and its columns repeat what that says."""
    try:
        spec = json.loads(row["spec"])
        return bool(digest(spec) == row["key"]) and [spec[name] for name in DERIVED] == [row[name] for name in DERIVED]
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _follows(sealed: str, row: sqlite3.Row) -> bool:
    """Return ``follows``, remembered by the seal of all that it looks at: a command reads its trials more than once."""
    if sealed not in _followed:
        if len(_followed) >= MOST_REMEMBERED:
            _followed.clear()
        _followed[sealed] = follows(row)
    return _followed[sealed]


_followed: dict[str, bool] = {}


def _found(db: sqlite3.Connection, keys: list[str]) -> list[int]:
    """Return the ids of these keys, found by the index, and where it has none, or another, by looking at each row."""
    query = """
        SELECT t.key, t.id FROM json_each(?) j
        JOIN trials t NOT INDEXED ON t.id = (SELECT id FROM trials WHERE key = j.value)
    """
    wanted = set(keys)
    ids = dict(db.execute(query, (to_json(keys),)).fetchall())
    if ids.keys() != wanted:
        every = db.execute("SELECT key, id FROM trials NOT INDEXED").fetchall()
        ids = {key: number for key, number in every if key in wanted}
    return [ids[key] for key in keys if key in ids]


def _by_trial(
    db: sqlite3.Connection, table: str, columns: tuple[str, ...], chosen: str | None
) -> defaultdict[int, list[Any]]:
    where = "" if chosen is None else "WHERE trial IN (SELECT value FROM json_each(?))"
    found: defaultdict[int, list[Any]] = defaultdict(list)
    query = f"SELECT trial, {', '.join(columns)} FROM {table} {where} ORDER BY trial, {columns[0]}"  # noqa: S608
    plain = db.cursor()
    plain.row_factory = None  # thousands of rows: as tuples they cost half
    for row in plain.execute(query, () if chosen is None else (chosen,)).fetchall():
        found[row[0]].append(row[1:])
    return found
