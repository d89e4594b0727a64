"""The reading half of the store: what every process may ask, while one of them writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.store import copying, events, examined, frames, health, histories, plans, trials, verification
from unroll.store.bounds import READING
from unroll.store.checked import PART, Plans, Trials, become, checked
from unroll.store.connection import Opened
from unroll.store.faults import explained
from unroll.store.keys import find
from unroll.store.records import (
    CheckpointRecord,
    Examined,
    MeasureRecord,
    PlannedStudy,
    State,
    StudyHead,
    StudyRecord,
    TrialRecord,
)
from unroll.store.verification import Verification

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from unroll.study import Study


_BACK = ("ROLLBACK",)
_BACK_TO_ONE = ("ROLLBACK TO one", "RELEASE one")


class Reader:
    """Everything that can be read from a store; ``Store`` adds what can be written.

    Where a method takes ``key``, the first 6 or more digits of it are enough; UnknownNameError where they
    name no trial or more than one. Each method reads one snapshot and leaves no transaction open, so it never
    keeps the writer waiting.

    Whatever is read is checked against its seals. A trial of which the outcome is not what was written has the state
    "damaged" and no numbers; DamagedError is raised where what was asked for is damaged itself.
    """

    def __init__(self, path: Path, opened: Opened):
        self.path = path
        self.journal = opened.journal
        self.notice = opened.notice
        self._db = opened.db

    @contextmanager
    def _transaction(self, begin: str, most: int = READING, beside: int = 0) -> Iterator[sqlite3.Connection]:
        with explained(self.path):
            self._db.renew(most, beside)
            inner = self._db.in_transaction  # one of several that are written together
            begin, end, back = ("SAVEPOINT one", "RELEASE one", _BACK_TO_ONE) if inner else (begin, "COMMIT", _BACK)
            self._db.execute(begin)
            try:
                yield self._db
                self._db.execute(end)
            except BaseException:
                for statement in back:
                    if self._db.in_transaction:  # SQLite has rolled back all by itself after some errors
                        self._db.execute(statement)
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot for all statements of a method, whatever the writer commits meanwhile."""
        with self._transaction("BEGIN") as db:
            yield db

    def states(self, keys: Collection[str]) -> dict[str, State]:
        """Return the state of each of these trials; a key that the store lacks is left out."""
        with self._reading() as db:
            return trials.states(db, keys)

    def trial(self, key: str) -> TrialRecord:
        """Return one trial, by its key or the first 6 or more digits of it."""
        with self._reading() as db:
            return trials.trial(db, key)

    def trials(self, keys: Collection[str] | Trials | None = None) -> list[TrialRecord]:
        """Return these trials, in this order, or all, in the order of planning; unknown keys are left out.

        What ``read`` has returned of some is not read again: they are as they were then.
        """
        with self._reading() as db:
            return trials.trials(_read(db, keys))

    def complete(self) -> Iterator[TrialRecord]:
        """Yield all complete trials, in the order of planning; read a part at a time, they need little memory."""
        with self._reading() as db:
            keys = trials.complete(db)
        for first in range(0, len(keys), PART):
            yield from (record for record in self.trials(keys[first : first + PART]) if record.state is State.complete)

    def studies(self) -> list[StudyRecord]:
        """Return all studies, in the order in which they were first planned, with their trials by state."""
        with self._reading() as db:
            return plans.studies(db)

    def heads(self) -> list[StudyHead]:
        """Return all studies without their trials, of which nothing is read, in that order."""
        with self._reading() as db:
            return plans.heads(db)

    def planned(self, study: Study) -> PlannedStudy | None:
        """Return a study as it was planned here, see ``study_by_digest``; None where it was not."""
        return self.study_by_digest(study.digest) or self.study_by_digest(study.digest_as_written)

    def study_by_digest(self, digest: str) -> PlannedStudy | None:
        """Return a study as it was planned, without need of its plug-ins; None where it was not."""
        with self._reading() as db:
            return plans.study_by_digest(db, digest)

    def checkpoint(self, key: str) -> CheckpointRecord | None:
        """Return where a trial can be continued, or None."""
        with self._reading() as db:
            return trials.checkpoint(db, key)

    def kept_states(self) -> tuple[str, ...]:
        """Return the keys of the complete trials whose last checkpoint was kept, in the order of planning."""
        with self._reading() as db:
            return trials.kept_states(db)

    def history(self, key: str, name: str) -> NDArray[np.float32]:
        """Return one history, float32, shape (count,); UnknownNameError where there is none."""
        with self._reading() as db:
            return histories.history(db, key, name)

    def histories(self, key: str) -> dict[str, NDArray[np.float32]]:
        """Return all histories of a trial by name."""
        with self._reading() as db:
            return histories.histories(db, key)

    def parameters(self, key: str) -> bytes:
        """Return a complete trial's trained parameters, safetensors bytes; UnknownNameError before that."""
        with self._reading() as db:
            return trials.parameters(db, key)

    def measures(self, key: str) -> dict[str, MeasureRecord]:
        """Return what measures added to a trial, outside its digest; none for a trial that is older than they are."""
        with self._reading() as db:
            return trials.measures(db, key)

    def examinations(self, key: str) -> Examined:
        """Return what measures found in a trial's network; nothing for a trial that is older than they are.

        A damaged one is told, without its numbers.
        """
        with self._reading() as db:
            return examined.examinations(db, find(db, key)["key"])

    def events(self, trial: str | None = None, study: str | None = None) -> list[dict[str, Any]]:
        """Return the timeline of a trial (its whole key), of a study with its trials (its digest), or of all.

        Each line: at, kind, message, trial, study, data. Oldest first.
        """
        with self._reading() as db:
            return events.select(db, trial, study)

    def read(self, trials: Collection[str] | Plans | None = None) -> Trials:
        """Return trials as they are now, for ``frame`` and ``history_frame``: several tables then cost one reading.

        ``trials`` are their keys, None for all, or what ``planned`` has read of them: then it is not read again.
        """
        with self._reading() as db:
            return become(db, trials) if isinstance(trials, Plans) else checked(db, trials)

    def frame(self, trials: Collection[str] | Trials | None = None) -> pd.DataFrame:
        """Return one row per trial: what was planned, its state, each metric as a column (NaN where absent).

        ``trials`` are their keys, what ``read`` has returned of them, or None for all.
        """
        with self._reading() as db:
            return frames.frame(_read(db, trials))

    def history_frame(
        self,
        trials: Collection[str] | Trials | None,
        name: str,
        damaged: dict[str, str] | None = None,
    ) -> pd.DataFrame:
        """Return one history of many trials in long form: the trial's columns, axis, step (a place on it), value.

        A damaged history is left out and told in ``damaged``, what is wrong by the trial's key; without one,
        DamagedError is raised.
        """
        with self._reading() as db:
            return frames.history_frame(db, _read(db, trials), name, damaged)

    def examination_frame(
        self,
        trials: Collection[str] | Trials | None,
        measure: str,
        damaged: dict[str, str] | None = None,
    ) -> pd.DataFrame:
        """Return what a measure found in many trials, in long form: see ``unroll.store.examined.frame``."""
        with self._reading() as db:
            return examined.frame(db, _read(db, trials), measure, damaged)

    def examined_measures(self, keys: Collection[str] | None) -> tuple[str, ...]:
        """Return the names of all measures by which any of these trials was examined, in alphabetical order."""
        with self._reading() as db:
            return examined.measures(db, keys)

    def history_names(self, trials: Collection[str] | Trials | None) -> tuple[str, ...]:
        """Return the names of all histories that these trials have, in alphabetical order."""
        with self._reading() as db:
            return frames.history_names(_read(db, trials))

    def copy(self, target: str | Path) -> None:
        """Write the store as it is at this moment to another file, also while a writer goes on; one snapshot.

        Raises StoreError where ``target`` exists, StoreFullError where there is no space for it.
        """
        copying.copy(self._db, Path(target))

    def verify(self, progress: Callable[[int, int], None] = lambda done, total: None) -> Verification:
        """Check every study, trial, history, weights, examination and checkpoint; reads all of the file.

        ``progress`` is told how many trials of all are done.
        """
        with self._reading() as db:
            return verification.verify(db, progress)

    def health(self) -> dict[str, Any]:
        """Return what is to know of the file, JSON-able; reads all of it.

        path, size (bytes), free (bytes), journal, integrity ("ok" or what is wrong), migrations, studies,
        trials by state, holder (the process that writes now, or None).
        """
        with explained(self.path):  # no transaction: in a damaged file it could not even be ended
            self._db.renew()
            return health.health(self._db, self.path, self.journal)


def _read(db: sqlite3.Connection, trials: Collection[str] | Trials | None) -> Trials:
    return trials if isinstance(trials, Trials) else checked(db, trials)
