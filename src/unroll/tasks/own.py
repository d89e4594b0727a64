"""What tasks of a user's own file have in common: parts by place, windows within a part, nothing shared."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from unroll.study.user_file import FileSetting
from unroll.tasks.given import Given

HELD = 20
"""One in so many is for validation, and as many are for the test."""


class Own(Given):
    """A user's file, read from its beginning to its end: the first 90 % train, then 5 % validation, 5 % test.

    Windows of T steps are cut from each part, without overlap; every step is asked. ``gap`` values between the parts
    are left out. The trial's key holds the SHA-256 of the file, not its path: moved or renamed it is the same trial,
    changed it is another one.
    """

    file: FileSetting = Field(examples=["my-file"])

    @abstractmethod
    def size(self) -> int:
        """Return how many steps the file has."""

    @abstractmethod
    def reach(self) -> int:
        """Return how many steps after a window its last target lies."""

    def gap(self, length: int) -> int:
        """Return how many steps between two parts are left out."""
        return 0

    def parts(self, length: int) -> tuple[range, range, range]:
        """Return the steps of training, validation and test."""
        n, gap = self.size(), self.gap(length)
        held = max(0, n - 2 * gap) // HELD
        first = max(0, n - 2 * (gap + held))
        return range(first), range(first + gap, first + gap + held), range(n - held, n)

    def check_data(self) -> None:
        """The file must be there, be the one that was meant, and be readable."""
        self.size()

    def examples(self, length: int) -> tuple[int, int, int]:
        """See Given: windows."""
        train, validation, test = (max(0, len(part) - self.reach()) // length for part in self.parts(length))
        return train, validation, test

    def check_length(self, length: int) -> None:
        """Each part must have a window."""
        super().check_length(length)
        if not min(self.examples(length)):
            needed = length + self.reach()
            raise ValueError(
                f"{length} is too long for {self.file.name}: 1/{HELD} of its {self.size():,} steps is for the test, "
                f"{len(self.parts(length)[2]):,}, and a window with its targets takes {needed:,}. Give a file of at "
                f"least {HELD * needed + 2 * self.gap(length):,} steps, or shorten the length"
            )

    @property
    def notes(self) -> str:
        """The file's name."""
        return self.file.name
