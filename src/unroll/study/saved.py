"""How a study is named in a command by whoever has only its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from unroll.defaults import MAX_TRIALS
from unroll.errors import StudyError
from unroll.study.files import read_study, shipped_studies, spelled, write_study
from unroll.study.study import Study

FILE = "study.toml"


@dataclass(frozen=True)
class Saved:
    """A study as it can be handed on: its shipped name, or the file that its ``text`` is to be saved in.

    ``text`` is "" where it comes with unroll; ``overrides`` are what ``--set`` adds to it.
    """

    name: str
    text: str
    overrides: tuple[str, ...]
    trials: int

    def command(self, verb: str, *further: str) -> str:
        """Return ``unroll VERB`` of it, quoted for a shell; ``further`` are overrides that come last."""
        words = [quote(self.name), *(f"--set {quote(text)}" for text in (*self.overrides, *further))]
        words += [f"--max-trials {self.trials}"] if verb == "run" and self.trials > MAX_TRIALS else []
        return " ".join(["unroll", verb, *words])


def saved(study: Study) -> Saved:
    """Return how a study can be handed on."""
    overrides = spelled(study.overrides)
    shipped = _is_shipped(study, overrides)
    text = "" if shipped else write_study(study)
    return Saved(study.name if shipped else FILE, text, overrides, study.count())


def _is_shipped(study: Study, overrides: Sequence[str]) -> bool:
    if study.name not in shipped_studies():
        return False
    try:
        shipped = read_study(study.name, overrides, check=False)
        return shipped.digest == study.digest and study.questions in ((), shipped.questions)
    except StudyError:
        return False
