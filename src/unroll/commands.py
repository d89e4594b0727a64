"""Commands that users are told to type: whole, quoted for a shell, about the source that they typed themselves."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unroll.defaults import MAX_TRIALS, STORE


@dataclass(frozen=True)
class Asked:
    """What somebody asked for on the command line: a study, the settings that ``--set`` gave it, a store, a limit."""

    source: str
    overrides: tuple[str, ...] = ()
    store: str = STORE
    max_trials: int = MAX_TRIALS

    def command(self, verb: str, *options: str) -> str:
        """Return the command that does this to what was asked for."""
        source = f"./{self.source}" if self.source.startswith("-") else self.source  # else it would be an option
        limit = ["--max-trials", str(self.max_trials)] if verb in ("check", "run") else []
        words = [program(), verb, source, *_each("--set", self.overrides)]
        words += ["--store", self.store] if Path(self.store) != Path(STORE) and verb != "check" else []
        words += limit if self.max_trials != MAX_TRIALS else []
        return shlex.join([*words, *options])


def _each(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def program() -> str:
    """Return how the command ``unroll`` can be called again: its name, or its path where the name is not found."""
    if shutil.which("unroll"):
        return "unroll"
    path = Path(sys.argv[0])
    return str(path) if path.name == "unroll" else "unroll"
