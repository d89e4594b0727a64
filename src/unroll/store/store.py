"""The door of the room: one results.db, opened for reading or, by one process at a time, for writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from unroll.errors import StoreError
from unroll.store import connection, events, merging, plans, trials
from unroll.store.lock import WriterLock
from unroll.store.merging import Adopted
from unroll.store.reader import Reader
from unroll.store.records import PlannedStudy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Store(Reader):
    """One results.db. ``Store.open`` makes it; use it in a ``with`` block, from one thread.

    Each writing method is one transaction: when it returns, the change is on the disk; when it raises,
    nothing was changed. Changing a trial takes its whole key. Every method may raise StoreFullError (no
    space), StoreFormatError (damaged pages) and StoreError.

    path      as it was given to ``open``
    journal   "wal", or "delete" on a network file system
    notice    what the user must be told about how the store was opened, or None
    """

    def __init__(self, path: Path, opened: connection.Opened, lock: WriterLock | None):
        super().__init__(path, opened)
        self._lock = lock

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
            return cls(path, connection.open_for_reading(path), None)
        if not path.resolve().parent.is_dir():
            raise StoreError(f"There is no folder {path.parent} for the store {path.name}. Create it first.")
        lock = WriterLock(path, purpose)
        try:
            store = cls(path, connection.open_for_writing(path), lock)
        except BaseException:
            lock.release()
            raise
        try:
            with store._writing() as db:
                trials.release_all(db, "its process ended before it did")
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the file and let the next writer in."""
        self._db.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self._lock is None:
            raise StoreError(f"{self.path} was opened for reading only. Open it with write=True to change it.")
        with self._transaction("BEGIN IMMEDIATE") as db:
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
    ) -> None:
        """Complete a running trial: its results are on the disk when this returns, and never change again.

        metrics       final values, float64; infinity is a value, NaN raises ValueError, -0.0 becomes 0.0
        histories     name -> one-dimensional values, kept as float32
        axes          name -> "epoch" or "update", for each history
        parameters    trained parameters, safetensors bytes
        fingerprint   {"numerics": ..., "circumstances": ...}, JSON-able
        digest        hash of the results without their times
        seconds       time the training took

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

    def adopt(self, other: Reader) -> Adopted:
        """Take over another store's studies, and what it knows of their trials and this one does not.

        A trial that is complete here stays as it is; one that is complete there becomes complete here, with all that
        belongs to it. What failed there counts where it waits here, and a checkpoint where there is none. Adopting the
        same twice changes nothing.
        """
        with other._reading() as theirs, self._writing() as db:
            return merging.adopt(db, theirs, other.path.name)

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
