"""Opening results.db: what the file is, its journal, and how it is read where nothing may be written."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from unroll.errors import StoreError, StoreFormatError, StoreMissingError
from unroll.store import filesystem
from unroll.store.faults import UNREACHABLE, damaged, explained, full, primary
from unroll.store.migrations import MIGRATIONS, applied, migrate

APPLICATION_ID = 0x756E726C  # "unrl", in the header of the file, where file(1) shows it too
MAGIC = b"SQLite format 3\x00"
HEADER = 100  # bytes, https://www.sqlite.org/fileformat.html#the_database_header

# The writer waits this long for a reader under the rollback journal, and a reader for a commit.
PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Opened:
    """An open connection, the journal that the file keeps ("wal" or "delete"), what the user must be told."""

    db: sqlite3.Connection
    journal: str
    notice: str | None


def inspect(path: Path) -> str | None:
    """Return the journal that the store keeps, "wal" or "delete"; None for a file that is missing or empty.

    Reads the header only and opens nothing with SQLite, so another program's database is left as it was to
    the byte. Raises StoreFormatError for a file that is no store and StoreError for one that cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = file.read(HEADER)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}. Name a store's file with --store.") from error
    if not header:
        return None
    if not header.startswith(MAGIC):
        raise StoreFormatError(f"{path} is not a results store (not an SQLite file). Name another with --store.")
    if len(header) < HEADER:
        raise damaged(path, f"the file ends after {len(header)} bytes")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreFormatError(
            f"{path} is an SQLite file of another program, not a results store. Name another with --store."
        )
    return "wal" if header[18] == 2 else "delete"


def open_for_writing(path: Path) -> Opened:
    """Open or create a store, bring its schema up to date, set its journal. The caller holds the lock."""
    inspect(path)
    with explained(path):
        db = _connect(f"{path.resolve().as_uri()}?mode=rwc")
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            _refuse_newer(path, db)
            _update(db)
            journal, notice = _set_journal(path, db)
        except BaseException:
            db.close()
            raise
    return Opened(db, journal, notice)


def open_for_reading(path: Path) -> Opened:
    """Open a store that exists, to look. Locks and changes nothing; works from a read-only folder.

    Where it may, SQLite leaves an empty log and its shared memory beside the file (``-wal``, ``-shm``).
    """
    journal = inspect(path)
    if journal is None:
        raise StoreMissingError(
            f"There is no results store at {path}. Run a study first (unroll run), or name its file with --store."
        )
    with explained(path):
        db, notice = _read_only(path)
        try:
            _refuse_newer(path, db)
            if len(applied(db)) < len(MIGRATIONS):
                db = _copied(db)
                _update(db)
        except BaseException:
            db.close()
            raise
    return Opened(db, journal, notice)


def _connect(uri: str) -> sqlite3.Connection:
    # isolation_level=None: transactions begin and end where this package says so, not where Python guesses.
    db = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def _refuse_newer(path: Path, db: sqlite3.Connection) -> None:
    unknown = sorted(set(applied(db)) - {migration.name for migration in MIGRATIONS})
    if unknown:
        names = ", ".join(f'"{name}"' for name in unknown)
        raise StoreFormatError(
            f"{path} was written by a newer unroll: it has changes that this one does not know ({names}). "
            "Nothing was changed. Update unroll (pip install --upgrade unroll-lab), or name another file "
            "with --store."
        )


def _update(db: sqlite3.Connection) -> None:
    """Bring the schema up to date in one transaction; write nothing where it is."""
    if len(applied(db)) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _set_journal(path: Path, db: sqlite3.Connection) -> tuple[str, str | None]:
    kind, mount = filesystem.mount_of(path)
    wanted = "delete" if filesystem.is_network(kind) else "wal"
    (journal,) = db.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    if journal == "wal":
        return journal, None
    reason = (
        f"a network file system ({kind} at {mount})" if wanted == "delete" else "a file system without shared memory"
    )
    return journal, (
        f"{path} lies on {reason}: it keeps a rollback journal instead of a write-ahead log, so reading and "
        "writing wait for each other."
    )


def _read_only(path: Path) -> tuple[sqlite3.Connection, str | None]:
    db = _connect(f"{path.resolve().as_uri()}?mode=ro")
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        db.close()
        if primary(error) not in UNREACHABLE:
            raise
    else:
        return db, None
    # SQLite wants to create its shared memory beside a store with a write-ahead log, and may not. No writer
    # lives: it would have that memory open. So the file stands still; what a dead writer left is in its
    # journal.
    real = path.resolve()
    journals = [real.with_name(real.name + end) for end in ("-wal", "-journal")]
    if any(j.exists() and j.stat().st_size for j in journals):
        return _recovered(path, journals), f"{path} was left unfinished in a read-only folder: read from a copy."
    return _connect(f"{real.as_uri()}?mode=ro&immutable=1"), None


def _recovered(path: Path, journals: list[Path]) -> sqlite3.Connection:
    """Return a private copy of a store, with its journal brought in."""
    try:
        with tempfile.TemporaryDirectory(prefix="unroll-") as folder:
            for file in (path.resolve(), *journals):
                if file.exists():
                    shutil.copyfile(file, Path(folder) / file.name)
            return _copied(_connect(f"{(Path(folder) / path.resolve().name).as_uri()}?mode=rw"))
    except OSError as error:
        raise full(Path(tempfile.gettempdir()) / path.name, error.strerror) from error


def _copied(source: sqlite3.Connection) -> sqlite3.Connection:
    """Move a connection's content to a temporary database that SQLite deletes itself; close the source."""
    copy = _connect("")
    try:
        source.backup(copy)
    except BaseException:
        copy.close()
        raise
    finally:
        source.close()
    return copy
