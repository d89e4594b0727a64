"""What tasks have in common whose data are given: a data set, or a user's own file."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from unroll.tasks.base import Task


class Given(Task):
    """A task whose sequences are there and are not drawn, so that nobody chooses how many: the sizes are no settings.

    A trial's seed decides about its weights and its order alone, unless the task says more.
    """

    train: ClassVar[int] = 0  # type: ignore[misc]  # no fields: a study file that names them is told so
    validation: ClassVar[int] = 0  # type: ignore[misc]
    test: ClassVar[int] = 0  # type: ignore[misc]
    fresh: ClassVar[bool] = False  # type: ignore[misc]

    @abstractmethod
    def examples(self, length: int) -> tuple[int, int, int]:
        """Return how many examples the three splits have."""
