"""The door of the room: one results.db, opened for reading or, by one process at a time, for writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from unroll.errors import StoreError
from unroll.store import connection, events, merging, plans, trials, verification
from unroll.store.bounds import WRITING
from unroll.store.faults import explained
from unroll.store.lock import WriterLock
from unroll.store.merging import Adopted
from unroll.store.reader import Reader
from unroll.store.records import Examination, MeasureRecord, PlannedStudy
from unroll.store.tenure import Tenure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass
class _Group:
    """Changes that are written together, and whether there has been one yet."""

    begun: bool = False


class Store(Reader):
    """One results.db. ``Store.open`` makes it; use it in a ``with`` block, from one thread.

    Each writing method is one transaction: when it returns, the change is on the disk; when it raises,
    nothing was changed. ``together`` makes one of many. Changing a trial takes its whole key. Every method may
    raise StoreFullError (no space), StoreFormatError (damaged pages), StoreLostError (no longer this writer's) and
    StoreError.

    path      as it was given to ``open``
    journal   "wal", or "delete" on a network file system
    notice    what the user must be told about how the store was opened, or None
    """

    def __init__(self, path: Path, opened: connection.Opened, tenure: Tenure | None = None):
        super().__init__(path, opened)
        self._tenure = tenure
        self._group: _Group | None = None

    @classmethod
    def open(cls, path: str | Path, *, write: bool = False, purpose: str = "") -> Self:
        """Open a store.

        With ``write`` the file is created if need be and held until ``close``; trials that a dead writer left
        running wait again. ``purpose`` ("study adding-lengths") is told to whoever wants to write meanwhile.
        Without, the store is neither created, locked nor changed.

        Raises StoreMissingError, StoreHeldError (at once), StoreFormatError, StoreFullError or StoreError.
        """
        path = Path(path)
        if not write:
            return cls(path, connection.open_for_reading(path))
        with explained(path):
            if not path.resolve().parent.is_dir():
                raise StoreError(f"There is no folder {path.parent} for the store {path.name}. Create it first.")
        lock = WriterLock(path, purpose)
        try:
            opened = connection.open_for_writing(path)
            tenure = Tenure(path, lock, opened.journal)
            store = cls(path, opened, tenure)
        except BaseException:
            lock.release()
            raise
        try:
            with store._transaction("BEGIN IMMEDIATE") as db:
                tenure.begin(db)
                trials.release_all(db, "its process ended before it did")
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the file and let the next writer in."""
        if self._tenure is None:
            self._db.close()
        else:
            self._tenure.end(self._db)

    def look(self) -> None:
        """Make sure that the open store is still this writer's; it costs microseconds.

        Raises StoreLostError where its files were deleted, replaced or cut. Every change of the store does so too.
        """
        if self._tenure is not None:
            self._tenure.look()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all changes of the block in one transaction: they are on the disk when the block has ended, not before.

        It costs little more than one of them: of small changes, most of the time is the flush to the disk. A change
        that raises is taken back alone, and whoever catches what it raised goes on with the others. When the block
        raises, nothing of it was written. Reading in it sees its changes. Begins with the first change: without one,
        nothing is locked. Blocks do not hold each other.
        """
        if self._group is not None:
            raise StoreError("Changes are written together already: one block cannot hold another.")
        self._group = group = _Group()
        try:
            yield
            if group.begun:
                self._hold()
                with explained(self.path):
                    self._db.execute("COMMIT")
        finally:
            self._group = None
            if self._db.in_transaction:
                with suppress(sqlite3.Error):  # what brought us here says more; closing the file has the same effect
                    self._db.execute("ROLLBACK")

    def _begin(self, group: _Group, tenure: Tenure) -> None:
        tenure.look()
        with explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                tenure.check(self._db)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        group.begun = True

    def _hold(self) -> None:
        """Make sure that SQLite has not taken back what is written together, as it does after some errors."""
        if not self._db.in_transaction:
            raise StoreError(
                f"What was to be written to {self.path} together was taken back after an error. Nothing was changed. "
                "Run the same command again: it continues where it stopped."
            )

    @contextmanager
    def _writing(self, beside: int = 0) -> Iterator[sqlite3.Connection]:
        if self._tenure is None:
            raise StoreError(f"{self.path} was opened for reading only. Open it with write=True to change it.")
        group = self._group
        if group is None:
            self._tenure.look()
        elif group.begun:
            self._hold()
        else:
            self._begin(group, self._tenure)
        with self._transaction("BEGIN IMMEDIATE", WRITING, beside) as db:
            if group is None:
                self._tenure.check(db)
            yield db

    def plan(self, study: PlannedStudy) -> None:
        """Write a study, its list of trials, and those trials that are new, as waiting.

        A trial that is there keeps its state and results, whichever study asked for it. Planning the same
        twice writes nothing. Raises ValueError when a trial is in the list twice.
        """
        with self._writing() as db:
            plans.plan(db, study)

    def claim(self, key: str) -> int:
        """Start a waiting or failed trial; return which attempt this is, from 1."""
        with self._writing() as db:
            return trials.claim(db, key)

    def save_checkpoint(
        self, key: str, tensors: bytes, position: Mapping[str, Any], numerics: Mapping[str, Any]
    ) -> None:
        """Put a running trial's checkpoint (safetensors bytes) in the place of the one before."""
        with self._writing() as db:
            trials.save_checkpoint(db, key, tensors, position, numerics)

    def finish(
        self,
        key: str,
        *,
        metrics: Mapping[str, float],
        histories: Mapping[str, ArrayLike],
        axes: Mapping[str, str],
        parameters: bytes,
        fingerprint: Mapping[str, Any],
        digest: str,
        seconds: float,
        measures: Mapping[str, MeasureRecord] = MappingProxyType({}),
        examinations: Sequence[Examination] = (),
        keep_checkpoint: bool = False,
    ) -> None:
        """Complete a running trial: its results are on the disk when this returns, and never change again.

        metrics       final values, float64; infinity is a value, NaN raises ValueError, -0.0 becomes 0.0
        histories     name -> one-dimensional values, kept as float32
        axes          name -> "epoch" or "update", for each history
        parameters    trained parameters, safetensors bytes
        fingerprint   {"numerics": ..., "circumstances": ...}, JSON-able
        digest        hash of the results without their times and without what ``measures`` name
        seconds       time the training took
        measures      name -> which of the metrics and histories a measure added, and their own digest
        examinations  what measures found in the network, beside all this; one that breaks a rule (no number, NaN, too
                      large) is written as failed with the reason, and costs the trial nothing
        keep_checkpoint  leave the trial's last checkpoint where it is, for a trial with more epochs

        Raises StoreError unless the trial is running.
        """
        with self._writing() as db:
            trials.finish(
                db,
                key,
                metrics=metrics,
                histories=histories,
                axes=axes,
                parameters=parameters,
                fingerprint=fingerprint,
                digest=digest,
                seconds=seconds,
                measures=measures,
                examined=examinations,
                keep_checkpoint=keep_checkpoint,
            )

    def fail(
        self,
        key: str,
        *,
        error: Mapping[str, Any],
        fingerprint: Mapping[str, Any] | None,
        histories: Mapping[str, ArrayLike],
        axes: Mapping[str, str],
    ) -> None:
        """End a running trial with its error and its histories so far. Its checkpoint stays, for a retry.

        ``error`` holds type, message, traceback, epoch and update, JSON-able.
        """
        with self._writing() as db:
            trials.fail(db, key, error=error, fingerprint=fingerprint, histories=histories, axes=axes)

    def release(self, key: str, reason: str) -> None:
        """Let a running trial wait again, with its checkpoint: it was stopped, or its worker died."""
        with self._writing() as db:
            trials.release(db, key, reason)

    def retry(self, keys: Collection[str]) -> int:
        """Let the failed ones of these trials wait again, with no attempts counted; return how many."""
        with self._writing() as db:
            return trials.retry(db, keys)

    def forget(self, digest: str) -> int:
        """Remove a study and, with their results, the trials that no other asks for; return how many.

        Raises UnknownNameError where there is no such study.
        """
        with self._writing() as db:
            return plans.forget(db, digest)

    def forget_damaged(self) -> int:
        """Remove what is damaged, and nothing else; return of how many trials, examinations apart.

        A damaged examination goes alone: its trial stays complete, without it. A trial of which the results are damaged
        waits again. One of which the plan is damaged goes, and so does a damaged study: planning the study again asks
        for what is missing.
        """
        with self._writing() as db:
            return verification.forget_damaged(db)

    def adopt(self, other: Reader) -> Adopted:
        """Take over another store's studies, and what it knows of trials and this one does not.

        A trial that is complete here stays as it is; one that is complete there becomes complete here, with all that
        belongs to it, whether or not a study here asks for it. What failed there counts, and a checkpoint, where the
        trial waits here and has none of its own. Of a trial that is complete in both with the same bits, examinations
        that are missing here are taken. Adopting the same twice changes nothing.
        """
        with other._reading() as theirs, self._writing(beside=other._db.size()) as db:
            return merging.adopt(db, theirs, other.path)

    def event(
        self,
        kind: str,
        message: str,
        trial: str | None = None,
        study: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a line to the timeline. Studies and changes of state write theirs themselves."""
        with self._writing() as db:
            events.add(db, kind, message, trial, study, data)
