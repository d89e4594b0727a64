"""Opening results.db: what the file is, its journal, and how it is read where nothing may be written."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from unroll.errors import StoreError, StoreFormatError, StoreMissingError
from unroll.store import filesystem, schema
from unroll.store.bounds import Bounded
from unroll.store.faults import UNREACHABLE, explained, full, primary
from unroll.store.migrations import MIGRATIONS, applied, migrate

APPLICATION_ID = 0x756E726C  # "unrl", in the header of the file, where file(1) shows it too

# The writer waits this long for a reader under the rollback journal, and a reader for a commit.
PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Opened:
    """An open connection, the journal that the file keeps ("wal" or "delete"), what the user must be told."""

    db: Bounded
    journal: str
    notice: str | None


def inspect(path: Path) -> bool:
    """Say whether there is a store at ``path``; a file that is missing or empty is none yet.

    The file is looked at through SQLite, with a connection that locks nothing and leaves nothing beside it. Opening it
    here would not do: closing any descriptor of a file drops this process's locks on it, also those of connections
    that are open elsewhere in it, and the next program that closes the file would take the log of a living writer.

    Raises StoreFormatError for a file that is no store and StoreError for one that cannot be read.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}. Name a store's file with --store.") from error
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} cannot be read: it is no regular file. Name a store's file with --store.")
    if not status.st_size:
        return False
    with explained(path):
        try:
            db = _connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1")
            with closing(db):
                # A checkpoint that was cut off leaves a header that counts pages which are still in the log. Without
                # this, SQLite would call that damage, since this connection does not look into the log.
                db.execute("PRAGMA writable_schema = ON")
                (application,) = db.execute("PRAGMA application_id").fetchone()
        except sqlite3.DatabaseError as error:
            if primary(error) != sqlite3.SQLITE_NOTADB:
                raise
            raise StoreFormatError(
                f"{path} is not a results store (not an SQLite file). Name another with --store."
            ) from error
    if application != APPLICATION_ID:
        raise StoreFormatError(
            f"{path} is an SQLite file of another program, not a results store. Name another with --store."
        )
    return True


def open_for_writing(path: Path) -> Opened:
    """Open or create a store, bring its schema up to date, set its journal. The caller holds the lock."""
    inspect(path)
    with explained(path):
        db = _guarded(f"{path.resolve().as_uri()}?mode=rwc")
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            db.renew()
            _check(path, db)
            _update(db)
            journal, notice = _set_journal(path, db)
            if journal != "wal":  # FULL leaves the removal of the journal, which is the commit, to the system
                db.execute("PRAGMA synchronous = EXTRA")
        except BaseException:
            db.close()
            raise
    return Opened(db, journal, notice)


def open_for_reading(path: Path) -> Opened:
    """Open a store that exists, to look. Locks and changes nothing; works from a read-only folder.

    Where it may, SQLite leaves an empty log and its shared memory beside the file (``-wal``, ``-shm``).
    """
    if not inspect(path):
        raise StoreMissingError(
            f"There is no results store at {path}. Run a study first (unroll run), or name its file with --store."
        )
    with explained(path):
        db, journal, notice = _read_only(path)
        try:
            db.renew()
            _check(path, db)
            if len(applied(db)) < len(MIGRATIONS):
                db = _copied(db)
                _update(db)
        except BaseException:
            db.close()
            raise
    return Opened(db, journal, notice)


def _connect(uri: str) -> Bounded:
    # isolation_level=None: transactions begin and end where this package says so, not where Python guesses.
    db = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None, factory=Bounded)
    db.row_factory = sqlite3.Row
    # A byte that is no UTF-8 must not stop a whole table from being read: the seals tell whose it is.
    db.text_factory = partial(str, encoding="utf-8", errors="replace")
    return db


def _guarded(uri: str) -> Bounded:
    """Connect to what may be a stranger's store: nothing that it brings with it runs."""
    db = _connect(uri)
    schema.guard(db)
    return db


def _check(path: Path, db: sqlite3.Connection) -> None:
    """Look at what the file says of itself before anything in it is used."""
    names = schema.changes(path, db)
    _refuse_newer(path, names)
    schema.check(path, db, names)


def _refuse_newer(path: Path, names: list[str]) -> None:
    unknown = sorted(set(names) - {migration.name for migration in MIGRATIONS})
    if unknown:
        named = ", ".join(f'"{name}"' for name in unknown)
        raise StoreFormatError(
            f"{path} was written by a newer unroll: it has changes that this one does not know ({named}). "
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


def _read_only(path: Path) -> tuple[Bounded, str, str | None]:
    db = _guarded(f"{path.resolve().as_uri()}?mode=ro")
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        db.close()
        if primary(error) not in UNREACHABLE:
            raise
    else:
        return db, db.execute("PRAGMA journal_mode").fetchone()[0], None
    # SQLite wants to create its shared memory beside a store with a write-ahead log, and may not. No writer
    # lives: it would have that memory open. So the file stands still; what a dead writer left is in its
    # journal.
    real = path.resolve()
    journals = [real.with_name(real.name + end) for end in ("-wal", "-journal")]
    if any(j.exists() and j.stat().st_size for j in journals):
        journal = "delete" if journals[1].exists() else "wal"
        notice = f"{path} was left unfinished in a read-only folder: read from a copy."
        return _recovered(path, journals), journal, notice
    return _guarded(f"{real.as_uri()}?mode=ro&immutable=1"), "wal", None


def _recovered(path: Path, journals: list[Path]) -> Bounded:
    """Return a private copy of a store, with its journal brought in.

    Another process copies the files: closing the store's file in this one would drop the locks of its connections.
    """
    files = [str(file) for file in (path.resolve(), *journals) if file.exists()]
    try:
        with tempfile.TemporaryDirectory(prefix="unroll-") as folder:
            subprocess.run(["cp", "--", *files, folder], capture_output=True, check=True)  # noqa: S603, S607
            for file in Path(folder).iterdir():
                file.chmod(0o600)  # cp has kept that the files are read-only
            return _copied(_guarded(f"{(Path(folder) / path.resolve().name).as_uri()}?mode=rw"))
    except subprocess.CalledProcessError as error:
        raise full(Path(tempfile.gettempdir()) / path.name, error.stderr.decode(errors="replace").strip()) from error
    except OSError as error:
        raise full(Path(tempfile.gettempdir()) / path.name, error.strerror) from error


def _copied(source: sqlite3.Connection) -> Bounded:
    """Move a connection's content to a temporary database that SQLite deletes itself; close the source."""
    copy = _guarded("")
    try:
        source.backup(copy)
        copy.renew()
    except BaseException:
        copy.close()
        raise
    finally:
        source.close()
    return copy
