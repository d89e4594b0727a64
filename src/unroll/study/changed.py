"""Whether a user's file is still what it was when its study was planned last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from unroll.study.user_file import DIGITS, Planned, hashes


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
