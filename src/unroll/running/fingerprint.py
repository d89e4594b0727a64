"""Under what a trial ran, kept beside its result."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from typing import Any

from unroll.executors import Executor
from unroll.running.messages import Outcome


def surroundings(executor: Executor) -> dict[str, Any]:
    """Return what the coordinator knows of a run's circumstances; asked before anything is trained.

    Whatever goes wrong with it goes wrong then, and not between a result and its commit.
    """
    return {"workers": executor.slots, "executor": executor.describe(), "git": git_state()}


def fingerprint(outcome: Outcome, around: Mapping[str, Any]) -> dict[str, Any]:
    """Return the two parts: *numerics*, on which the bits depend, and *circumstances*, on which they do not."""
    return {"numerics": dict(outcome.numerics), "circumstances": {**outcome.circumstances, **around}}


@cache
def git_state() -> dict[str, Any] | None:
    """Return the commit of the repository that the program runs in and whether it has changes; None outside of one."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], capture_output=True, check=True, timeout=10)  # noqa: S603, S607
        return done.stdout.decode(errors="replace").strip()  # names of files may be in any encoding

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
