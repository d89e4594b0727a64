"""Which study is meant: a shipped one, that of a file, or one that a store holds under its name or digest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from unroll.defaults import STORE
from unroll.errors import StudyError
from unroll.store import Store
from unroll.study import Study, read_study

DIGEST = re.compile("[0-9a-f]{6,64}")
"""The first digits of a study's digest, as many as are told apart."""


def study_of(
    source: Study | str | Path, store: str | Path = STORE, overrides: Sequence[str] = (), *, check: bool = False
) -> Study:
    """Return a study by its shipped name, by the path of its file, or as the store holds it, by its name there.

    There, the first digits of its digest name it too; of several with one name and these ``overrides`` it is the one
    that was planned last. ``check``: see ``read_study``. Raises StudyError where there is none.
    """
    if isinstance(source, Study):
        return source
    try:
        return read_study(source, overrides, check=check)
    except StudyError:
        held = held_study(str(source), store, overrides) if isinstance(source, str) else None
        if held is None or Path(source).is_file():
            raise
        return held


def held_study(name: str, store: str | Path, overrides: Sequence[str] = ()) -> Study | None:
    """Return the study that a store holds under a name or the first digits of its digest; None where it has none."""
    if not Path(store).exists():
        return None
    with Store.open(store) as opened:
        records = opened.heads()
        found = [one for one in records if one.name == name and (not overrides or one.overrides == tuple(overrides))]
        if not found and DIGEST.fullmatch(name):
            found = [one for one in records if one.digest.startswith(name)]
    return Study(**found[-1].spec) if found else None
