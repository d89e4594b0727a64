"""What of a study's trials is not what was written, as far as it was read, in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from unroll.wording import capital, counted, listed

MOST_NAMED = 5


@dataclass
class Damage:
    """What readers have found damaged: by a trial's key, what of it is.

    ``lost``: how many trials of the study have a damaged plan, and so no key. ``examinations``: trials of which what
    measures found is damaged, which costs them nothing else.
    """

    lost: int = 0
    trials: dict[str, str] = field(default_factory=dict)
    examinations: dict[str, str] = field(default_factory=dict)

    @property
    def told(self) -> str | None:
        """What is damaged and left out, and what to do; None where nothing is."""
        return " ".join(filter(None, (self._of_trials(), self._of_examinations()))) or None

    def _of_trials(self) -> str:
        count = self.lost + len(self.trials)
        if not count:
            return ""
        named = f" ({_some(self.trials)})" if self.trials else ""
        return (
            f"{capital(counted(count, 'trial'))} of this study {'is' if count == 1 else 'are'} damaged and left out"
            f"{named}. See all: unroll doctor --verify. Train them again: unroll forget --damaged, then unroll run."
        )

    def _of_examinations(self) -> str:
        count = len(self.examinations)
        if not count:
            return ""
        return (
            f"What measures found in {counted(count, 'trained network')} is damaged and left out "
            f"({_some(self.examinations)}); the trials are whole. See all: unroll doctor --verify. Remove just that: "
            "unroll forget --damaged."
        )


def _some(keys: Iterable[str]) -> str:
    return listed([key[:8] for key in list(keys)[:MOST_NAMED]])
