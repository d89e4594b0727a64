"""What a store may hold beside rows: exactly the tables, indices and views that its changes have made.

A file from somebody else is opened before anyone knows what is in it. Triggers, views and functions of its own would
run with our statements; so nothing of a schema is trusted, and one that is not ours is refused.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from functools import cache
from pathlib import Path

from unroll.errors import StoreFormatError
from unroll.store import migrations
from unroll.store.faults import damaged

REFUSED = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_VTABLE}
FORBIDDEN_PRAGMAS = {"writable_schema", "schema_version", "legacy_alter_table"}
OF_SQLITE = "sqlite_stat"
"""Tables of statistics, which only SQLite itself can make, as ANALYZE does; it checks what it reads of them."""


def guard(db: sqlite3.Connection) -> None:
    """Let nothing that a file brings with it run: before anything is read of it."""
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA mmap_size = 0")
    if sys.version_info >= (3, 12):
        db.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    else:
        db.set_authorizer(_authorize)


def changes(path: Path, db: sqlite3.Connection) -> list[str]:
    """Return the names of the changes that a store has received.

    Nothing is read of them unless they are the plain table that they should be: a view of that name would run.
    """
    found, expected = _objects(path, db), _expected(())
    for key in [key for key in found if key[1] == "migrations" and found[key] != expected.get(key)]:
        raise damaged(path, f"its {key[0]} 'migrations' is not the one that unroll has made")
    return migrations.applied(db)


def check(path: Path, db: sqlite3.Connection, names: list[str]) -> None:
    """Raise StoreFormatError unless the schema is the one that these changes have made."""
    found = {key: sql for key, sql in _objects(path, db).items() if not str(key[1]).startswith(OF_SQLITE)}
    if not found:
        return  # empty: its schema is still to be made
    expected = _expected(tuple(names))
    for kind, name in sorted(found.keys() - expected.keys(), key=repr):
        raise StoreFormatError(
            f"{path} holds a {kind} {str(name)[:100]!r} that no unroll has made, and is not opened: it could "
            "change what is read. Drop it, if it is yours, or name another store with --store."
        )
    for kind, name in sorted(expected.keys() - found.keys()):
        raise damaged(path, f"its {kind} {name!r} is missing")
    for kind, name in sorted(key for key in expected if expected[key] != found[key]):
        raise damaged(path, f"its {kind} {name!r} is not the one that unroll has made")


OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"


def _objects(path: Path, db: sqlite3.Connection) -> dict[tuple[str, str], str]:
    try:
        return {(kind, name): _plain(sql) for kind, name, sql in db.execute(OBJECTS).fetchall()}
    except (sqlite3.OperationalError, sqlite3.DataError) as error:
        if not _is_of_the_file(error):
            raise
        raise damaged(path, error) from error


@cache
def _expected(names: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """Return the schema after the changes with these names."""
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
        for migration in migrations.MIGRATIONS:
            if migration.name in names:
                for statement in migration.statements:
                    db.execute(statement)
        return {(kind, name): _plain(sql) for kind, name, sql in db.execute(OBJECTS).fetchall()}
    finally:
        db.close()


def _plain(sql: object) -> str:
    """Return SQL without what differs between versions of SQLite: white space, and quotes round names."""
    return re.sub(r"\s+", " ", re.sub(r'"(\w+)"', r"\1", str(sql))).strip()


def _is_of_the_file(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)


def _authorize(action: int, first: str | None, second: str | None, _schema: str | None, inner: str | None) -> int:
    """Stand in for the defensive mode: called when a statement is made, with what it is about to do."""
    if action in REFUSED or (action == sqlite3.SQLITE_FUNCTION and second == "load_extension"):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and first in FORBIDDEN_PRAGMAS and second is not None:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
