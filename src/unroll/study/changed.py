"""Whether users' files and plug-ins are still what they were when a study was planned last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from unroll.errors import DataError, PlugInError, StudyError
from unroll.study.expansion import in_blocks
from unroll.study.study import Study
from unroll.study.user_file import DIGITS, Planned, UserFile, hashes
from unroll.wording import counted

AS_STORED = "Its results are shown as they were stored."


def stale(study: Study, planned: Sequence[Planned], lost: int = 0) -> str | None:
    """Return what has changed since the trials of a study were planned, so that a run would train anew, or could not.

    None where nothing has. ``lost``: of how many more trials the plan is damaged, which is told elsewhere.
    """
    try:
        blocks = in_blocks(study, study.count())
    except PlugInError as error:
        return f"{error} {AS_STORED}"
    except StudyError:
        unread = _unread(planned)
        if unread:
            return f"{unread}. {AS_STORED}"
        return "A plug-in that this study needs is not installed here; its results are shown as they were stored."
    asked = {(block.condition.condition, seed) for block in blocks for seed in block.seeds}
    changed = len(asked - {(one.condition, one.seed) for one in planned})
    if changed <= lost:
        return None
    files = " ".join(changes(planned, [block.condition for block in blocks if block.seeds]))
    anew = f"would train {counted(changed, 'trial')} anew."
    return f"{files} A run {anew}" if files else f"Tasks or models have changed since: a run {anew}"


def _unread(planned: Sequence[Planned]) -> str:
    """Return which user's file of these trials is missing or has changed; "" where none is."""
    for setting, path, sha256 in dict.fromkeys(one for trial in planned for one in hashes(trial)):
        try:
            UserFile(sha256=sha256, path=path).read(setting)
        except DataError as error:
            return str(error)
    return ""


def changes(before: Sequence[Planned], now: Sequence[Planned]) -> Iterator[str]:
    """Yield what to say of each file that lay at the same place with other content, or is another one now."""
    then, here = (
        {(name, hash_): path for one in trials for name, path, hash_ in hashes(one)} for trials in (before, now)
    )
    for (name, hash_), path in here.items():
        others = [old for old in then if old[0] == name and old not in here]
        if (name, hash_) in then or not others:
            continue
        old = others[-1]
        same = then[old] == path
        fact = "has changed" if same else f"is not {Path(then[old]).name or 'the file'} of last time"
        yield (
            f"{Path(path).name} {fact} (SHA-256 {old[1][:DIGITS]} then, {hash_[:DIGITS]} now), so its trials are new. "
            "What the other content gave stays in the store, under the keys that it had."
        )
