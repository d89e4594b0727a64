"""Without any fault each scenario goes through and is judged right: else a sweep would find nothing or everything.

Seen to fail: old stores that were planned with columns which they did not have yet. Planted and found: a complete trial
that keeps its checkpoint.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS, judge
from unroll.store import filesystem


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_without_a_fault(scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "mount_of", filesystem.mount_of)  # one of them changes it
    prepare, act = SCENARIOS[scenario]
    path, told = tmp_path / "results.db", []
    prepare(path)
    act(path, told.append)
    assert told
    assert judge(path, told) is None
