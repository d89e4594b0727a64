"""Seals: by which a store notices that what it reads is not what was written.

A seal is BLAKE2b, 32 hexadecimal digits, over values in one canonical form. A trial has two: one over what was planned,
one over what became of it, its metrics and times included, and the seals of its parts, which are too large to be read
each time: each history and the weights. Seals tell damage, not malice: whoever can write to the file can write them.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from types import NoneType
from typing import Any, TypeAlias

from unroll.store.digests import results_digest
from unroll.store.faults import PagesError

CHECKSUM = "checksum"
"""Where the position of a checkpoint keeps its seal."""
PLAN = (
    *("key", "condition", "task", "model", "length", "seed", "protocol", "spec", "parameters", "baseline"),
    *("solved_metric", "solved_below", "notes"),
)
"""The columns of ``trials`` under the seal of the plan, and "declared" where there is something in it."""
DECLARED = "declared"
OUTCOME = (
    *("key", "state", "attempts", "started_at", "finished_at", "seconds", "digest", "error", "fingerprint"),
    "verified",
)
"""Those under the seal of the outcome. ``verified``: whether key and digest were seen to be what they should be."""
STUDY = ("digest", "name", "question", "spec", "overrides", "plugins", "created")
"""The columns of ``studies`` under the seal of a study, with its trials in their order."""
WEIGHTS = "weights"

Row: TypeAlias = sqlite3.Row | Mapping[str, Any]
Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""Rows by the names of their columns."""


def _foreign(value: object) -> str:
    """Stand for what no column holds but damage: bytes, where a number or a text was written."""
    return f"{type(value).__name__} {value!r}"


_encoder = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=_foreign)


def form(values: Any) -> str:
    """Return the one form of plain values: JSON in ASCII, floats by their shortest digits that give back their bits."""
    return _encoder.encode(values)


FOREIGN = "no bytes"
"""What stands for the seal of data that are no bytes, which no column holds but damage; it is never stored."""


def seal(values: Any, data: bytes = b"") -> str:
    """Return the seal of plain values, and of bytes that follow them.

    The values' form is JSON in ASCII: floats by their shortest digits that give back their bits, the same in every
    version of Python.
    """
    return _sealed(form(values), data)


def checkpoint_seal(tensors: bytes, position: Mapping[str, Any]) -> str:
    """Return the seal of a checkpoint: its bytes and its position, in which the trial's key is."""
    return seal(sorted((name, value) for name, value in position.items() if name != CHECKSUM), tensors)


def forms(values: Sequence[Any]) -> list[str]:
    """Return the form of each value of a column, as ``seal`` has it; columns of one type cost little."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return list(map(encode_basestring_ascii, values))
    if kinds == {int} or (kinds == {float} and all(map(math.isfinite, values))):
        return list(map(repr, values))
    if kinds == {NoneType}:
        return ["null"] * len(values)
    return list(map(form, values))


def plan_seals(columns: Columns) -> list[str]:
    """Return the seals of what was planned, many at once."""
    planned = zip(*(forms(columns[name]) for name in PLAN), strict=True)
    declared = columns[DECLARED]
    said = [f",{its}" if text else "" for text, its in zip(declared, forms(declared), strict=True)]
    return [_sealed(f"[{','.join(plan)}{last}]") for plan, last in zip(planned, said, strict=True)]


def plan_seal(row: Row) -> str:
    """Return the seal of what was planned."""
    declared = row[DECLARED] if DECLARED in row.keys() else ""  # noqa: SIM118 - rows are no mappings; older ones lack it
    return plan_seals({**{name: [row[name]] for name in PLAN}, DECLARED: [declared]})[0]


def outcome_seals(columns: Columns, metrics: Sequence[str], measures: Sequence[str], parts: Sequence[str]) -> list[str]:
    """Return the seals of what became of trials, many at once, of whose lists the forms are given: ``outcome_seal``."""
    outcomes = zip(*(forms(columns[name]) for name in OUTCOME), strict=True)
    return [
        _sealed(f"[[{','.join(outcome)}],{values},{measured},{sealed}]")
        for outcome, values, measured, sealed in zip(outcomes, metrics, measures, parts, strict=True)
    ]


def outcome_seal(
    row: Row,
    metrics: Iterable[tuple[str, float]],
    measures: Iterable[tuple[str, str, str, str]],
    parts: Iterable[tuple[str, str]],
) -> str:
    """Return the seal of what became of a trial: ``metrics``, ``measures`` (name, digest, lists) and ``parts``.

    Each of these is in the order of its names.
    """
    lists = ([form(list(one))] for one in (metrics, measures, parts))
    return outcome_seals({name: [row[name]] for name in OUTCOME}, *lists)[0]


def _sealed(text: str, data: bytes = b"") -> str:
    """Return the seal of values in their form, and of bytes that follow them."""
    if not isinstance(data, bytes):
        return FOREIGN
    total = blake2b(f"{text}\n".encode(), digest_size=16)
    total.update(data)
    return total.hexdigest()


def study_seal(row: Row, places: Sequence[tuple[int, int]]) -> str:
    """Return the seal of a study; ``places`` are the positions of its trials, with their rows."""
    pairs = zip(*map(forms, zip(*places, strict=True)), strict=True) if places else ()
    listed = ",".join([f"[{position},{trial}]" for position, trial in pairs])
    return _sealed(f"[{form([row[column] for column in STUDY])},[{listed}]]")


def history_part(name: str) -> str:
    """Return the name of the part that a history is."""
    return f"history {name}"


def history_seal(key: str, name: str, axis: str, count: int, data: bytes) -> str:
    """Return the seal of a history."""
    return history_seals([key], [name], [axis], [count], [data])[0]


def history_seals(
    keys: Sequence[str], names: Sequence[str], axes: Sequence[str], counts: Sequence[int], data: Sequence[bytes]
) -> list[str]:
    """Return the seals of histories, many at once."""
    heads = zip(*map(forms, (keys, names, axes, counts)), strict=True)
    return [_sealed(f"[{','.join(head)}]", values) for head, values in zip(heads, data, strict=True)]


def weights_seal(key: str, tensors: bytes) -> str:
    """Return the seal of trained parameters."""
    return seal([key], tensors)


def add_part(db: sqlite3.Connection, row_id: int, part: str, sealed: str) -> None:
    """Write the seal of one part of a trial; ``seal_outcome`` follows."""
    db.execute("INSERT INTO seals VALUES (?, ?, ?)", (row_id, part, sealed))


def seal_outcome(db: sqlite3.Connection, row_id: int) -> None:
    """Seal what has become of a trial, as it stands: what every change of it ends with."""
    row = db.execute("SELECT * FROM trials WHERE id = ?", (row_id,)).fetchone()
    if row is None:  # it was listed: its page is out of order
        raise PagesError(f"row {row_id} of its trials is not found by its number")
    sealed = outcome_seal(row, *(map(tuple, db.execute(query, (row_id,)).fetchall()) for query in OF_A_TRIAL))
    db.execute("UPDATE trials SET seal = ? WHERE id = ?", (sealed, row_id))


def seal_study(db: sqlite3.Connection, row_id: int) -> None:
    """Seal a study with its list of trials."""
    row = db.execute("SELECT * FROM studies WHERE id = ?", (row_id,)).fetchone()
    if row is None:
        raise PagesError(f"row {row_id} of its studies is not found by its number")
    db.execute("UPDATE studies SET seal = ? WHERE id = ?", (study_seal(row, places(db, row_id)), row_id))


def places(db: sqlite3.Connection, study: int) -> list[tuple[int, int]]:
    """Return a study's positions, each with the row of its trial."""
    cursor = db.cursor()
    cursor.row_factory = None
    query = "SELECT position, trial FROM study_trials WHERE study = ? ORDER BY position"
    return cursor.execute(query, (study,)).fetchall()


OF_A_TRIAL = (
    "SELECT name, value FROM metrics WHERE trial = ? ORDER BY name",
    "SELECT name, digest, metrics, histories FROM measures WHERE trial = ? ORDER BY name",
    "SELECT part, seal FROM seals WHERE trial = ? ORDER BY part",
)
"""What an outcome's seal covers beside the row."""


def own_digests(db: sqlite3.Connection, row_id: int) -> bool:
    """Say whether the digests of a complete trial and of its measures are those of what the store holds of it."""
    row = db.execute("SELECT digest FROM trials WHERE id = ?", (row_id,)).fetchone()
    if row is None:
        return False
    metrics = dict(map(tuple, db.execute(OF_A_TRIAL[0], (row_id,)).fetchall()))
    query = "SELECT name, data FROM histories WHERE trial = ?"
    histories = {name: bytes(data) for name, data in db.execute(query, (row_id,)).fetchall()}
    weights = db.execute("SELECT tensors FROM trained_parameters WHERE trial = ?", (row_id,)).fetchone()
    for _, measured, its_metrics, its_histories in db.execute(OF_A_TRIAL[1], (row_id,)).fetchall():
        values = {name: metrics.pop(name) for name in json.loads(its_metrics)}
        curves = {name: histories.pop(name) for name in json.loads(its_histories)}
        if results_digest(values, curves) != measured:
            return False
    return bool(row["digest"] == results_digest(metrics, histories, b"" if weights is None else bytes(weights[0])))
