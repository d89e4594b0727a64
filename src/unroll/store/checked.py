"""Trials as they are read: each is checked against its seals before anyone sees a number of it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, overload

from unroll.store import specifications
from unroll.store.faults import DamageError, primary
from unroll.store.plain import parses
from unroll.store.records import State
from unroll.store.rows import among, by_columns, fetched, found, in_order
from unroll.store.seals import DECLARED, OUTCOME, PLAN, Columns, Row, form, forms, outcome_seals, plan_seals, study_seal

PART = 1_000
"""Trials that are read and checked at a time."""
NOTHING = "[]"
"""The form of a list in which there is nothing."""
PLANNED = ("id", *PLAN, DECLARED, "plan_seal", "verified")
"""Columns of ``trials``: what was planned, and what it is compared with."""
BECOME = ("id", *OUTCOME, "plan_seal", "seal")
"""What became of it, and what that is compared with."""
ALL = (*PLANNED, *(name for name in BECOME if name not in PLANNED))


@dataclass(frozen=True)
class Checked:
    """A trial's row with what belongs to it, which was compared with both its seals.

    ``declared``: the text of what its plug-ins declare, "" for a trial that is older; None where it is missing.
    ``plan``, ``outcome``: what is wrong with what was planned, and with what became of it, or None. ``values``: its
    metrics as they are stored, in the order of names; ``lists``: the forms of its measures, and of its parts with their
    seals.
    """

    row: Row
    declared: str | None
    plan: str | None
    outcome: str | None
    values: Sequence[tuple[str, float]]
    lists: tuple[str, str]

    @property
    def name(self) -> str:
        """The trial in words, as far as it is known."""
        row = self.row
        if self.plan:
            return f"trial {str(row['key'])[:12]}"
        return f"trial {row['key'][:12]} ({row['model']} on {row['task']}, T = {row['length']}, seed {row['seed']})"

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

    @property
    def damage(self) -> str | None:
        """What is wrong, or None."""
        return self.plan or self.outcome

    @property
    def state(self) -> State:
        """The state, "damaged" where that cannot be believed."""
        return State.damaged if self.damage else State(self.row["state"])


@dataclass(frozen=True, eq=False)
class Plans:
    """What was planned of trials, by columns (those of PLANNED), compared with its seals.

    ``said``: the texts of what their plug-ins declare; ``faults``: what is wrong with each, or None. See ``Checked``.
    """

    columns: Columns
    said: Sequence[str | None]
    faults: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.faults)

    @property
    def sound(self) -> Plans:
        """Those of which what was planned is what was written."""
        places = [place for place, fault in enumerate(self.faults) if not fault]
        return self if len(places) == len(self) else self.take(places)

    def take(self, places: Sequence[int]) -> Plans:
        """Return the trials at these places."""
        columns = {name: _taken(column, places) for name, column in self.columns.items()}
        return Plans(columns, _taken(self.said, places), _taken(self.faults, places))


@dataclass(frozen=True, eq=False)
class Trials(Sequence[Checked]):
    """Trials by columns (those of ALL), each compared with both its seals; as a sequence, one at a time.

    ``said``, ``plans``: as of Plans; ``outcomes``: what is wrong with what became of each, or None. ``names``,
    ``numbers``: its metrics as they are stored, in the order of names; ``measures``, ``parts``: the forms of what
    measures added, and of its histories and weights with their seals. See ``Checked``.
    """

    columns: Columns
    said: Sequence[str | None]
    plans: Sequence[str | None]
    outcomes: Sequence[str | None]
    names: Sequence[tuple[str, ...]]
    numbers: Sequence[tuple[float, ...]]
    measures: Sequence[str]
    parts: Sequence[str]

    def __len__(self) -> int:
        return len(self.plans)

    @overload
    def __getitem__(self, place: int) -> Checked: ...
    @overload
    def __getitem__(self, place: slice) -> Trials: ...
    def __getitem__(self, place: int | slice) -> Checked | Trials:
        if isinstance(place, slice):
            return self.take(range(len(self))[place])
        row = {name: column[place] for name, column in self.columns.items()}
        values = tuple(zip(self.names[place], self.numbers[place], strict=True))
        lists = self.measures[place], self.parts[place]
        return Checked(row, self.said[place], self.plans[place], self.outcomes[place], values, lists)

    @property
    def damage(self) -> list[str | None]:
        """What is wrong with each, or None."""
        return [plan or outcome for plan, outcome in zip(self.plans, self.outcomes, strict=True)]

    @property
    def states(self) -> list[State]:
        """The state of each, "damaged" where that cannot be believed."""
        known = {str(state): state for state in State}
        states = zip(self.columns["state"], self.damage, strict=True)
        return [State.damaged if damage else known[state] for state, damage in states]

    def planned(self) -> Columns:
        """Return the columns; raises DamageError where what was planned of a trial is not what was written."""
        for place, fault in enumerate(self.plans):
            if fault:
                raise DamageError(f"{self[place].name} is damaged: {fault}")
        return self.columns

    def take(self, places: Sequence[int]) -> Trials:
        """Return the trials at these places."""
        columns = {name: _taken(column, places) for name, column in self.columns.items()}
        return Trials(columns, *(_taken(getattr(self, name), places) for name in BESIDE))

    def only(self, chosen: Sequence[object]) -> Trials:
        """Return those for which something is true."""
        return self if all(chosen) else self.take([place for place, one in enumerate(chosen) if one])

    def of(self, keys: Sequence[str]) -> Trials:
        """Return those of the keys that are among these, in their order."""
        if list(keys) == self.columns["key"]:
            return self
        return self.take([self._places[key] for key in keys if key in self._places])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: place for place, key in enumerate(self.columns["key"])}


BESIDE = ("said", "plans", "outcomes", "names", "numbers", "measures", "parts")
"""The columns of Trials that are none of ``trials``."""


def _taken(column: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    if isinstance(places, range) and places.step > 0:
        return column[places.start : places.stop : places.step]
    return [column[place] for place in places]


def _joined(parts: Sequence[Trials]) -> Trials:
    """Return trials that were read some at a time as one."""
    columns = {name: list(chain.from_iterable(part.columns[name] for part in parts)) for name in ALL}
    beside = (list(chain.from_iterable(getattr(part, name) for part in parts)) for name in BESIDE)
    return Trials(columns, *beside)


def checked(db: sqlite3.Connection, keys: Collection[str] | None) -> Trials:
    """Return those of the keys that the store has, in their order; for None all, in the order of planning."""
    if keys is None:
        rows = fetched(db, f"SELECT {', '.join(ALL)} FROM trials ORDER BY id")  # noqa: S608
        return checked_columns(db, by_columns(rows, ALL))
    return _joined(list(in_parts(db, keys)))


def in_parts(db: sqlite3.Connection, keys: Collection[str]) -> Iterator[Trials]:
    """Yield those of the keys that the store has, in their order, so many at a time that they need little memory."""
    ids = found(db, list(keys))
    for first in range(0, len(ids), PART):
        yield by_ids(db, ids[first : first + PART])


def become(db: sqlite3.Connection, plans: Plans) -> Trials:
    """Return what has become of trials by now of which the plans were read before, in their order.

    What was planned is not read again, but where another plan has taken its place since: under the same seal stands
    what was checked. Trials that are no longer there are left out.
    """
    parts = []
    for first in range(0, len(plans), PART):
        places = range(first, min(first + PART, len(plans)))
        part = plans.take(places)
        now = in_order(db, BECOME, part.columns["id"])
        same = all(list(now[name]) == list(part.columns[name]) for name in ("key", "plan_seal", "verified"))
        parts.append(_become(db, part, now) if same else checked(db, part.columns["key"]))
    return _joined(parts)


def checked_columns(db: sqlite3.Connection, columns: Columns) -> Trials:
    """Return these rows of ``trials`` (columns: ALL), checked."""
    said = declarations(db)
    parts = []
    for first in range(0, len(columns["id"]), PART):
        part = {name: column[first : first + PART] for name, column in columns.items()}
        parts.append(_become(db, _plans(part, said), part))
    return _joined(parts)


def planned_columns(db: sqlite3.Connection, columns: Columns) -> Plans:
    """Return these rows of ``trials`` (columns: PLANNED), of which what was planned is checked."""
    said = declarations(db)
    faults: list[str | None] = []
    for first in range(0, len(columns["id"]), PART):
        faults += _plans({name: column[first : first + PART] for name, column in columns.items()}, said).faults
    return Plans(columns, [said.get(one) for one in columns[DECLARED]], faults)


def _plans(columns: Columns, said: Mapping[str, str]) -> Plans:
    """Return trials with what is wrong with what was planned of each."""
    sound = {digest for digest, text in said.items() if (declaration_digest(text) if text else "") == digest}
    derived = zip(*(columns[name] for name in specifications.DERIVED), strict=True)
    rows = zip(*(columns[name] for name in ("plan_seal", "verified", "spec", "key", DECLARED)), strict=True)
    about = zip(plan_seals(columns), rows, derived, strict=True)
    faults = [_plan_fault(sealed, row, repeated, sound) for sealed, row, repeated in about]
    return Plans(columns, [said.get(one) for one in columns[DECLARED]], faults)


def _plan_fault(
    sealed: str, row: tuple[Any, ...], derived: tuple[object, ...], declarations: Collection[object]
) -> str | None:
    written, verified, spec, key, declared = row
    if written != sealed:
        return "what was planned is not what was written"
    if verified and not specifications.follows(spec, key, derived):
        return "its key is not that of its specification"
    if not verified and not parses(dict, spec):
        return "its specification is none that can be read"
    if declared not in declarations:
        return "what its plug-ins declare is not what was written"
    return None


def _become(db: sqlite3.Connection, plans: Plans, columns: Columns) -> Trials:
    """Return trials of which the plans are known, with what belongs to them, at most PART; ``columns``: BECOME."""
    ids = columns["id"]
    names, numbers, metrics = _metrics(db, ids)
    measures = _lists(db, "measures", ("name", "digest", "metrics", "histories"), ids)
    parts = _lists(db, "seals", ("part", "seal"), ids)
    seals = outcome_seals(columns, metrics, measures, parts)
    texts = {text: parses(dict, text) for name in ("error", "fingerprint") for text in set(columns[name])}
    readable = {measured: _names_parse(measured) for measured in set(measures)}
    outcomes: list[str | None] = []
    about = zip(columns["seal"], seals, names, columns["error"], columns["fingerprint"], measures, strict=True)
    for written, sealed, has, error, fingerprint, measured in about:
        if written != sealed:
            outcomes.append("its results are not what was written" if has else "its state is not what was written")
        elif texts[error] and texts[fingerprint] and readable[measured]:
            outcomes.append(None)
        else:
            outcomes.append("what is told of its end is none that can be read")
    return Trials({**columns, **plans.columns}, plans.said, plans.faults, outcomes, names, numbers, measures, parts)


def _names_parse(measured: str) -> bool:
    """Say whether the names of metrics and histories in the form of a trial's measures are lists that can be read."""
    return measured == NOTHING or parses(list, *(text for one in json.loads(measured) for text in one[2:]))


def declarations(db: sqlite3.Connection) -> dict[str, str]:
    """Return the texts of what trials declare, by their digests; that of nothing is ""."""
    said = db.execute("SELECT digest, declared FROM declarations NOT INDEXED").fetchall()
    return {"": "", **{row["digest"]: row["declared"] for row in said if isinstance(row["declared"], str)}}


@lru_cache(maxsize=1024)
def declaration_digest(text: str) -> str:
    """Return the digest by which trials refer to what they declare."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def by_ids(db: sqlite3.Connection, ids: Sequence[int]) -> Trials:
    """Return the trials in these rows, as far as they are there."""
    return checked_columns(db, in_order(db, ALL, ids))


def one(db: sqlite3.Connection, row_id: int) -> Checked:
    """Return the trial in this row; raises DamageError where a row that is listed is not found by its number."""
    trials = by_ids(db, [row_id])
    if not len(trials):
        raise DamageError(f"the trial in row {row_id} is damaged: it is not found by its number")
    return trials[0]


def study_is_sound(row: sqlite3.Row, places: Sequence[tuple[int, int]]) -> bool:
    """Say whether a study with these trials is what was written, and can be read."""
    return study_parses(row) and bool(row["seal"] == study_seal(row, places))


def study_parses(row: sqlite3.Row) -> bool:
    """Say whether the texts of a study can be read."""
    return parses(dict, row["spec"], row["plugins"]) and parses(list, row["overrides"])


def follows(row: Row) -> bool:
    """Say whether a trial's key is the hash of its specification, and its columns repeat what that says."""
    derived = tuple(row[name] for name in specifications.DERIVED)
    return specifications.follows(row["spec"], row["key"], derived)


def _metrics(
    db: sqlite3.Connection, ids: Sequence[int]
) -> tuple[list[tuple[str, ...]], list[tuple[float, ...]], list[str]]:
    """Return of each trial the names of its metrics in their order, the values, and the form of the list of both."""
    where, values = among("trial", ids)
    query = f"SELECT trial, name, value FROM metrics WHERE {where} ORDER BY trial, name"  # noqa: S608
    columns = by_columns(fetched(db, query, values), ("trial", "name", "value"))
    names, numbers = columns["name"], columns["value"]
    told = names if set(map(type, names)) <= {str} else forms(names)  # of which equal ones have one form
    written = forms(numbers)
    templates: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {}
    own: dict[int, tuple[tuple[str, ...], tuple[float, ...], str]] = {}
    end = 0
    for trial, count in Counter(columns["trial"]).items():
        first, end = end, end + count
        shape = tuple(told[first:end])
        if shape not in templates:
            pairs = ",".join(f"[{name.replace('%', '%%')},%s]" for name in forms(names[first:end]))
            templates[shape] = tuple(names[first:end]), f"[{pairs}]"
        shared, template = templates[shape]
        own[trial] = shared, tuple(numbers[first:end]), template % tuple(written[first:end])
    nothing: tuple[tuple[str, ...], tuple[float, ...], str] = ((), (), NOTHING)
    each = [own.get(number, nothing) for number in ids]
    return [one[0] for one in each], [one[1] for one in each], [one[2] for one in each]


def _lists(db: sqlite3.Connection, table: str, columns: tuple[str, ...], ids: Sequence[int]) -> list[str]:
    """Return the forms of lists that belong to trials, in the order of the first column.

    They hold texts alone, of which SQLite makes the same JSON as ``seals.form``, but for characters that are not of
    ASCII: these are made here, and so is what SQLite refuses. What comes of a text that it would write otherwise is
    another seal, so that the trial counts as damaged.
    """
    where, values = among("trial", ids)
    rows = f"SELECT trial, {', '.join(columns)} FROM {table} WHERE {where} ORDER BY trial, {columns[0]}"  # noqa: S608
    made = f"SELECT trial, json_group_array(json_array({', '.join(columns)})) FROM ({rows}) GROUP BY trial"  # noqa: S608
    try:
        own = dict(fetched(db, made, values))
        if all(map(_is_form, own.values())):
            return [own.get(number, NOTHING) for number in ids]
    except sqlite3.OperationalError as error:
        if primary(error) != sqlite3.SQLITE_ERROR:  # that is of bytes, which no text is but a damaged one
            raise
    listed = fetched(db, rows, values)
    own = {trial: form([one[1:] for one in of]) for trial, of in groupby(listed, itemgetter(0))}
    return [own.get(number, NOTHING) for number in ids]


def _is_form(text: str) -> bool:
    return text.isascii() and "\x7f" not in text  # other control characters both write as escapes
