"""What several commands begin with: the results of the study that was typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unroll.commands import Asked

if TYPE_CHECKING:
    from unroll.reading import Results


def results_of(study: str, overrides: Sequence[str], store: Path) -> Results:
    """Return a study's results; whatever they tell the reader to type names what was typed here."""
    from unroll.held import study_of
    from unroll.reading import Results

    return Results(study_of(study, store, overrides), store, Asked(study, tuple(overrides), str(store)))


def is_trial(what: str, store: Path) -> bool:
    """Say whether digits name a trial; a study of the store that has them as its name or digest goes first."""
    from unroll.held import held_study
    from unroll.store.keys import names_trial

    return names_trial(what) and held_study(what, store) is None


def file_name(name: str) -> str:
    """Return a study's name as a file's: letters, digits, dots and dashes; anything else becomes a dash."""
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-")[:80]
    return kept or "report"
