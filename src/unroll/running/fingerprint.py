"""Under what a trial ran, kept beside its result."""

from __future__ import annotations

import subprocess
from functools import cache
from typing import Any

from unroll.executors import Executor
from unroll.running.work import Outcome


def fingerprint(outcome: Outcome, executor: Executor) -> dict[str, Any]:
    """Return the two parts: *numerics*, on which the bits depend, and *circumstances*, on which they do not."""
    circumstances = {
        **outcome.circumstances,
        "workers": executor.slots,
        "executor": executor.describe(),
        "git": git_state(),
    }
    return {"numerics": dict(outcome.numerics), "circumstances": circumstances}


@cache
def git_state() -> dict[str, Any] | None:
    """Return the commit of the repository that the program runs in and whether it has changes; None outside of one."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
