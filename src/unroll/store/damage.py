"""What of a study's trials is not what was written, as far as it was read, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from unroll.wording import capital, counted, listed

MOST_NAMED = 5


class Found:
    """Trials, by their keys, of which something was damaged when that was last read."""

    def __init__(self) -> None:
        self._parts: dict[str, set[str]] = {}

    def note(self, part: str, read: Iterable[str], damaged: Collection[str]) -> None:
        """Take note of which of the trials that were read have a part that is damaged; the others have it no more."""
        for key in read:
            if key in self._parts:
                self._parts[key].discard(part)
        for key in damaged:
            self._parts.setdefault(key, set()).add(part)

    @property
    def keys(self) -> Sequence[str]:
        """Those trials, in the order in which they were found."""
        return [key for key, parts in self._parts.items() if parts]


@dataclass
class Damage:
    """What readers have found damaged.

    ``lost``: how many trials of the study have a damaged plan, and so no key. ``trials``: those whose results are, or a
    history. ``examinations``: those of which what measures found is damaged, which costs them nothing else.
    """

    lost: int = 0
    trials: Found = field(default_factory=Found)
    examinations: Found = field(default_factory=Found)

    @property
    def told(self) -> str | None:
        """What is damaged and left out, and what to do; None where nothing is."""
        return " ".join(filter(None, (self._of_trials(), self._of_examinations()))) or None

    def _of_trials(self) -> str:
        keys = self.trials.keys
        count = self.lost + len(keys)
        if not count:
            return ""
        named = f" ({_some(keys)})" if keys else ""
        return (
            f"{capital(counted(count, 'trial'))} of this study {'is' if count == 1 else 'are'} damaged and left out"
            f"{named}. See all: unroll doctor --verify. Train them again: unroll forget --damaged, then unroll run."
        )

    def _of_examinations(self) -> str:
        keys = self.examinations.keys
        if not keys:
            return ""
        return (
            f"What measures found in {counted(len(keys), 'trained network')} is damaged and left out "
            f"({_some(keys)}); the trials are whole. See all: unroll doctor --verify. Remove just that: "
            "unroll forget --damaged."
        )


def _some(keys: Sequence[str]) -> str:
    return listed([key[:8] for key in keys[:MOST_NAMED]])
