"""Two stores into one: results are found by what was asked, so those of several machines are just put together."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll import registry
from unroll.store import events, examinations, plans, trials
from unroll.store.checked import Checked, checked, one
from unroll.store.digests import TIMES
from unroll.store.examined import sound_numbers
from unroll.store.faults import explained
from unroll.store.plain import to_json
from unroll.store.records import PlannedStudy, State
from unroll.store.seals import Row, history_part, seal_outcome
from unroll.store.verification import checkpoint_is_sound, damaged_studies, fault, study_name
from unroll.study.user_file import DIGITS, hashes

RESULTS = ("metrics", "histories", "measures", "trained_parameters", "checkpoints", "seals")
"""What belongs to a trial, in tables of which the first column is the trial."""
OUTCOME = (
    *("state", "attempts", "started_at", "finished_at", "seconds", "digest", "error", "fingerprint", "verified"),
)


@dataclass(frozen=True)
class Apart:
    """Trials of a study that were taken over, but are not those that the study asks for here.

    So it is where a plug-in has another version there, or a user's file another content: these are in the trials' keys,
    not in the study's digest. ``versions`` says which, as in "task adding 1.0.1 (here 1)".
    """

    study: str
    versions: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Alarm:
    """A trial that came out with other bits here and there under equal numerics: one of the two is wrong.

    ``trial`` in words; ``digests`` and ``fingerprints``: here, there. Digests that are equal stand over other numbers.
    ``foreign``: of its task and model those that do not come with unroll, as in 'task "flip_flop"'. Numerics say
    nothing of what these compute with: where there are any, both results may be right.
    """

    trial: str
    key: str
    digests: tuple[str, str]
    fingerprints: tuple[dict[str, Any], dict[str, Any]]
    foreign: tuple[str, ...]


@dataclass(frozen=True)
class Adopted:
    """What another store gave: complete trials, failed ones, checkpoints of waiting ones; what was there already.

    ``examinations`` were taken of trials that were complete here already, with the same bits.

    ``fitting`` of their complete trials are asked for by a study here; ``apart`` are those of their studies that are
    planned here under other versions of plug-ins. ``different`` are the keys of trials that are complete in both with
    other bits; this store's own were kept. ``numerics`` are the names of what they were computed under differently
    (processor, versions), ``alarms`` those of them for which that is known and the same. ``found_otherwise`` are
    measures, each with a trial's key, that found other numbers in the same trained network there than here, where
    ours stay. ``damaged`` are the keys of their trials that are not what was written there, ``damaged_studies`` the
    names of their studies that are not, or have lost the plan of a trial: nothing of these was taken, but the sound
    trials of such a study were.
    ``damaged_here`` are the keys of their complete trials that are damaged in this store: nothing takes their place
    before they are forgotten.
    """

    studies: int
    complete: int
    failed: int
    checkpoints: int
    known: int
    examinations: int
    fitting: int
    apart: tuple[Apart, ...]
    different: tuple[str, ...]
    numerics: tuple[str, ...]
    alarms: tuple[Alarm, ...]
    found_otherwise: tuple[tuple[str, str], ...]
    damaged: tuple[str, ...]
    damaged_studies: tuple[str, ...]
    damaged_here: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether their complete trials are here now, with the same bits, as results of the studies here."""
        nothing_fits = self.complete + self.known > 0 and not self.fitting
        damaged = self.damaged or self.damaged_studies or self.damaged_here
        return not (self.apart or self.different or damaged or nothing_fits)


def adopt(db: sqlite3.Connection, theirs: sqlite3.Connection, path: Path) -> Adopted:
    """Take over from ``theirs``, the store at ``path``, what ``db`` lacks.

    Nothing of ours goes but for something that is further: a trial that waits, failed or has a checkpoint here gives
    way to one that is complete there; one that waits here with nothing to go on from takes their failure or checkpoint.
    """
    studies, apart, incomplete, name = 0, [], [], path.name
    with explained(path):  # what is wrong there is told of that store, not of this one
        lost = damaged_studies(theirs)
        asked = [plans.study_by_digest(theirs, digest) for digest in _digests(theirs, lost)]
        looked_at = [(trial, trial.plan or fault(theirs, trial)) for trial in checked(theirs, None)]
    for study in asked:
        assert study is not None  # noqa: S101 - it was listed in the same snapshot
        ours = plans.study_by_digest(db, study.digest)
        if ours is None and study.damaged:
            incomplete.append(study.name)  # without some of its trials it would be another under its digest
        elif ours is None:
            plans.plan(db, study)
            studies += 1
        elif keys := _complete(theirs, study, beside=ours):
            apart.append(Apart(study.name, _versions(study, ours), keys))
    counts = dict.fromkeys(("complete", "failed", "checkpoints", "known", "examinations"), 0)
    different, damaged, damaged_here = [], [], []
    alarms: list[Alarm] = []
    found: list[tuple[str, str]] = []
    numerics: set[str] = set()
    for trial, reason in looked_at:
        their = trial.row
        if reason:
            damaged.append(str(their["key"]))
            continue
        done, failed = their["state"] == State.complete, their["state"] == State.failed
        if not (done or failed or _has_checkpoint(theirs, their["id"])):
            continue  # nothing has come of it
        our = _ours(db, trial)
        ours_now = one(db, our["id"])
        if not _same_question(our, their):
            damaged.append(their["key"])
        elif ours_now.damage or (done and our["state"] == State.complete and fault(db, ours_now)):
            damaged_here.extend([their["key"]] if done else [])  # it is forgotten first, by who is asked
        elif our["state"] == State.complete:
            counts["known"] += done
            measured_otherwise = _measured_otherwise(ours_now, trial)
            if done and measured_otherwise is None and not _same_results(ours_now, trial):
                different.append(their["key"])
                others = _other_numerics(our, their)
                numerics |= others
                if not others:
                    alarms.extend(_alarms(ours_now, trial))
            elif done:
                taken, otherwise = _take_examinations(db, theirs, our["id"], trial)
                counts["examinations"] += taken
                found.extend((measure, their["key"]) for measure in (*otherwise, *(measured_otherwise or ())))
        elif done or (failed and our["state"] == State.waiting and not _has_checkpoint(db, our["id"])):
            _replace(db, theirs, our["id"], their)
            _take_examinations(db, theirs, our["id"], trial)
            counts[their["state"]] += 1
            events.add(db, "adopted", f"{their['state']}, from {name}", trial=their["key"])
        elif failed or our["state"] != State.waiting or _has_checkpoint(db, our["id"]):
            continue
        elif checkpoint_is_sound(theirs, their["id"]):
            _copy(db, theirs, "checkpoints", our["id"], their["id"])
            counts["checkpoints"] += 1
            events.add(db, "adopted", f"a checkpoint, from {name}", trial=their["key"])
    return Adopted(
        studies=studies,
        fitting=_fitting(db, theirs),
        apart=tuple(apart),
        different=tuple(different),
        numerics=tuple(sorted(numerics)),
        alarms=tuple(alarms),
        found_otherwise=tuple(found),
        damaged=tuple(damaged),
        damaged_studies=(*map(study_name, lost), *incomplete),
        damaged_here=tuple(damaged_here),
        **counts,
    )


def _digests(theirs: sqlite3.Connection, lost: list[sqlite3.Row]) -> list[str]:
    """Return the digests of their studies without those that are lost, in the order of planning."""
    gone = {row["id"] for row in lost}
    rows = theirs.execute("SELECT id, digest FROM studies NOT INDEXED ORDER BY id").fetchall()
    return [row["digest"] for row in rows if row["id"] not in gone]


def _same_question(our: Row, their: Row) -> bool:
    """Say whether one key means one specification here and there, as it does where both were seen to follow."""
    return bool(json.loads(our["spec"]) == json.loads(their["spec"]))


def _same_results(ours: Checked, theirs: Checked) -> bool:
    """Compare the bits of all results but the times, whatever the digests say."""

    def bits(trial: Checked) -> tuple[object, ...]:
        metrics = {name: value for name, value in trial.metrics.items() if name not in TIMES}
        times = {history_part(name) for name in TIMES}
        return trial.row["digest"], metrics, {part: s for part, s in trial.parts.items() if part not in times}

    return bits(ours) == bits(theirs)


def _measured_otherwise(ours: Checked, theirs: Checked) -> tuple[str, ...] | None:
    """Return the measures that explain all that differs between two results with the same digest.

    What was measured while training is outside the digest, and has a version of its own ("beside", in the fingerprint).
    None where the digests differ, that version is the same, or something else is not as here.
    """
    here, there = (_fingerprint(trial.row).get("circumstances", {}).get("beside") for trial in (ours, theirs))
    if ours.row["digest"] != theirs.row["digest"] or here == there:
        return None
    measures = [{measure[0]: measure for measure in trial.measures} for trial in (ours, theirs)]
    names = [name for name in sorted(measures[0] | measures[1]) if measures[0].get(name) != measures[1].get(name)]
    of_them: set[str] = set(TIMES)
    for stored in measures:
        for _, _, metrics, histories in (stored[name] for name in names if name in stored):
            of_them.update(json.loads(metrics), json.loads(histories))

    def rest(trial: Checked) -> tuple[object, object]:
        parts = {history_part(name) for name in of_them}
        return (
            {name: value for name, value in trial.metrics.items() if name not in of_them},
            {part: seal for part, seal in trial.parts.items() if part not in parts},
        )

    return tuple(names) if rest(ours) == rest(theirs) else None


def _other_numerics(our: Row, their: Row) -> set[str]:
    """Return the names of the numerics that differ between two results."""
    here, there = (_fingerprint(row).get("numerics", {}) for row in (our, their))
    return {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}


def _fingerprint(row: Row) -> dict[str, Any]:
    return dict(json.loads(row["fingerprint"] or "{}"))


def _alarms(ours: Checked, theirs: Checked) -> list[Alarm]:
    """Return the alarm over two results of a trial under equal numerics; none where nobody knows under which."""
    rows = ours.row, theirs.row
    here, there = map(_fingerprint, rows)
    if not here.get("numerics"):
        return []
    digests, spec = (str(rows[0]["digest"]), str(rows[1]["digest"])), json.loads(rows[0]["spec"])
    foreign = registry.foreign(spec["task"], spec["model"])
    return [Alarm(ours.name, str(rows[0]["key"]), digests, (here, there), foreign)]


def _complete(theirs: sqlite3.Connection, study: PlannedStudy, beside: PlannedStudy) -> tuple[str, ...]:
    """Return the keys of their complete trials of a study that the same study does not ask for here."""
    asked = {trial.key for trial in beside.trials}
    states = trials.states(theirs, [trial.key for trial in study.trials if trial.key not in asked])
    return tuple(key for key, state in states.items() if state is State.complete)


def _versions(theirs: PlannedStudy, ours: PlannedStudy) -> tuple[str, ...]:
    """Say which plug-ins, and which users' files, of a study are in their plan not what they are in ours."""

    def versions(study: PlannedStudy) -> dict[tuple[str, str], str]:
        files: dict[str, dict[str, None]] = {}
        for trial in study.trials:
            for setting, _, content in hashes(trial):
                files.setdefault(setting, {})[content[:DIGITS]] = None
        plugins = {
            (noun, name): str(facts.get("version"))
            for noun, plugins in study.plugins.items()
            for name, facts in plugins.items()
        }
        return plugins | {("file", setting): " and ".join(sorted(found)) for setting, found in files.items()}

    here = versions(ours)
    return tuple(
        f"{noun} {name} {version} (here {here[noun, name]})"
        for (noun, name), version in sorted(versions(theirs).items())
        if here.get((noun, name), version) != version
    )


def _ours(db: sqlite3.Connection, trial: Checked) -> sqlite3.Row:
    """Return our row of their trial; a trial that no study here asks for, nor ever has, is written first."""
    their = trial.row
    plans.add_declaration(db, trial.declared or "")
    plans.add_trials(db, [tuple(their[column] for column in plans.COLUMNS)])
    row: sqlite3.Row = db.execute("SELECT * FROM trials WHERE key = ?", (their["key"],)).fetchone()
    return row


def _fitting(db: sqlite3.Connection, theirs: sqlite3.Connection) -> int:
    """Return how many of their complete trials a study here asks for."""
    keys = [key for (key,) in theirs.execute("SELECT key FROM trials WHERE state = 'complete'").fetchall()]
    query = """
        SELECT count(DISTINCT t.id) FROM json_each(?) j
        JOIN trials t ON t.key = j.value JOIN study_trials st ON st.trial = t.id
    """
    (count,) = db.execute(query, (to_json(keys),)).fetchone()
    return int(count)


def _has_checkpoint(db: sqlite3.Connection, row_id: int) -> bool:
    return db.execute("SELECT 1 FROM checkpoints WHERE trial = ?", (row_id,)).fetchone() is not None


def _replace(db: sqlite3.Connection, theirs: sqlite3.Connection, row_id: int, their: Row) -> None:
    """Put their outcome of a trial, with all that belongs to it, in the place of ours."""
    examinations.clear(db, row_id)
    for table in RESULTS:
        db.execute(f"DELETE FROM {table} WHERE trial = ?", (row_id,))  # noqa: S608
        _copy(db, theirs, table, row_id, their["id"])
    db.execute(
        f"UPDATE trials SET {', '.join(f'{column} = ?' for column in OUTCOME)} WHERE id = ?",  # noqa: S608
        (*(their[column] for column in OUTCOME), row_id),
    )
    seal_outcome(db, row_id)


def _take_examinations(
    db: sqlite3.Connection, theirs: sqlite3.Connection, row_id: int, trial: Checked
) -> tuple[int, tuple[str, ...]]:
    """Take those of their examinations that are sound there and missing here; damage in one costs the trial nothing."""
    return examinations.take(db, theirs, row_id, trial.row["id"], sound_numbers(theirs, trial))


def _copy(db: sqlite3.Connection, theirs: sqlite3.Connection, table: str, row_id: int, their_id: int) -> None:
    for _, *values in theirs.execute(f"SELECT * FROM {table} WHERE trial = ?", (their_id,)).fetchall():  # noqa: S608
        db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * (len(values) + 1))})", (row_id, *values))  # noqa: S608
