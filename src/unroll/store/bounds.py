"""How much work SQLite may do on a file: no more than its size explains.

The pages of a table lead to each other. A file of ten pages, of which each leads to the next three hundred times, is a
table of more rows than anyone can read, and SQLite notices that only when it is asked to check the whole file. So its
steps are counted. What is read of an honest store takes less than a twentieth of a step for each byte of it.
"""

from __future__ import annotations

import sqlite3
from typing import Any

READING = 300_000
"""Steps of one look at a store, beside those for its size."""
WRITING = 2_000_000_000
"""The same for a change: what is written is not in the file yet, and a study of a million trials is planned at once."""
A_BYTE = 2
"""Steps for each byte of the file."""
STEPS = 20_000
"""After so many steps they are counted."""


class Bounded(sqlite3.Connection):
    """A connection whose work is bounded, from the last call of ``renew`` on; beyond it, SQLite is interrupted."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self._work = _Work()
        self.set_progress_handler(self._work.count, STEPS)

    def renew(self, most: int = READING, beside: int = 0) -> None:
        """Allow the work of another transaction; ``beside`` are bytes that it takes from elsewhere."""
        self._work.left = READING
        self._work.left = most + A_BYTE * (self.size() + beside)

    def size(self) -> int:
        """Return the bytes of all pages."""
        (pages,), (page,) = (self.execute(f"PRAGMA {of}").fetchone() for of in ("page_count", "page_size"))
        return int(pages) * int(page)


class _Work:
    """What is left of the steps. No part of the connection, which it would keep alive."""

    def __init__(self) -> None:
        self.left = READING

    def count(self) -> int:
        self.left -= STEPS
        return int(self.left < 0)
