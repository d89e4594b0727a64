"""Parts of a study for several machines, which need to know nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unroll.errors import UnknownNameError
from unroll.study import Trial

Part = Callable[[Sequence[Trial]], Sequence[Trial]]
"""Which of a study's trials are meant, such as ``Shard(2, 8).take``."""


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``of``, counted from 1: together the parts are the study, and no trial is in two.

    The trials are dealt out in turn, longest sequences first, so that the parts take about the same time. Which part a
    trial falls into depends on the study alone, not on the machine or on what has been trained.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UnknownNameError(
                f"There is no part {self.number} of {self.of}. Parts are counted from 1: 1/{self.of}."
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the part that a text such as "2/8" names. Raises UnknownNameError for any other text."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        if match is None:
            raise UnknownNameError(f'"{text}" names no part of a study. Write the part and their number, such as 2/8.')
        return cls(*map(int, match.groups()))

    def take(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        """Return this part of a study's trials, in the study's order."""
        dealt = sorted(trials, key=lambda trial: (-trial.length, trial.key))
        mine = {trial.key for trial in dealt[self.number - 1 :: self.of]}
        return tuple(trial for trial in trials if trial.key in mine)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
