"""Trials as they are read: each is checked against its seals before anyone sees a number of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any

from unroll.store import specifications
from unroll.store.faults import DamageError, primary
from unroll.store.plain import parses, to_json
from unroll.store.records import State
from unroll.store.seals import form, forms, outcome_seals, plan_seals, study_seal

PART = 1_000
"""Trials that are read and checked at a time."""
NOTHING = "[]"
"""The form of a list in which there is nothing."""


@dataclass(frozen=True)
class Planned:
    """A trial's row, of which what was planned was compared with its seal.

    ``declared``: the text of what its plug-ins declare, "" for a trial that is older; None where it is missing.
    ``plan``: what is wrong with what was planned, or None.
    """

    row: sqlite3.Row
    declared: str | None
    plan: str | None

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
    """A trial's row with what belongs to it, which was compared with both its seals.

    ``outcome``: what is wrong with what became of it, or None; ``values``: its metrics as they are stored, in the order
    of names; ``lists``: the forms of its measures, and of its parts with their seals.
    """

    outcome: str | None
    values: Sequence[tuple[str, float]]
    lists: tuple[str, str]

    @property
    def metrics(self) -> dict[str, float]:
        """Its final values; none where they cannot be believed."""
        return {} if self.outcome else dict(self.values)

    @property
    def measures(self) -> list[tuple[str, str, str, str]]:
        """What measures added to it: the name, the digest, and the names of metrics and histories as JSON."""
        return [tuple(one) for one in json.loads(self.lists[0])]

    @cached_property
    def parts(self) -> dict[str, str]:
        """The seals of its histories and weights, by the names of these parts."""
        return dict(json.loads(self.lists[1]))

    def has_part(self, part: str, sealed: str) -> bool:
        """Say whether a history or the weights have this seal; the form of a pair stands for nothing else in a list."""
        return form([part, sealed]) in self.lists[1]

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
        return checked_rows(db, fetched(db, "SELECT * FROM trials ORDER BY id"))
    return [trial for part in in_parts(db, keys) for trial in part]


def in_parts(db: sqlite3.Connection, keys: Collection[str]) -> Iterator[list[Checked]]:
    """Yield those of the keys that the store has, in their order, so many at a time that they need little memory."""
    found = _found(db, list(keys))
    for first in range(0, len(found), PART):
        part = found[first : first + PART]
        where, values = among("id", part)
        rows = {row["id"]: row for row in fetched(db, f"SELECT * FROM trials WHERE {where}", values)}  # noqa: S608
        yield checked_rows(db, [rows[number] for number in part if number in rows])


def checked_rows(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Checked]:
    """Return these rows of ``trials``, checked."""
    said = declarations(db)
    found: list[Checked] = []
    for first in range(0, len(rows), PART):
        part = rows[first : first + PART]
        ids = [row["id"] for row in part]
        values = _metrics(db, ids)
        measures = _lists(db, "measures", ("name", "digest", "metrics", "histories"), ids)
        parts = _lists(db, "seals", ("part", "seal"), ids)
        own = [values.get(number, ()) for number in ids]
        lists = [(measures.get(number, NOTHING), parts.get(number, NOTHING)) for number in ids]
        plans, outcomes = _plan_faults(part, said), _outcome_faults(part, own, lists)
        declared = [said.get(row["declared"]) for row in part]
        found += map(Checked, part, declared, plans, outcomes, own, lists)
    return found


def planned_rows(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Planned]:
    """Return these rows of ``trials``, of which what was planned is checked."""
    said = declarations(db)
    found: list[Planned] = []
    for first in range(0, len(rows), PART):
        part = rows[first : first + PART]
        found += map(Planned, part, [said.get(row["declared"]) for row in part], _plan_faults(part, said))
    return found


def _plan_faults(rows: Sequence[sqlite3.Row], said: Mapping[str, str]) -> list[str | None]:
    """Say of each row what is wrong with what was planned; None for nothing."""
    sound = {digest for digest, text in said.items() if not text or declaration_digest(text) == digest}
    return [_plan_fault(row, sealed, sound) for row, sealed in zip(rows, plan_seals(rows), strict=True)]


def _plan_fault(row: sqlite3.Row, sealed: str, declarations: Collection[str]) -> str | None:
    if row["plan_seal"] != sealed:
        return "what was planned is not what was written"
    if row["verified"] and not follows(row):
        return "its key is not that of its specification"
    if not row["verified"] and not parses(dict, row["spec"]):
        return "its specification is none that can be read"
    if row["declared"] not in declarations:
        return "what its plug-ins declare is not what was written"
    return None


def _outcome_faults(
    rows: Sequence[sqlite3.Row], values: Sequence[Sequence[tuple[str, float]]], lists: Sequence[tuple[str, str]]
) -> list[str | None]:
    """Say of each row what is wrong with what became of it; None for nothing."""
    seals = outcome_seals(rows, _metric_forms(values), [one for one, _ in lists], [one for _, one in lists])
    texts = {text: parses(dict, text) for text in {row[name] for row in rows for name in ("error", "fingerprint")}}
    readable = {measured: _names_parse(measured) for measured in {measured for measured, _ in lists}}
    found: list[str | None] = []
    for row, sealed, own, (measured, _) in zip(rows, seals, values, lists, strict=True):
        if row["seal"] != sealed:
            found.append("its results are not what was written" if own else "its state is not what was written")
        elif texts[row["error"]] and texts[row["fingerprint"]] and readable[measured]:
            found.append(None)
        else:
            found.append("what is told of its end is none that can be read")
    return found


def _metric_forms(values: Sequence[Sequence[tuple[str, float]]]) -> list[str]:
    """Return the forms of lists of metrics: all their names at once, and all their values."""
    names, numbers = (forms([one[place] for own in values for one in own]) for place in (0, 1))
    pairs = iter([f"[{name},{number}]" for name, number in zip(names, numbers, strict=True)])
    return [f"[{','.join([next(pairs) for _ in own])}]" for own in values]


def _names_parse(measured: str) -> bool:
    """Say whether the names of metrics and histories in the form of a trial's measures are lists that can be read."""
    return measured == NOTHING or parses(list, *(text for one in json.loads(measured) for text in one[2:]))


def declarations(db: sqlite3.Connection) -> dict[str, str]:
    """Return the texts of what trials declare, by their digests; that of nothing is ""."""
    found = db.execute("SELECT digest, declared FROM declarations NOT INDEXED").fetchall()
    return {"": "", **{row["digest"]: row["declared"] for row in found if isinstance(row["declared"], str)}}


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
    derived = tuple(row[name] for name in specifications.DERIVED)
    return specifications.follows(row["spec"], row["key"], derived)


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


def among(column: str, ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
    """Return a condition that a column is one of some ids: of neighbours a range, which costs SQLite the least."""
    if ids and max(ids) - min(ids) == len(ids) - 1:
        return f"{column} BETWEEN ? AND ?", (min(ids), max(ids))
    return f"{column} IN (SELECT value FROM json_each(?))", (to_json(list(ids)),)  # noqa: S608


def _metrics(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[tuple[str, float]]]:
    """Return the metrics of trials in the order of their names."""
    where, values = among("trial", ids)
    rows = fetched(db, f"SELECT trial, name, value FROM metrics WHERE {where} ORDER BY trial, name", values, plain=True)  # noqa: S608
    return {trial: [(name, value) for _, name, value in own] for trial, own in groupby(rows, itemgetter(0))}


def _lists(db: sqlite3.Connection, table: str, columns: tuple[str, ...], ids: Sequence[int]) -> dict[int, str]:
    """Return the forms of lists that belong to trials, in the order of the first column.

    They hold texts alone, of which SQLite makes the same JSON as ``seals.form``, but for characters that are not of
    ASCII: these are made here, and so is what SQLite refuses. What comes of a text that it would write otherwise is
    another seal, so that the trial counts as damaged.
    """
    where, values = among("trial", ids)
    rows = f"SELECT trial, {', '.join(columns)} FROM {table} WHERE {where} ORDER BY trial, {columns[0]}"  # noqa: S608
    made = f"SELECT trial, json_group_array(json_array({', '.join(columns)})) FROM ({rows}) GROUP BY trial"  # noqa: S608
    try:
        found = dict(fetched(db, made, values, plain=True))
        if all(map(_is_form, found.values())):
            return found
    except sqlite3.OperationalError as error:
        if primary(error) != sqlite3.SQLITE_ERROR:  # that is of bytes, which no text is but a damaged one
            raise
    listed = fetched(db, rows, values, plain=True)
    return {trial: form([one[1:] for one in own]) for trial, own in groupby(listed, itemgetter(0))}


def _is_form(text: str) -> bool:
    return text.isascii() and text.isprintable()


def fetched(db: sqlite3.Connection, query: str, values: Iterable[Any] = (), *, plain: bool = False) -> list[Any]:
    """Return all rows; ``plain``: as tuples, which cost half.

    The connection reads bytes that are no UTF-8 with marks in their place, each text by a call. That is needed only
    where there are some: texts are read at once first.
    """
    cursor, lenient = db.cursor(), db.text_factory
    cursor.row_factory = None if plain else sqlite3.Row
    try:
        db.text_factory = str
        return cursor.execute(query, tuple(values)).fetchall()
    except sqlite3.OperationalError as error:
        if primary(error):  # of SQLite, and not of a text: what was begun may have ended
            raise
        db.text_factory = lenient
        return cursor.execute(query, tuple(values)).fetchall()
    finally:
        db.text_factory = lenient
